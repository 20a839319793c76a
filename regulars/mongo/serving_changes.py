"""What differs between two published versions: which people and which orders have to be written anew.

A *print* is a number that follows from everything a document is made of, its rows in several tables among it: two
versions are compared by key and print, so that memory holds two numbers a document, not the documents.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import polars.selectors as cs

from regulars.directory.layout import scan_table
from regulars.directory.lookup import KEY, read_people

# From the files made ready for lists: the name, and what lists sort by. `_currency_rank` of one person may change with
# what others buy.
DERIVED = ("name", "_name", "_rfm_rank", "_currency_rank")
# Prints are added up within a key; so many of the upper bits leave room for 65,536 rows.
ROOM = 65_536
ORDER = "order_id"


@dataclass(frozen=True)
class Changes:
    """Keys, sorted: of documents to write, and of those to delete."""

    written: pl.Series
    gone: pl.Series


def changed_people(folder: Path, before: Path | None) -> Changes:
    """Return the keys of people whose documents differ; without `before` everybody's. Raises FileNotFoundError."""
    return _changes(KEY, _people(folder), None if before is None else _people(before))


def changed_orders(folder: Path, before: Path | None) -> Changes:
    """Return the ids of orders whose documents differ; without `before` all of them. Raises FileNotFoundError."""
    return _changes(ORDER, _orders(folder), None if before is None else _orders(before))


def _changes(key: str, now: pl.DataFrame, before: pl.DataFrame | None) -> Changes:
    if before is None:
        return Changes(written=now[key].sort(), gone=pl.Series(dtype=now[key].dtype))
    written = now.join(before, on=[key, "print"], how="anti")
    gone = before.join(now, on=key, how="anti")
    return Changes(written=written[key].sort(), gone=gone[key].sort())


def _people(folder: Path) -> pl.DataFrame:
    derived = read_people(folder).lazy().select(KEY, *DERIVED)
    parts = [
        _prints(table, KEY) for table in (_scan(folder, "customers"), _scan(folder, "customer_currencies"), derived)
    ]
    return _together(parts, KEY, _scan(folder, "customers"))


def _orders(folder: Path) -> pl.DataFrame:
    orders = _scan(folder, "orders")
    parts = [_prints(table, ORDER) for table in (orders, _scan(folder, "order_lines"), _scan(folder, "refunds"))]
    return _together(parts, ORDER, orders)


def _prints(rows: pl.LazyFrame, key: str) -> pl.DataFrame:
    """Return one row a key, with the sum of its rows' prints."""
    # A struct or list that is absent has the same hash as one of absent values.
    absent = (cs.struct() | cs.list()).is_null().name.suffix(" is absent")
    hashed = rows.with_columns(absent).select(key, print=pl.struct(pl.all()).hash(seed=len(key)) // ROOM)
    return hashed.group_by(key).agg(pl.col("print").sum()).collect(engine="streaming")


def _together(parts: list[pl.DataFrame], key: str, documents: pl.LazyFrame) -> pl.DataFrame:
    """Return the print of each document: all prints of its key, told apart by the table they are of."""
    told = documents.select(key).collect(engine="streaming")
    for number, part in enumerate(parts):
        told = told.join(part.rename({"print": f"print_{number}"}), on=key, how="left")
    return told.select(key, print=pl.struct(pl.all().exclude(key)).hash())


def _scan(folder: Path, table: str) -> pl.LazyFrame:
    return scan_table(folder, table)
