"""What the app reads of observed history: who was in which segment, beside `reads`."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from app_streamlit import reads
from app_streamlit.components import formats
from regulars.directory.layout import scan_table

NAMED_BY = ("customer_key", "first_name", "last_name", "company", "email")
# A profile tells so many joins and leaves; somebody at the edge of a rule may have hundreds.
MOST_OF_A_PERSON = 200


def counts(shop: str) -> pl.DataFrame:
    """Return how many people each segment had at each publish that changed it; columns of `SEGMENT_COUNTS`."""
    return reads.directory(shop).segment_counts_history()


def moves(shop: str, segment_id: str, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """Return who joined and left a segment, the newest first, each with `name` (None for who is nobody any more)."""
    found = reads.directory(shop).segment_events(segment_id, limit=limit, offset=offset)
    names = _names(shop, found["customer_now"].unique().to_list())
    return [{**event, "name": names.get(event["customer_now"])} for event in found.iter_rows(named=True)]


def moves_count(shop: str, segment_id: str) -> int:
    """Return how many joins and leaves of a segment `moves` can tell."""
    return reads.directory(shop).segment_events_count(segment_id)


def moves_of(shop: str, key: str) -> pl.DataFrame:
    """Return a person's joins and leaves, the newest first, also under earlier keys; columns of `SEGMENT_EVENTS`."""
    return reads.directory(shop).segment_events(key=key, limit=MOST_OF_A_PERSON)


def _names(shop: str, keys: Sequence[str]) -> Mapping[str, str]:
    folder = reads.paths().published(shop) / reads.manifest(shop).version
    try:
        found = scan_table(folder, "customers").filter(pl.col("customer_key").is_in(keys)).select(NAMED_BY).collect()
    except FileNotFoundError:  # pruned in between: the next look reads the newer version
        return {}
    return {row["customer_key"]: formats.name_of(row) for row in found.iter_rows(named=True)}
