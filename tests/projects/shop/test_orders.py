import pytest
from orders import largest, order_total


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([("tea", 2), ("pot", 1)], 26.0),
        ([("mug", 3)], 24.0),
        ([], 0.0),
    ],
)
def test_order_total(order, expected):
    assert order_total(order) == expected


def test_members_pay_less():
    assert order_total([("pot", 1)], member=True) == 16.2


def test_the_largest_order():
    assert largest([[("tea", 1)], [("mug", 2)]]) == 16.0


def test_unknown_things_are_refused():
    with pytest.raises(KeyError):
        order_total([("cup", 1)])
