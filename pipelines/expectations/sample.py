"""Reading what the suites look at: whole tables while they are small, evenly spread rows of large ones.

Great Expectations wants frames of Python values, which take ten times the room of ours: beyond MOST_ROWS every second,
third … row is looked at. What must hold for every row is held by the invariants of `transforms/quality.py`.
"""

from typing import NamedTuple

import polars as pl

from pipelines.expectations.raw import BODY_TEXTS, COMMON
from pipelines.expectations.suite import Suite
from pipelines.warehouse import Warehouse
from regulars.errors import NothingPublished

MOST_ROWS = 200_000


class Sample(NamedTuple):
    """Rows of a table, and how many the table has."""

    rows: pl.DataFrame
    of: int


def mart_sample(warehouse: Warehouse, table: str, suite: Suite) -> Sample:
    """Return the suite's columns of one of the marts' tables."""
    frame = warehouse.marts()[table]
    total = frame.select(pl.len()).collect().item()
    return Sample(frame.select(suite.columns).gather_every(_step(total)).collect(), total)


def raw_sample(warehouse: Warehouse, table: str) -> Sample:
    """Return a raw table without its bodies' text but with its length and `BODY_TEXTS`; the deletions as they are.

    A table that the shop has filled no row of is empty. Raises NothingPublished before the first sync.
    """
    counts = warehouse.counts("raw")
    if "orders" not in counts:
        raise NothingPublished("There are no raw orders to look at: sync the shop first.")
    if table == "deletions":
        rows = warehouse.staged()["deletions"].collect()
        return Sample(rows.gather_every(_step(rows.height)), rows.height)
    texts = BODY_TEXTS[table]
    if table not in counts:
        return Sample(pl.DataFrame(schema=dict.fromkeys((*COMMON, *texts, "status", "parent_id"), pl.String)), 0)
    from_body = ", ".join(f"body ->> '$.{name}' AS {name}" for name in texts)
    columns = ", ".join(name for name in COMMON if name != "body_length")
    with warehouse.connect() as connection:
        # Every name in it is a constant of ours.
        rows = connection.sql(
            f"SELECT {columns}, status, parent_id, length(body) AS body_length, {from_body} "  # noqa: S608
            f"FROM raw.{table} WHERE $step = 1 OR id % $step = 0 OR id IS NULL ORDER BY id",
            params={"step": _step(counts[table])},
        ).pl()
    return Sample(rows, counts[table])


def _step(rows: int) -> int:
    return max(1, -(-rows // MOST_ROWS))
