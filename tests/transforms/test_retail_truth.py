"""A real retailer's two years: everybody's every figure equals what SQL makes of the file."""

from datetime import date

import polars as pl
import pytest

from tests.transforms import retail_history
from tests.transforms.retail_sql import Truth, compare
from tests.transforms.staged_builders import marts
from transforms.days import as_of_for_day
from transforms.rules import STARTING_SEGMENTS
from transforms.segments import SegmentRule, assign_segments


@pytest.fixture(scope="module")
def invoices() -> pl.DataFrame:
    """Return the retailer's invoices; skip where the file is not here."""
    if not retail_history.FILE.exists():
        pytest.skip("the retailer's history (../shared/data/online_retail_ii.parquet) is not here")
    return retail_history.invoices()


@pytest.mark.parametrize(
    "day",
    [
        date(2011, 6, 1),
        pytest.param(date(2011, 12, 10), marks=pytest.mark.deep),
        pytest.param(date(2010, 12, 1), marks=pytest.mark.deep),
    ],
)
def test_everybodys_figures_scores_and_segments_are_those_of_the_file(invoices: pl.DataFrame, day: date) -> None:
    """Sums that fit may hide two people's mistakes that cancel out: this looks at every cell of everybody."""
    as_of = as_of_for_day(day, "UTC")

    tables = marts(retail_history.staged(invoices), as_of=as_of, timezone="UTC", only=["customers", "rfm_cuts"])
    rules = [SegmentRule(segment.id, segment.name, segment.rule) for segment in STARTING_SEGMENTS]
    assigned = assign_segments(tables["customers"].lazy(), rules, shop="lab", as_of=as_of, timezone="UTC")

    truth = Truth(retail_history.FILE, day)
    assert len(truth.people) > 4000
    compare(truth, tables | {name: frame.collect() for name, frame in assigned._asdict().items()})
