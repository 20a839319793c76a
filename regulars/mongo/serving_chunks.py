"""Reading a published version in portions, as documents: what bounds the memory of a mirror.

People of a portion stand together in the file, whose statistics let the reader skip the rest; so do the lines of orders
by number. Orders stand by person: each portion of them is a look through their file.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from regulars.directory.layout import read_manifest, scan_table
from regulars.directory.lookup import KEY, read_people
from regulars.mongo.client import Document
from regulars.mongo.serving_changes import DERIVED, ORDER
from regulars.mongo.serving_documents import customer_documents, order_documents, segment_documents

PEOPLE_AT_ONCE, ORDERS_AT_ONCE = 10_000, 20_000


def person_chunks(shop: str, folder: Path, keys: pl.Series) -> Iterator[list[Document]]:
    """Yield the documents of the people with these sorted keys. Raises FileNotFoundError."""
    derived = read_people(folder).lazy().select(KEY, *DERIVED)
    for some in _portions(keys, PEOPLE_AT_ONCE):
        people = _of(scan_table(folder, "customers"), some)
        named = people.join(_of(derived, some), on=KEY, how="left", maintain_order="left")
        currencies = _of(scan_table(folder, "customer_currencies"), some)
        yield customer_documents(shop, *pl.collect_all([named, currencies.sort(KEY, "currency")]))


def order_chunks(shop: str, folder: Path, ids: pl.Series) -> Iterator[list[Document]]:
    """Yield the documents of the orders with these sorted ids. Raises FileNotFoundError."""
    for some in _portions(ids, ORDERS_AT_ONCE):
        orders, lines, refunds = (
            _of(scan_table(folder, table), some) for table in ("orders", "order_lines", "refunds")
        )
        latest_first = refunds.sort("created_at", "refund_id", descending=True, nulls_last=True)
        yield order_documents(shop, *pl.collect_all([orders, lines.sort(ORDER, "line_id"), latest_first]))


def segments_of(shop: str, folder: Path) -> list[Document]:
    """Return the documents of the segments, with the net of their members. Raises FileNotFoundError."""
    segments, members, currencies = (
        scan_table(folder, table) for table in ("segments", "segment_members", "customer_currencies")
    )
    nets = (
        members.join(currencies, on=KEY)
        .group_by("segment_id", "currency")
        .agg(pl.col("net").sum())
        .sort("segment_id", "currency")
    )
    found, sums = pl.collect_all([segments, nets])
    return segment_documents(shop, found, sums, read_manifest(folder).as_of)


def _portions(keys: pl.Series, size: int) -> Iterator[pl.Series]:
    return (keys.slice(start, size) for start in range(0, keys.len(), size))


def _of(rows: pl.LazyFrame, keys: pl.Series) -> pl.LazyFrame:
    """Return the rows of sorted `keys`."""
    name = keys.name
    return rows.filter(pl.col(name).is_between(pl.lit(keys[0]), pl.lit(keys[-1]))).join(
        keys.to_frame().lazy(), on=name, how="semi"
    )
