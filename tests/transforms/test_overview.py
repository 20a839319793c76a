"""The overview's figures, compared with plain Python over the same orders and refunds."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.days import EPOCH
from transforms.overview import Overview, Period, PeriodFigures, overview, overview_frames, period
from transforms.schemas import MONEY, TIME

END = (date(2026, 7, 16) - EPOCH).days
UTC_ZONE = "UTC"

ORDERS = {
    "customer_key": pl.String,
    "counted": pl.Boolean,
    "total": MONEY,
    "currency": pl.String,
    "order_day": pl.Int32,
}
REFUNDS = {
    "customer_key": pl.String,
    "counted": pl.Boolean,
    "amount": MONEY,
    "currency": pl.String,
    "refund_day": pl.Int32,
}
PEOPLE = {"customer_key": pl.String, "created_at": TIME}


def an_order(
    key: str = "woo:1", ago: int = 1, total: str = "10", currency: str = "EUR", *, counted: bool = True
) -> Any:
    """Return a row of orders made `ago` days before the end (1 is the last day)."""
    return (key, counted, Decimal(total), currency, END - ago)


def told(
    orders: list[Any],
    refunds: list[Any] | None = None,
    people: list[Any] | None = None,
    *,
    days: int | None = 30,
    currency: str = "EUR",
) -> Overview:
    """Return the overview of these rows."""
    first = min((row[4] for row in orders if row[1]), default=None)
    span = period(days, end=END, first_day=first)
    frames = overview_frames(
        pl.LazyFrame(sorted(orders), schema=ORDERS, orient="row"),
        pl.LazyFrame(refunds or [], schema=REFUNDS, orient="row"),
        pl.LazyFrame(people or [], schema=PEOPLE, orient="row"),
        period=span,
        timezone=UTC_ZONE,
        currency=currency,
    )
    collected = dict(zip(frames, pl.collect_all(list(frames.values())), strict=True))
    return overview(span, collected, currency=currency)


def test_a_period_is_told_beside_the_one_before() -> None:
    """The answer row: who bought, who is new, who came back, and what it brought, each against the month before."""
    orders = [
        an_order("woo:1", 100),
        an_order("woo:1", 3, "20"),
        an_order("woo:2", 30, "5.50"),
        an_order("woo:3", 31, "7"),
        an_order("woo:4", 60, "1"),
        an_order("woo:4", 61, "1"),
        an_order("woo:5", 2, counted=False),
        an_order("woo:6", 0),
    ]
    answer = told(orders, [("woo:1", True, Decimal("2.25"), "EUR", END - 1)])

    assert (answer.first_day, answer.last_day, answer.grain) == (date(2026, 6, 16), date(2026, 7, 15), "day")
    now, before = answer.now, answer.before
    assert before is not None
    assert (now.active, now.new, now.returning, now.repeat, now.orders) == (2, 1, 1, 1, 2)
    assert (now.gross, now.refunded, now.net) == (Decimal("25.50"), Decimal("2.25"), Decimal("23.25"))
    assert (now.average_order, now.repeat_rate) == (Decimal("11.625"), 0.5)
    assert (before.active, before.new, before.repeat, before.orders, before.net) == (2, 1, 1, 2, Decimal(8))


def test_a_refund_belongs_to_the_period_of_its_own_date() -> None:
    """A shop that pays back an order of last year in July is poorer in July."""
    refund = ("woo:1", True, Decimal(4), "EUR", END - 2)
    answer = told([an_order(ago=200)], [refund, (*refund[:1], False, *refund[2:]), (*refund[:3], "USD", END - 2)])

    assert (answer.now.gross, answer.now.net) == (Decimal(0), Decimal(-4))
    assert answer.now.average_order is None
    assert answer.now.repeat_rate is None


def test_people_are_those_known_at_the_end_of_each_period() -> None:
    """Accounts that never bought are people too; whoever came later was not there yet."""

    def made(ago: int) -> datetime:
        return datetime(2026, 7, 16, tzinfo=UTC) - timedelta(days=ago)

    answer = told(
        [],
        people=[("woo:1", made(90)), ("guest:a", made(40)), ("woo:2", made(30)), ("woo:3", None), ("woo:4", made(0))],
    )

    assert (answer.now.people, answer.now.accounts, answer.now.guests) == (4, 3, 1)
    assert answer.before is not None
    assert answer.before.people == 3


def test_all_time_begins_with_the_first_order_and_has_nothing_before() -> None:
    """Nothing lies before the first order, so nothing is compared."""
    answer = told([an_order(ago=400), an_order(ago=2), an_order("woo:2", 5)], days=None)

    assert answer.before is None
    assert (answer.first_day, answer.grain) == (date(2025, 6, 11), "month")
    assert (answer.now.active, answer.now.new, answer.now.repeat, answer.now.orders) == (2, 2, 1, 3)


def test_a_shop_without_orders_has_zeros() -> None:
    """A new shop's first screen shows zeros, not an error."""
    for days in (30, 90, 365, None):
        answer = told([], days=days)
        assert (answer.now.active, answer.now.orders, answer.now.net) == (0, 0, 0)
        assert answer.series["orders"].sum() == 0


@pytest.mark.parametrize(
    ("days", "grain", "buckets"), [(1, "day", 1), (30, "day", 30), (90, "week", 14), (365, "month", 13)]
)
def test_longer_periods_are_told_in_longer_steps(days: int, grain: str, buckets: int) -> None:
    """A year of days is noise, a month of months is one bar; weeks begin on Monday and months on their first."""
    answer = told([an_order()], days=days)

    assert (answer.grain, answer.series.height) == (grain, buckets)
    inner = answer.series["start"].to_list()[1:]
    if grain == "week":
        assert {day.weekday() for day in inner} == {0}
    if grain == "month":
        assert {day.day for day in inner} == {1}


rows_of_orders = st.lists(
    st.builds(
        an_order,
        key=st.sampled_from(["woo:1", "woo:2", "woo:3", "guest:a", "guest:b"]),
        ago=st.integers(-5, 500),
        total=st.integers(0, 10_000).map(lambda cents: str(Decimal(cents) / 100)),
        currency=st.sampled_from(["EUR", "EUR", "USD"]),
        counted=st.sampled_from([True, True, True, False]),
    ),
    max_size=30,
)
rows_of_refunds = st.lists(
    st.tuples(
        st.just("woo:1"),
        st.booleans(),
        st.integers(0, 5_000).map(lambda cents: Decimal(cents) / 100),
        st.sampled_from(["EUR", "USD"]),
        st.integers(END - 500, END - 1),
    ),
    max_size=10,
)


def by_hand(orders: list[Any], refunds: list[Any], start: int, end: int) -> tuple[Any, ...]:
    """Return active, new, repeat, orders, gross and refunded of a period, in plain Python."""
    counted = [row for row in orders if row[1] and row[4] < end]
    inside = [row for row in counted if row[4] >= start]
    times = Counter(row[0] for row in inside)
    first = {key: min(row[4] for row in counted if row[0] == key) for key in times}
    euros = [row[2] for row in inside if row[3] == "EUR"]
    back = [row[2] for row in refunds if row[1] and row[3] == "EUR" and start <= row[4] < end]
    return (
        len(times),
        sum(first[key] >= start for key in times),
        sum(first[key] < start or times[key] > 1 for key in times),
        len(euros),
        sum(euros, Decimal(0)),
        sum(back, Decimal(0)),
    )


def plain(figures: PeriodFigures) -> tuple[Any, ...]:
    """Return the same of an overview."""
    return (figures.active, figures.new, figures.repeat, figures.orders, figures.gross, figures.refunded)


@settings(max_examples=60, deadline=None)
@given(orders=rows_of_orders, refunds=rows_of_refunds, days=st.sampled_from([1, 7, 30, 90, 365, None]))
def test_every_figure_is_the_sum_of_its_rows_and_of_its_series(
    orders: list[Any], refunds: list[Any], days: int | None
) -> None:
    """Whoever doubts a figure can add it up: from the orders, and from the bars of the chart, to the last digit."""
    answer = told(orders, refunds, days=days)
    start, end = (answer.first_day - EPOCH).days, END

    assert plain(answer.now) == by_hand(orders, refunds, start, end)
    if days is not None:
        assert answer.before is not None
        assert plain(answer.before) == by_hand(orders, refunds, start - days, start)
    sums = answer.series.select(pl.col("orders", "gross", "refunded", "net", "new").sum()).row(0)
    assert sums == (answer.now.orders, answer.now.gross, answer.now.refunded, answer.now.net, answer.now.new)
    for bucket in answer.series.to_dicts():
        hand = by_hand(orders, refunds, (bucket["start"] - EPOCH).days, (bucket["end"] - EPOCH).days)
        assert (bucket["active"], bucket["new"], bucket["orders"], bucket["gross"], bucket["refunded"]) == (
            *hand[:2],
            *hand[3:],
        )
        assert bucket["returning"] == bucket["active"] - bucket["new"]


@given(start=st.integers(0, 30_000), length=st.integers(1, 2_000))
def test_the_buckets_of_a_period_cover_it_without_a_gap(start: int, length: int) -> None:
    """A day in no bucket would be missing from the chart, a day in two would count twice."""
    span = Period(start, start + length)

    assert span.edges[0] == start
    assert span.edges[-1] == start + length
    assert span.edges == sorted(set(span.edges))
