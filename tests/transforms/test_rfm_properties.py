"""What must hold of scores whatever the people: equals are equal, better is never worse, and noise changes nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.transforms.staged_builders import AS_OF, Row, a_refund, an_account, an_order, an_order_line, marts, staged
from transforms.rfm import rfm_cuts, score
from transforms.schemas import MONEY

Person = tuple[int, int, Decimal, str]
NETS = st.decimals(-100, 10_000, places=2) | st.sampled_from([Decimal("9.90"), Decimal(20), Decimal(0)])
PEOPLE: st.SearchStrategy[list[Person]] = st.lists(
    st.tuples(st.integers(1, 40), st.integers(1, 6), NETS, st.sampled_from(["EUR", "EUR", "USD"])),
    min_size=1,
    max_size=30,
)


def scored(people: Sequence[Person]) -> list[tuple[int, int, int, str]]:
    """Return `r, f, m, rfm_group` of each, with the cuts of these very people."""
    schema = {"recency_days": pl.Int32, "orders_count": pl.Int64, "net": MONEY, "currency": pl.String}
    frame = pl.LazyFrame(list(people), schema=schema, orient="row").with_row_index()
    return score(frame, rfm_cuts(frame).collect()).sort("index").select("r", "f", "m", "rfm_group").collect().rows()


@settings(max_examples=60, deadline=None)
@given(PEOPLE, st.randoms(use_true_random=False))
def test_equal_people_have_equal_scores_wherever_they_stand(people: list[Person], chance: Random) -> None:
    """Rivals rank people into fifths, which splits identical customers by accident of the row order."""
    doubled = people * 2
    chance.shuffle(doubled)

    found: dict[Person, set[tuple[int, int, int, str]]] = {}
    for person, scores in zip(doubled, scored(doubled), strict=True):
        found.setdefault(person, set()).add(scores)

    assert all(len(scores) == 1 for scores in found.values())
    assert len({scores[:3] for scores in scored(people)}) >= len({scores[3] for scores in scored(people)})


@settings(max_examples=80, deadline=None)
@given(PEOPLE, st.integers(0), st.integers(0, 39), st.integers(0, 6), st.decimals(0, 10_000, places=2))
def test_who_gets_better_while_the_others_stay_never_scores_lower(
    people: list[Person], which: int, sooner: int, more: int, spent: Decimal
) -> None:
    """A later last order, one more order or a higher net: the cuts move too, but never past the person.

    Each of R, F and M looks at its own value alone, so that raising one leaves the other two as they were.
    """
    at = which % len(people)
    recency, orders, net, currency = people[at]
    better: list[Person] = [
        (max(1, recency - sooner), orders, net, currency),
        (recency, orders + more, net, currency),
        (recency, orders, net + spent, currency),
    ]
    was = scored(people)[at][:3]

    for axis, person in enumerate(better):
        now = scored([*people[:at], person, *people[at + 1 :]])[at][:3]
        assert now[axis] >= was[axis]
        assert [now[other] for other in range(3) if other != axis] == [was[o] for o in range(3) if o != axis]


TIMES = st.datetimes(datetime(2026, 3, 1), datetime(2026, 6, 29), timezones=st.just(UTC))  # noqa: DTZ001
HISTORY = st.lists(
    st.tuples(st.integers(1, 5), TIMES, st.decimals(0, 999, places=2), st.sampled_from(["EUR", "USD"])), max_size=15
)
ACCOUNTS = [an_account(each) for each in range(1, 6)]


def history(drawn: Sequence[tuple[Any, ...]]) -> dict[str, list[Row]]:
    """Return the rows of drawn orders of five accounts, each with a line; every third has a refund."""
    orders: list[Row] = []
    for number, (who, at, total, currency) in enumerate(drawn):
        fields = {"created_at": at, "total": total, "currency": currency, "refund_ids": [100 + number]}
        orders.append(an_order(number, woocommerce_id=who, coupons=[f"c{number % 3}"], **fields))
    lines = [an_order_line(number, 1, product_id=number % 4) for number in range(len(drawn))]
    refunds = [a_refund(100 + number, number, "1.5", created_at=drawn[number][1]) for number in range(0, len(drawn), 3)]
    return {"orders": orders, "order_lines": lines, "refunds": refunds, "customers": list(ACCOUNTS)}


def customers(rows: dict[str, list[Row]]) -> pl.DataFrame:
    """Return the people of these staged rows."""
    return marts(staged(**rows), only=["customers"])["customers"]


@settings(max_examples=4, deadline=None)
@given(HISTORY, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(drawn: list[tuple[Any, ...]], chance: Random) -> None:
    """Pages, webhooks and sweeps bring the same rows in any order."""
    rows = history(drawn)
    shuffled = {name: chance.sample(table, len(table)) for name, table in rows.items()}

    assert_frame_equal(customers(shuffled), customers(rows))


@settings(max_examples=4, deadline=None)
@given(HISTORY, st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["failed", "trash", "later"])), max_size=6))
def test_orders_that_do_not_count_change_nobodys_figures(
    drawn: list[tuple[Any, ...]], irrelevant: list[tuple[int, str]]
) -> None:
    """Failed payments, the trash, and what came after the day: none of it moves a cut."""
    rows = history(drawn)
    noise: dict[str, list[Row]] = {"orders": [], "order_lines": [], "refunds": []}
    for number, (who, what) in enumerate(irrelevant, start=500):
        later = {"created_at": AS_OF + timedelta(days=1)} if what == "later" else {"status": what}
        noise["orders"].append(an_order(number, woocommerce_id=who, total=Decimal(5000), refund_ids=[number], **later))
        noise["order_lines"].append(an_order_line(number, 1, product_id=77))
        noise["refunds"].append(a_refund(number, number, "9", **({"created_at": AS_OF} if what == "later" else {})))

    with_noise = customers({name: [*table, *noise.get(name, [])] for name, table in rows.items()})

    assert_frame_equal(with_noise, customers(rows))
