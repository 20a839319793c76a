"""Scores and groups against a naive reading with exact fractions."""

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.retail_history import FILE
from transforms.rfm import GROUP_CELLS, RFM_GROUPS, RFM_MEANINGS, group_of, rfm_cuts, score
from transforms.schemas import MONEY

PEOPLE = st.lists(
    st.tuples(
        st.integers(1, 900),
        st.integers(1, 6) | st.integers(1, 400),
        st.decimals(-100, 100_000, places=3) | st.sampled_from([Decimal("9.90"), Decimal(20)]),
        st.sampled_from(["EUR", "USD"]),
    ),
    min_size=1,
    max_size=60,
)


def totals(people: Sequence[tuple[Any, ...]]) -> pl.LazyFrame:
    """Return what the scores need of these people: recency, orders, net and currency."""
    schema = {"recency_days": pl.Int32, "orders_count": pl.Int64, "net": MONEY, "currency": pl.String}
    return pl.LazyFrame(list(people), schema=schema, orient="row")


def scored(people: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return `r, f, m, rfm_group` of each."""
    everybody = totals(people).with_row_index()
    return (
        score(everybody, rfm_cuts(everybody).collect())
        .sort("index")
        .select("r", "f", "m", "rfm_group")
        .collect()
        .rows()
    )


def naive_cuts(values: Sequence[int | Decimal]) -> list[Fraction]:
    """Return the four quantiles with linear interpolation, exactly."""
    ordered = sorted(Fraction(value) for value in values)
    cuts = []
    for fifth in (1, 2, 3, 4):
        position = Fraction(fifth * (len(ordered) - 1), 5)
        low = int(position)
        high = min(low + 1, len(ordered) - 1)
        cuts.append(ordered[low] + (position - low) * (ordered[high] - ordered[low]))
    return cuts


def below(cuts: Sequence[Fraction], value: int | Decimal) -> int:
    """Return how many cuts lie strictly below the value."""
    return sum(cut < Fraction(value) for cut in cuts)


@settings(max_examples=60, deadline=None)
@given(PEOPLE)
def test_scores_are_those_of_exact_fractions(people: list[tuple[int, int, Decimal, str]]) -> None:
    """A cut that falls on a value must not be moved past it by a rounding: that would change everybody's score."""
    recency = naive_cuts([person[0] for person in people])
    frequency = naive_cuts([person[1] for person in people])
    money = {c: naive_cuts([p[2] for p in people if p[3] == c]) for c in {p[3] for p in people}}
    expected = []
    for days, orders, net, currency in people:
        r, f, m = 5 - below(recency, days), 1 + below(frequency, orders), 1 + below(money[currency], net)
        cell = f"{r}{-(-(f + m) // 2)}"
        expected.append((r, f, m, next(group for group, cells in GROUP_CELLS.items() if cell in cells.split())))

    assert scored(people) == expected


def test_equal_people_score_the_same_and_nobody_is_split_by_rank() -> None:
    """Ranking into fifths would give one-time buyers five different scores by accident."""
    assert set(scored([(10, 1, Decimal(5), "EUR")] * 7)) == {(5, 1, 1, "New")}


def test_money_is_compared_within_its_currency_only() -> None:
    """5,000 yen are not more than 90 euros: each stands among its own."""
    people = [(1, 1, Decimal(amount), "EUR") for amount in (10, 20, 30, 40, 50, 60)]
    people += [(1, 1, Decimal(amount * 1000), "JPY") for amount in (10, 20, 30, 40, 50, 60)]

    money = [row[2] for row in scored(people)]

    assert money[:6] == money[6:] == [1, 1, 2, 3, 4, 5]


def test_cuts_are_kept_with_the_number_of_people_behind_them() -> None:
    """Past cuts explain past scores."""
    people = [(day, day, Decimal(day), "EUR") for day in range(1, 7)]

    cuts = rfm_cuts(totals([*people, (7, 7, Decimal(9), "USD")])).collect()

    assert cuts.select("score", "currency", "people").rows() == [
        ("r", None, 7),
        ("f", None, 7),
        ("m", "EUR", 6),
        ("m", "USD", 1),
    ]
    assert cuts.filter(pl.col("currency") == "EUR").select("^cut_.*$").row(0) == (2.0, 3.0, 4.0, 5.0)


def test_nobody_scored_gives_no_cuts_and_no_error() -> None:
    """A shop that has just opened publishes too."""
    nobody = totals([])

    assert rfm_cuts(nobody).collect().height == 0
    assert score(nobody, rfm_cuts(nobody).collect()).collect().height == 0


def test_every_pair_of_scores_has_exactly_one_group() -> None:
    """All 25 cells: a missing one would leave people without a group, a double one would depend on order."""
    cells = [cell for cells in GROUP_CELLS.values() for cell in cells.split()]
    pairs = pl.DataFrame([(r, fm) for r in range(1, 6) for fm in range(1, 6)], schema=["r", "fm"], orient="row")

    groups = pairs.select(group_of(pl.col("r"), pl.col("fm"))).to_series()

    assert sorted(cells) == sorted(f"{r}{fm}" for r, fm in pairs.iter_rows())
    assert set(groups) == set(RFM_GROUPS) == set(RFM_MEANINGS)


def test_the_groups_are_those_of_the_published_map() -> None:
    """The names are shortened for screens; the cells are the map's own."""
    maps = FILE.parent / "segment_maps.json"
    if not maps.exists():
        pytest.skip("the published maps (../shared/data/segment_maps.json) are not here")
    published = json.loads(maps.read_text())["r_fm25 (fm=ceil((f+m)/2))"]
    shown = {
        "Loyal Customers": "Loyal",
        "Potential Loyalists": "Potential loyalists",
        "New Customers": "New",
        "Need Attention": "Need attention",
        "About To Sleep": "About to sleep",
        "At Risk": "At risk",
        "Can't Lose Them": "Can't lose",
    }

    assert {shown.get(name, name): set(cells.split()) for name, cells in published.items()} == {
        name: set(cells.split()) for name, cells in GROUP_CELLS.items()
    }
