"""Past days worked out from a version: they equal what a run as of that day derives."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.transforms.staged_builders import (
    AS_OF,
    BERLIN,
    Row,
    a_guest_order,
    a_refund,
    an_account,
    an_order,
    an_order_line,
    marts,
    staged,
)
from transforms.as_of import customers_as_of, not_yet
from transforms.migration import migration
from transforms.schemas import CUSTOMERS

PRODUCTS = [{"product_id": 1, "name": "Tea", "categories": ["Drinks"]}, {"product_id": 2, "name": "Cake"}]
TIMES = st.datetimes(datetime(2026, 4, 1), datetime(2026, 6, 29), timezones=st.just(UTC))  # noqa: DTZ001
MONEY = st.decimals(0, 999, places=2)
HISTORIES = st.tuples(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            TIMES,
            MONEY,
            st.sampled_from(["EUR", "EUR", "USD"]),
            st.sampled_from(["completed", "completed", "processing", "cancelled"]),
            st.sampled_from([1, 2, 0]),
        ),
        max_size=14,
    ),
    st.lists(st.tuples(st.integers(0, 13), MONEY, TIMES), max_size=6),
)
DAYS = st.sampled_from([datetime(2026, month, day, 22, tzinfo=UTC) for month in (4, 5, 6) for day in (1, 10, 20)])


def a_history(drawn: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]) -> dict[str, pl.LazyFrame]:
    """Return the staged tables of drawn orders (account 0 is a guest) and refunds."""
    orders: list[Row] = []
    lines: list[Row] = []
    for number, (who, at, total, currency, status, product) in enumerate(drawn[0]):
        fields = {"created_at": at, "total": total, "currency": currency, "status": status}
        fields["refund_ids"] = list(range(100))
        orders.append(an_order(number, woocommerce_id=who, **fields) if who else a_guest_order(number, "g@x", **fields))
        lines.append(an_order_line(number, 1, product_id=product, name="Other"))
    refunds = [a_refund(number, order, amount, created_at=at) for number, (order, amount, at) in enumerate(drawn[1])]
    accounts = [an_account(each) for each in (1, 2, 3)]
    return staged(orders=orders, refunds=refunds, order_lines=lines, products=PRODUCTS, customers=accounts)


@settings(max_examples=6, deadline=None)
@given(HISTORIES, DAYS)
def test_a_past_day_equals_a_run_as_of_it(
    drawn: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]], day: datetime
) -> None:
    """Every figure, habit, score and group of everybody: two ways to the past that differ would both be doubted."""
    hold_against_a_run(drawn, day)


@pytest.mark.deep
@settings(max_examples=300, deadline=None)
@given(HISTORIES, DAYS)
def test_many_past_days_equal_runs_as_of_them(
    drawn: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]], day: datetime
) -> None:
    """Rare meetings of cases need many histories."""
    hold_against_a_run(drawn, day)


def hold_against_a_run(drawn: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]], day: datetime) -> None:
    """Compare the past worked out from today's version with what a run as of that day derives."""
    tables = a_history(drawn)
    today = {name: table.lazy() for name, table in marts(tables).items()}

    then = customers_as_of(today, as_of=day, timezone=BERLIN).collect()

    assert_frame_equal(then, marts(tables, as_of=day, only=["customers"])["customers"], check_row_order=False)
    few = ["customer_key", "net", "m", "rfm_group"]
    without_habits = customers_as_of(today, as_of=day, timezone=BERLIN, columns=few).collect()
    assert_frame_equal(without_habits, then.select(few), check_row_order=False)


def test_the_versions_own_day_gives_the_version_back() -> None:
    """As of the instant of the version nothing is reconstructed differently."""
    tables = marts(staged(orders=[an_order(1), a_guest_order(2, "g@x.example")], customers=[an_account(1)]))

    again = customers_as_of({name: table.lazy() for name, table in tables.items()}, as_of=AS_OF, timezone=BERLIN)

    assert_frame_equal(again.collect(), tables["customers"], check_row_order=False)


def test_who_came_into_being_later_is_named() -> None:
    """An account of tomorrow was nobody yesterday, except that somebody ordered before: by then they were there."""
    day = datetime(2026, 5, 10, 22, tzinfo=UTC)
    accounts = [
        an_account(each, created_at=at)
        for each, at in enumerate((day - timedelta(seconds=1), day, day + timedelta(days=9), day, None), start=1)
    ]
    orders = [
        an_order(1, woocommerce_id=3, created_at=day - timedelta(days=3), status="cancelled"),
        an_order(2, woocommerce_id=4, created_at=day),
        a_guest_order(3, "early@x.example", created_at=day - timedelta(days=1)),
        a_guest_order(4, "late@x.example", created_at=day + timedelta(days=1)),
    ]
    tables = marts(staged(orders=orders, customers=accounts))
    late = tables["identities"].filter(email="late@x.example")["customer_key"]

    absent = not_yet({name: table.lazy() for name, table in tables.items()}, as_of=day).collect()

    assert set(absent["customer_key"]) == {"woo:2", "woo:4", *late}


def people(*rows: tuple[str, str | None, str | None, int]) -> pl.LazyFrame:
    """Return people with a key, group, main currency and net."""
    schema = {name: CUSTOMERS[name] for name in ("customer_key", "rfm_group", "currency", "net")}
    return pl.LazyFrame([(*row[:3], Decimal(row[3])) for row in rows], schema=schema, orient="row")


def test_people_are_counted_by_where_they_came_from_and_went() -> None:
    """Each person once; whoever had not bought yet came from nowhere, and nobody is shown who never bought."""
    before = people(("a", "New", "EUR", 10), ("b", "New", "EUR", 5), ("c", None, None, 0), ("d", None, None, 0))
    after = people(("a", "Loyal", "EUR", 30), ("b", "Lost", "EUR", 5), ("c", "New", "EUR", 7), ("d", None, None, 0))

    assert migration(before, after).collect().rows() == [
        ("New", "Lost", "EUR", 1, 5, 5),
        ("New", "Loyal", "EUR", 1, 10, 30),
        (None, "New", "EUR", 1, 0, 7),
    ]


def test_money_of_another_currency_is_not_added() -> None:
    """Whose main currency changed has no net before in the one of today."""
    before = people(("a", "New", "USD", 10), ("b", "New", "EUR", 4))
    after = people(("a", "Loyal", "EUR", 30), ("b", "Loyal", "EUR", 6))

    assert migration(before, after).collect().rows() == [("New", "Loyal", "EUR", 2, 4, 36)]


@settings(max_examples=5, deadline=None)
@given(HISTORIES, DAYS)
def test_migrations_margins_are_the_groups_of_each_day(
    drawn: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]], day: datetime
) -> None:
    """The grid's rows and columns add up to the two days' groups, so a screen can show both beside it."""
    today = {name: table.lazy() for name, table in marts(a_history(drawn)).items()}
    then, now = (customers_as_of(today, as_of=at, timezone=BERLIN) for at in (day, AS_OF))

    moved = migration(then, now).collect()

    for frame, side in ((then, "from_group"), (now, "to_group")):
        groups = frame.drop_nulls("rfm_group").group_by(pl.col("rfm_group").alias(side)).agg(people=pl.len())
        summed = moved.drop_nulls(side).group_by(side).agg(pl.col("people").sum())
        assert_frame_equal(summed, groups.collect(), check_row_order=False, check_dtypes=False)
