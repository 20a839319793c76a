"""What counts, and what it adds up to, against a naive reading in Python's own decimals."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.staged_builders import (
    AS_OF,
    NOT_COUNTED,
    SEEN,
    a_deletion,
    a_refund,
    an_account,
    an_order,
    marts,
    person,
    staged,
)
from transforms.metrics import average
from transforms.schemas import MONEY

MICRO = Decimal("0.000001")
MOMENT = timedelta(microseconds=1)
LATER = SEEN + timedelta(hours=1)
AMOUNTS = st.decimals(-9_999_999, 9_999_999, places=6)
TIMES = st.datetimes(datetime(2026, 6, 28), datetime(2026, 7, 3), timezones=st.just(UTC))  # noqa: DTZ001
ORDERS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["EUR", "USD", "GBP"]),
        st.sampled_from(["completed", "processing", "cancelled", "trash"]),
        AMOUNTS,
        TIMES,
    ),
    max_size=12,
)
REFUNDS = st.lists(st.tuples(st.integers(0, 11), AMOUNTS, TIMES), max_size=8)


def naive(orders: list[dict[str, Any]], refunds: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[Any]]:
    """Return `(key, currency) -> [count, gross, refunded, first, last]`, one order and refund at a time."""
    sums: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, Decimal(0), Decimal(0), None, None])
    by_id = {order["order_id"]: order for order in orders}
    for order in orders:
        if order["status"] not in NOT_COUNTED and order["created_at"] < AS_OF:
            row = sums[f"woo:{order['woocommerce_id']}", order["currency"]]
            row[0] += 1
            row[1] += order["total"]
            row[3] = min(row[3] or order["created_at"], order["created_at"])
            row[4] = max(row[4] or order["created_at"], order["created_at"])
    for refund in refunds:
        order = by_id.get(refund["order_id"])
        if order and order["status"] not in NOT_COUNTED and refund["created_at"] < AS_OF:
            sums[f"woo:{order['woocommerce_id']}", order["currency"]][2] += refund["amount"]
    return sums


@settings(max_examples=30, deadline=None)
@given(ORDERS, REFUNDS)
def test_figures_are_those_of_a_naive_sum(orders: list[tuple[Any, ...]], refunds: list[tuple[Any, ...]]) -> None:
    """Gross, refunded, net and averages of every person and currency, to the last millionth."""
    keys = ("woocommerce_id", "currency", "status", "total", "created_at")
    order_rows = [
        an_order(n, refund_ids=list(range(100)), **dict(zip(keys, row, strict=True))) for n, row in enumerate(orders)
    ]
    refund_rows = [a_refund(n, order, amount, created_at=at) for n, (order, amount, at) in enumerate(refunds)]
    expected = naive(order_rows, refund_rows)

    tables = marts(staged(orders=order_rows, refunds=refund_rows), only=["customers", "customer_currencies"])

    columns = ["orders_count", "gross", "refunded", "first_order_at", "last_order_at"]
    rows = tables["customer_currencies"].to_dicts()
    assert {(row["customer_key"], row["currency"]): [row[name] for name in columns] for row in rows} == expected
    for row in [*rows, *tables["customers"].to_dicts()]:
        count = row["orders_count"]
        assert row["net"] == row["gross"] - row["refunded"]
        if "r" not in row:  # customers count orders over all currencies, their average over the main one
            wanted = (row["net"] / count).quantize(MICRO, ROUND_HALF_EVEN) if count else Decimal(0)
            assert row["average_order"] == wanted


@settings(max_examples=30, deadline=None)
@given(ORDERS)
def test_the_main_currency_is_that_of_most_orders_then_of_the_latest_then_of_the_alphabet(
    orders: list[tuple[Any, ...]],
) -> None:
    """A person's figures stand in one currency; which one must not depend on chance."""
    keys = ("woocommerce_id", "currency", "status", "total", "created_at")
    order_rows = [an_order(n, **dict(zip(keys, row, strict=True))) for n, row in enumerate(orders)]
    sums = naive(order_rows, [])

    for row in marts(staged(orders=order_rows), only=["customers"])["customers"].to_dicts():
        own = {currency: one for (key, currency), one in sums.items() if key == row["customer_key"]}
        if own:
            main = min(own, key=lambda currency: (-own[currency][0], -own[currency][4].timestamp(), currency))
            assert (row["currency"], row["gross"]) == (main, own[main][1])
            assert row["orders_count"] == sum(one[0] for one in own.values())
            assert row["last_order_at"] == max(one[4] for one in own.values())
            assert row["first_order_at"] == min(one[3] for one in own.values())
        else:
            assert (row["currency"], row["orders_count"], row["gross"]) == (None, 0, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.decimals(-999_999_999_999, 999_999_999_999, places=6), st.integers(1, 10**6)), min_size=1))
def test_averages_round_half_to_even_at_the_sixth_decimal(pairs: list[tuple[Decimal, int]]) -> None:
    """The one rounded figure is rounded as documented, over the whole range of money."""
    frame = pl.LazyFrame(
        {"net": [pair[0] for pair in pairs], "count": [pair[1] for pair in pairs]},
        schema={"net": MONEY, "count": pl.Int64},
    )

    averages = frame.select(average(pl.col("net"), pl.col("count"))).collect().to_series().to_list()

    assert averages == [(net / count).quantize(MICRO, ROUND_HALF_EVEN) for net, count in pairs]


@pytest.mark.parametrize(("cents", "count", "expected"), [(5, 2, "0.000002"), (7, 2, "0.000004"), (-5, 2, "-0.000002")])
def test_an_average_half_way_goes_to_the_even_neighbour(cents: int, count: int, expected: str) -> None:
    """Random amounts seldom meet the half; these always do."""
    frame = pl.LazyFrame({"net": [cents * MICRO]}, schema={"net": MONEY})

    assert frame.select(average(pl.col("net"), pl.lit(count))).collect().item() == Decimal(expected)


def test_an_order_at_the_as_of_instant_does_not_count_and_the_one_before_does() -> None:
    """`as_of` is exclusive: 00:00 of a day is not yet yesterday."""
    tables = marts(staged(orders=[an_order(1, created_at=AS_OF), an_order(2, created_at=AS_OF - MOMENT)]))

    assert tables["orders"].select("order_id", "counted").rows() == [(1, False), (2, True)]
    assert person(tables, "woo:1")["orders_count"] == 1


def test_a_refund_before_as_of_counts_though_its_order_is_later() -> None:
    """A refund without its original stands on a later order of the same person; the money went back all the same."""
    orders = [an_order(1), an_order(2, created_at=AS_OF + MOMENT, refund_ids=[9])]
    refund = a_refund(9, 2, "3")

    row = person(marts(staged(orders=orders, refunds=[refund])), "woo:1")

    assert (row["orders_count"], row["gross"], row["refunded"], row["net"]) == (1, 10, 3, 7)


def test_a_refund_at_as_of_or_of_an_order_that_does_not_count_does_not_count() -> None:
    """Money not yet returned on that day, and money of orders that never counted, change nothing."""
    orders = [an_order(1, refund_ids=[8]), an_order(2, status="failed", refund_ids=[9])]
    refunds = [a_refund(8, 1, created_at=AS_OF), a_refund(9, 2)]

    tables = marts(staged(orders=orders, refunds=refunds))

    assert tables["refunds"].select("refund_id", "counted").rows() == [(8, False), (9, False)]
    assert person(tables, "woo:1")["refunded"] == 0
    assert tables["orders"].select("refunded", "net").rows() == [(0, 10), (1, 9)]


def test_net_may_be_negative() -> None:
    """Shops hold refunds above the total; the sum must say so instead of stopping at zero."""
    tables = marts(staged(orders=[an_order(1, refund_ids=[7])], refunds=[a_refund(7, 1, "12.50")]))

    assert (person(tables, "woo:1")["net"], tables["orders"]["net"].item()) == (Decimal("-2.5"), Decimal("-2.5"))


def test_trash_never_counts_whatever_the_setting_says() -> None:
    """A setting lists statuses of business; the trash is not one."""
    tables = marts(staged(orders=[an_order(1, status="trash"), an_order(2, status="pending")]), not_counted=())

    assert tables["orders"]["counted"].to_list() == [False, True]


def test_a_deleted_order_stays_and_does_not_count_unless_it_was_seen_again() -> None:
    """A tombstone older than the row is superseded: the order was restored, or the answer was a fault."""
    deletions = [a_deletion("order", 1, LATER), a_deletion("order", 2, SEEN - MOMENT), a_deletion("customer", 3, LATER)]

    tables = marts(staged(orders=[an_order(1), an_order(2), an_order(3)], deletions=deletions))

    assert tables["orders"].select("order_id", "counted", "deleted_at").rows() == [
        (1, False, LATER),
        (2, True, None),
        (3, True, None),
    ]


def test_a_refund_that_its_order_no_longer_lists_is_gone() -> None:
    """The shop announces the deletion of a refund by nothing but the order's list, if that was read later."""
    orders = [
        an_order(1, refund_ids=[], observed_at=LATER),  # read after the refund: it is gone
        an_order(2, refund_ids=[], observed_at=SEEN - MOMENT),  # read before: the refund is new
        an_order(3, refund_ids=[13], observed_at=LATER),
        an_order(4, refund_ids=None, observed_at=LATER),  # unreadable list: says nothing
    ]
    refunds = [a_refund(10 + order["order_id"], order["order_id"]) for order in orders]
    deletions = [a_deletion("refund", 13, LATER)]

    tables = marts(staged(orders=orders, refunds=refunds, deletions=deletions))

    assert tables["refunds"]["refund_id"].to_list() == [12, 14]
    assert tables["orders"]["refunded"].to_list() == [0, 1, 0, 1]


def test_a_refund_without_its_order_is_shown_and_counts_for_nobody() -> None:
    """It has neither owner nor currency; guessing either would be wrong."""
    tables = marts(staged(refunds=[a_refund(5, 77)]))

    assert tables["refunds"].select("refund_id", "customer_key", "currency", "counted").rows() == [
        (5, None, None, False)
    ]


@pytest.mark.parametrize(
    ("last", "days"),
    [
        (datetime(2026, 6, 30, 21, 59, tzinfo=UTC), 1),  # 23:59 of 30 June in Berlin
        (datetime(2026, 6, 29, 22, 0, tzinfo=UTC), 1),  # 00:00 of 30 June
        (datetime(2026, 6, 29, 21, 59, tzinfo=UTC), 2),
        (datetime(2026, 3, 28, 23, 30, tzinfo=UTC), 94),  # 00:30 of 29 March, the day with 23 hours
    ],
)
def test_recency_counts_shop_days(last: datetime, days: int) -> None:
    """A 23-hour day is a day; hours divided by 24 would put people on the wrong side of a cut in spring."""
    assert person(marts(staged(orders=[an_order(1, created_at=last)])), "woo:1")["recency_days"] == days


def test_people_without_orders_have_zeros_and_no_scores() -> None:
    """They are customers too, and found by `orders_count = 0`."""
    row = person(marts(staged(customers=[an_account(4)], orders=[an_order(1)])), "woo:4")

    figures = ("orders_count", "gross", "refunded", "net", "average_order")
    assert {row[name] for name in figures} == {0}
    absent = ("currency", "first_order_at", "last_order_at", "recency_days", "r", "f", "m", "rfm_group")
    assert {row[name] for name in absent} == {None}
    assert row["segments"] == []
