"""Tests that use `unittest.mock`, each with what it should come to in its name."""

from unittest import mock
from unittest.mock import ANY, MagicMock, Mock, PropertyMock, call, patch, sentinel

import pytest
import shop


class Mailer:
    size = 3

    def send(self, to, text):
        raise RuntimeError("no network")


def notify(mailer, users):
    for user in users:
        mailer.send(user, f"hi {user}")


def test_calls():
    mailer = Mock()
    notify(mailer, ["a", "b"])
    mailer.send.assert_any_call("a", "hi a")
    mailer.send.assert_called_with("b", "hi b")
    assert mailer.send.call_count == 2
    assert mailer.send.call_args_list == [call("a", "hi a"), call("b", "hi b")]
    assert mailer.mock_calls == [call.send("a", "hi a"), call.send("b", "hi b")]
    mailer.assert_has_calls([call.send("b", "hi b")])


def test_called_once_fails():
    mailer = Mock()
    notify(mailer, ["a", "b"])
    mailer.send.assert_called_once()


def test_called_with_fails():
    mailer = MagicMock()
    notify(mailer, ["a"])
    mailer.send.assert_called_once_with("a", "hello a")


def test_not_called_fails():
    mailer = Mock()
    notify(mailer, ["a"])
    mailer.close.assert_not_called()
    mailer.send.assert_not_called()


def test_arguments():
    made = Mock()
    made(1, x=2)
    args, kwargs = made.call_args
    assert (args, kwargs) == ((1,), {"x": 2})
    assert made.call_args == ((1,), {"x": 2})
    assert made.call_args[0][0] == made.call_args.args[0] == 1
    made.assert_called_once_with(ANY, x=2)


def test_returns():
    made = Mock(return_value=3, **{"a.b": 4, "c.return_value": 5})
    assert (made(), made.a.b, made.c()) == (3, 4, 5)
    made.d.return_value.e = 6
    assert made.d().e == 6
    assert made.f() is made.f()


def test_side_effects():
    made = Mock(side_effect=[1, ValueError("x"), 2])
    assert made() == 1
    with pytest.raises(ValueError, match="x"):
        made()
    assert made() == 2
    made.side_effect = lambda value: value * 2
    assert made(4) == 8
    made.side_effect = KeyError
    with pytest.raises(KeyError):
        made(1)
    made.reset_mock()
    assert not made.called


def test_exhausted_fails():
    made = Mock(side_effect=[1])
    made()
    made()


def test_specification():
    made = Mock(spec=Mailer)
    made.send("a", "b")
    assert isinstance(made, Mailer)
    with pytest.raises(AttributeError):
        made.receive
    with pytest.raises(AttributeError):
        Mock(spec_set=["a"]).b = 1


def test_misspelt_fails():
    Mock().asert_called_once()


def test_special_methods():
    made = MagicMock()
    assert (len(made), bool(made), int(made), list(made), 1 in made) == (0, True, 1, [], False)
    made.__getitem__.return_value = 7
    made.__iter__.return_value = [1, 2]
    made.__len__.return_value = 3
    assert (made["x"], list(made), len(made)) == (7, [1, 2], 3)
    made.__getitem__.assert_called_once_with("x")
    with made as inside:
        inside.go()
    made.__enter__.return_value.go.assert_called_once_with()


def test_no_special_methods_fails():
    len(Mock())


def test_patch():
    before = shop.total
    with patch("shop.total", return_value=9) as fake:
        assert shop.total([1]) == 9
    fake.assert_called_once_with([1])
    assert shop.total is before


@patch("shop.total")
@mock.patch.object(Mailer, "send", return_value="sent")
def test_decorated(send, total, prices):
    total.return_value = sum(prices)
    assert (Mailer().send(1), shop.total(1)) == ("sent", 6)


@pytest.fixture
def prices():
    return [1, 2, 3]


@patch.object(Mailer, "size", 5)
def test_replaced():
    assert Mailer.size == 5


def test_replaced_is_back():
    assert Mailer.size == 3


def test_dict():
    table = {"a": 1}
    with patch.dict(table, {"b": 2}):
        assert table == {"a": 1, "b": 2}
    with patch.dict(table, clear=True):
        assert table == {}
    assert table == {"a": 1}


def test_started():
    patcher = patch.object(shop, "total", sentinel.total)
    assert patcher.start() is sentinel.total
    assert shop.total is sentinel.total
    patcher.stop()
    assert callable(shop.total)


def test_property():
    with patch.object(Mailer, "size", new_callable=PropertyMock) as size:
        size.return_value = 8
        assert Mailer().size == 8
    size.assert_called_once_with()


def test_wraps():
    made = Mock(wraps=shop.total)
    assert made([1, 2]) == 3
