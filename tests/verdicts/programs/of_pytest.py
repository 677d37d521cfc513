import enum
import os
import time
from decimal import Decimal
from fractions import Fraction

import pytest
import shop
from shop import Till, register, total


class Colour(enum.Enum):
    RED = 1


@pytest.fixture
def prices():
    return [1, 2, 3]


@pytest.fixture(params=[1, 2], ids=["one", "two"])
def number(request):
    return request.param


@pytest.fixture
def name(name):
    return f"{name}-inner"


@pytest.fixture
def doubled(number, prices):
    return [number * price for price in prices]


@pytest.fixture
def broken():
    raise LookupError("no such thing")


@pytest.fixture
def falls_apart():
    yield 1
    raise LookupError("at the end")


@pytest.fixture(params=["direct"])
def through(request):
    return f"<{request.param}>"


@pytest.fixture(scope="module")
def counted():
    return []


@pytest.fixture
def finalized(request):
    request.addfinalizer(lambda: shop.REGISTER.clear())
    return request.getfixturevalue("prices")


def helper(value):
    assert value > 2, "helper"


def setup_function(function):
    shop.REGISTER.append(function.__name__)


def teardown_function():
    shop.REGISTER.clear()


def test_passes(prices):
    assert total(prices) == 6


def test_fails(prices):
    found = total(prices)
    assert found == 7


def test_set_up_by_name():
    assert shop.REGISTER == ["test_set_up_by_name"]


@pytest.mark.parametrize(
    "a,b", [(1, 1), (2, 3), pytest.param(4, 5, id="four", marks=pytest.mark.xfail(reason="known")), (1, 1)]
)
def test_rows(a, b):
    assert total([a]) == b


@pytest.mark.parametrize("value", [1.5, None, True, "text", "é", b"\xff", Colour.RED, int, [1], "", Fraction(1, 2)])
@pytest.mark.parametrize("other", ("x", "y"))
def test_ids(value, other):
    assert value != 1.5 or other == "x"


@pytest.mark.parametrize("through", ["a", "b"], indirect=True)
def test_indirect(through):
    assert through == "<a>"


@pytest.mark.parametrize("value", [])
def test_no_rows(value):
    assert False


@pytest.mark.parametrize("value", [1, 2], ids=lambda value: f"v{value}")
@pytest.mark.usefixtures("till")
def test_ids_by_function(value):
    assert value == 1


def test_fixture_of_fixture(doubled):
    assert doubled == [1, 2, 3]


def test_overridden(name):
    assert name == "outer-inner"


def test_yields(till):
    till.money = 5


def test_broken(broken):
    pass


def test_falls_apart(falls_apart):
    assert falls_apart


def test_counted_first(counted):
    counted.append(1)
    assert counted == [1]


def test_counted_second(counted):
    counted.append(1)
    assert counted == [1]


def test_finalized(finalized):
    assert finalized == [1, 2, 3]


def test_raises():
    with pytest.raises(TypeError, match="not iterable") as caught:
        total(None)
    assert "NoneType" in str(caught.value)
    assert caught.type is TypeError


def test_does_not_raise():
    with pytest.raises(ValueError):
        Till().put(1)


def test_raises_another():
    with pytest.raises(KeyError):
        Till().put(-1)


def test_raises_otherwise():
    with pytest.raises(ValueError, match="positive"):
        Till().put(-1)


def test_raises_call():
    caught = pytest.raises(ValueError, Till().put, -1)
    assert caught.match("-1 is")


def test_error():
    total(5)


def test_helper():
    helper(1)


def test_approx():
    assert pytest.approx(0.3) == 0.1 + 0.2
    assert pytest.approx([0.3, 1]) == [0.1 + 0.2, 1]
    assert pytest.approx({"a": 0.3}) == {"a": 0.1 + 0.2}
    assert Decimal("0.30") == pytest.approx(Decimal("0.3"))
    assert pytest.approx(1) != 1.1
    assert pytest.approx(None) == None
    assert (1, float("inf")) == pytest.approx((1, float("inf")))


def test_not_approx():
    assert pytest.approx(1, abs=0.001) == 1.01


def test_capsys(capsys):
    print("hello")
    out, err = capsys.readouterr()
    assert (out, err) == ("hello\n", "")
    print("again")
    assert capsys.readouterr().out == "again"


def test_monkeypatch(monkeypatch):
    monkeypatch.setattr(shop, "total", lambda prices: 42)
    monkeypatch.setitem(shop.__dict__ if False else os.environ, "CUSTOM_VARIABLE", "1")
    assert shop.total([]) == 42
    assert os.environ["CUSTOM_VARIABLE"] == "1"


def test_monkeypatch_is_undone():
    assert shop.total([1]) == 1
    assert "CUSTOM_VARIABLE" not in os.environ


def test_monkeypatch_by_name(monkeypatch):
    monkeypatch.setattr("shop.REGISTER", [])
    register(1)
    assert shop.REGISTER == [1]


def test_warns():
    with pytest.warns(DeprecationWarning, match="nothing"):
        register(None)


def test_does_not_warn():
    with pytest.warns(UserWarning):
        register(1)


@pytest.mark.skip(reason="no need")
def test_skipped():
    assert False


@pytest.mark.skipif(len([1]) == 1, reason="so it is")
def test_skipped_if():
    assert False


def test_skips():
    pytest.skip("now")


def test_fails_on_purpose():
    pytest.fail("on purpose")


@pytest.mark.xfail
def test_unexpectedly_passes():
    pass


@pytest.mark.xfail(strict=True)
def test_strictly():
    pass


@pytest.mark.xfail(raises=ValueError)
def test_fails_otherwise():
    raise KeyError("x")


def test_file(tmp_path):
    (tmp_path / "x").write_text("1")


def test_time():
    assert time.time() > 1


def test_not_in_the_stand_in():
    assert pytest.RaisesGroup


def test_node(request):
    assert request.node.name == "test_node"


@pytest.mark.skipif(False, reason="x")
@pytest.mark.usefixtures("till")
def test_marks(request):
    assert [mark.name for mark in request.node.iter_markers()] == ["usefixtures", "skipif"]
    assert request.node.get_closest_marker("usefixtures").args == ("till",)


def test_chained():
    assert 1 < total([2]) < 2


def test_not_a_comparison():
    assert not total([2]), "a message"


def test_in():
    assert 5 in [total([1]), 2]


class TestTill:
    limit = 3

    @pytest.fixture(autouse=True)
    def prepared(self):
        self.till = Till()

    def setup_method(self, method):
        self.name = method.__name__

    @pytest.fixture
    def filled(self):
        self.till.put(self.limit)
        return self.till

    def test_filled(self, filled):
        assert filled.money == 3
        assert filled is self.till

    def test_name(self):
        assert self.name == "test_nam"

    @pytest.mark.parametrize("amount", [1, -1])
    def test_put(self, amount):
        self.till.put(amount)

    @staticmethod
    def test_static(prices):
        assert prices

    class TestInner:
        def test_inner(self):
            assert False


class TestMore(TestTill):
    limit = 4


class TestWithInit:
    def __init__(self):
        pass

    def test_not_collected(self):
        assert False


class Plain:
    def test_not_collected(self):
        assert False


test_assigned = lambda: None  # noqa: E731
