"""Pairs of whole numbers, packed and sorted, against Polars' own sort of two columns."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.pairs import distinct, in_order

SMALL = st.integers(0, 3)
ANY = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))
TYPES = {"who": pl.Int64(), "what": pl.Int64()}


@pytest.mark.parametrize("kind", [SMALL, st.integers(-5, 2**40), ANY], ids=["small", "large", "any"])
def test_pairs_are_sorted_and_made_distinct_whatever_fits_into_one_number(kind: st.SearchStrategy[int | None]) -> None:
    """Habits follow from neighbouring rows: one pair out of place, or cut short by packing, is a wrong figure."""

    @given(st.lists(st.tuples(kind, kind), max_size=30))
    def hold(rows: list[tuple[int | None, int | None]]) -> None:
        pairs = pl.DataFrame(rows, schema=TYPES, orient="row")
        plain = pairs.sort("who", "what")
        assert in_order(pairs).rows() == plain.rows()
        assert distinct(pairs).rows() == plain.unique(maintain_order=True).rows()

    hold()


def test_types_stay_as_they_are() -> None:
    """People are small unsigned numbers and days are signed ones: what is joined with them later has the same types."""
    types = {"who": pl.UInt32(), "what": pl.Int32()}
    pairs = pl.DataFrame({"who": [2, 1, 2], "what": [-3, 5, -9]}, schema=types)
    assert in_order(pairs).schema == pl.Schema(types)
    assert in_order(pairs).rows() == [(1, 5), (2, -9), (2, -3)]


def test_numbers_beyond_what_a_signed_column_holds_are_sorted_too() -> None:
    """A hash has 64 bits without a sign: packed as it is it would end the run."""
    pairs = pl.DataFrame(
        {"who": [2, 1], "what": [2**64 - 1, 2**64 - 2]}, schema={"who": pl.UInt8(), "what": pl.UInt64()}
    )
    assert in_order(pairs).rows() == [(1, 2**64 - 2), (2, 2**64 - 1)]
