"""Raw rows: a shop's records as they came, beside what is needed to find and to order them.

Terms: an *item* is a record as parsed from the shop's JSON; a *row* is what `transforms.staged_schemas.RAW` describes; a
*tombstone* says that the shop answered "gone". Items without a usable id are no records of WooCommerce.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import polars as pl

from regulars.errors import ShopAnswerUnreadable
from regulars.shop.port import Item, Page
from transforms.staged_schemas import RAW, RAW_DELETIONS, RAW_TABLES

if TYPE_CHECKING:
    import pyarrow as pa

DELETIONS: Final = "deletions"
OBJECTS: Final = {"orders": "order", "customers": "customer", "refunds": "refund", "products": "product"}
LARGEST_ID: Final = 2**63 - 1
PULL, FETCH, WEBHOOK = "pull", "fetch", "webhook"


class Row(NamedTuple):
    """One raw row; the fields are the columns of `RAW` in order, the body as the shop's JSON."""

    id: int
    parent_id: int | None
    status: str | None
    date_created_gmt: datetime | None
    date_modified_gmt: datetime | None
    observed_at: datetime
    observed_by: str
    body: str


class Tombstone(NamedTuple):
    """One row of `RAW_DELETIONS`."""

    key: str
    object: str
    id: int
    observed_at: datetime


def row_of(table: str, item: Item, *, observed_at: datetime, observed_by: str, parent_id: int | None = None) -> Row:
    """Return the raw row of an item of `table`. `parent_id` is the order of a refund whose body does not name it.

    Raises ShopAnswerUnreadable where the item has no id.
    """
    if not is_id(item.get("id")):
        raise ShopAnswerUnreadable(f"The shop listed a record among its {table} that has no id.")
    is_refund = table == "refunds"
    parent = item.get("parent_id") if parent_id is None else parent_id
    status = item.get("status") if table == "orders" else None
    return Row(
        id=item["id"],
        parent_id=parent if is_refund and is_id(parent) else None,
        status=status if isinstance(status, str) else None,
        date_created_gmt=gmt(item.get("date_created_gmt")),
        date_modified_gmt=gmt(item.get("date_modified_gmt")),
        observed_at=observed_at,
        observed_by=observed_by,
        body=orjson.dumps(item).decode(),
    )


def rows_of(table: str, page: Page, observed_by: str = PULL, parent_id: int | None = None) -> list[Row]:
    """Return the raw rows of a page, observed when the page was asked for."""
    return [
        row_of(table, item, observed_at=page.read_at, observed_by=observed_by, parent_id=parent_id)
        for item in page.items
    ]


def tombstone(table: str, number: int, observed_at: datetime) -> Tombstone:
    """Return the tombstone of record `number` of `table`."""
    return Tombstone(f"{OBJECTS[table]}:{number}", OBJECTS[table], number, observed_at)


def is_id(value: Any) -> bool:
    """Return whether `value` can be the id of a record."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID


def gmt(text: Any) -> datetime | None:
    """Return the instant of a `*_gmt` field, which is UTC without saying so; None for null, empty or no date.

    >>> gmt("2026-07-01T12:00:00"), gmt("0000-00-00T00:00:00"), gmt(None)
    (datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.timezone.utc), None, None)
    """
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def digest(body: str) -> str:
    """Return the MD5 of a body, as DuckDB computes it of the stored text: to tell whether anything differs."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


COLUMNS: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    **dict.fromkeys(RAW_TABLES, RAW),
    DELETIONS: RAW_DELETIONS,
}


def arrow(table: str, rows: Iterable[Row | Tombstone]) -> "pa.Table":
    """Return rows of one table as Arrow, one row a key: of several the last one observed.

    Polars makes it, since pyarrow would import pandas to look at Python's values: a second and more of every run.
    """
    latest: dict[int | str, Row | Tombstone] = {}
    for row in rows:
        key = row[0]
        if key not in latest or latest[key].observed_at <= row.observed_at:
            latest[key] = row
    columns = list(zip(*latest.values(), strict=True)) or [()] * len(COLUMNS[table])
    frame = pl.DataFrame(
        [
            pl.Series(name, values, dtype=kind)
            for (name, kind), values in zip(COLUMNS[table].items(), columns, strict=True)
        ]
    )
    made = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    schema = made.schema.set(0, made.schema.field(0).with_nullable(nullable=False))  # as dlt knows a key
    return made.cast(schema)
