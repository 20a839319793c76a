"""Comparing what the shop lists with what is held, in bulk: DuckDB takes the compared columns out of the bodies.

Terms: *listed* is what the shop showed, a row a record with the instant before its page was asked for; a record listed
twice counts as last read. *Held* are the raw rows. A record of ours differs only where it was observed before the page
that shows the difference was read: what we learnt later is newer than that page.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
import polars as pl

from pipelines.woocommerce.known import Known
from pipelines.woocommerce.rows import OBJECTS, Row, gmt, is_id
from regulars.errors import ShopAnswerUnreadable
from regulars.shop.port import Item, Page
from transforms.schemas import TIME

# `refunds` is "id:total" of each, sorted; `digest` the MD5 of the whole body where that was shown. Null: not compared.
LISTED: Final[Mapping[str, pl.DataType]] = {
    "id": pl.Int64(),
    "status": pl.String(),
    "owner": pl.Int64(),
    "total": pl.String(),
    "modified_at": TIME,
    "refunds": pl.String(),
    "digest": pl.String(),
    "read_at": TIME,
}
NAMED: Final[Mapping[str, pl.DataType]] = {
    "id": pl.Int64(),
    "order_id": pl.Int64(),
    "total": pl.String(),
    "read_at": TIME,
}
DIFFERENT: Final[Mapping[str, pl.DataType]] = {"id": pl.Int64(), "kind": pl.String()}

# One extraction reads a body once. The bodies stay in this first step, so that no join carries them.
_HELD: Final = """
CREATE TEMP TABLE held AS
SELECT id, observed_at, modified_at, try_cast(seen[1] AS BIGINT) AS owner, seen[2] ->> '$' AS total,
    CASE WHEN json_array_length(seen[3]) > 0 THEN array_to_string(list_sort(
        [r.id || ':' || coalesce(r.total, '') FOR r IN from_json(seen[3], '[{"id": "BIGINT", "total": "VARCHAR"}]')]
    ), ',') ELSE '' END AS refunds,
    seen[4] ->> '$' AS status, digest
FROM (SELECT t.id, t.observed_at, t.date_modified_gmt AS modified_at,
        json_extract(t.body, ['$.customer_id', '$.total', '$.refunds', '$.status']) AS seen,
        CASE WHEN t.id BETWEEN $low AND $high THEN md5(t.body) END AS digest
    FROM raw.{table} t)
"""
_DIFFERENT: Final = """
SELECT id, kind FROM (
    SELECT coalesce(l.id, h.id) AS id,
        CASE
            WHEN h.id IS NULL OR d.observed_at >= h.observed_at THEN 'missing'
            WHEN l.id IS NULL THEN 'extra'
            WHEN (l.status = 'trash') IS DISTINCT FROM (h.status = 'trash') AND $by_order THEN 'trash'
            WHEN l.status IS DISTINCT FROM h.status AND $by_status THEN 'status'
            WHEN l.owner IS DISTINCT FROM h.owner AND $by_order THEN 'owner'
            WHEN l.total IS DISTINCT FROM h.total AND $by_order THEN 'total'
            WHEN l.refunds IS DISTINCT FROM h.refunds AND $by_order THEN 'refunds'
            WHEN l.modified_at IS DISTINCT FROM h.modified_at THEN 'date'
            WHEN l.digest <> h.digest THEN 'body'
        END AS kind,
        greatest(h.observed_at, d.observed_at) AS seen_at, coalesce(l.read_at, $started) AS read_at
    FROM listed l FULL JOIN held h ON l.id = h.id
    LEFT JOIN raw.deletions d ON d.object = $object AND d.id = coalesce(l.id, h.id)
    WHERE l.id IS NOT NULL OR (d.observed_at IS NULL OR d.observed_at < h.observed_at)
        AND (h.status IS DISTINCT FROM 'trash' OR $by_order)
) WHERE kind IS NOT NULL AND (seen_at IS NULL OR seen_at < read_at OR seen_at > $now) ORDER BY id
"""
_REFUNDS: Final = """
SELECT id, kind, order_id FROM (
    SELECT coalesce(n.id, h.id) AS id, coalesce(n.order_id, h.parent_id) AS order_id,
        CASE
            WHEN h.id IS NULL OR d.observed_at >= h.observed_at THEN 'missing'
            WHEN n.id IS NULL THEN 'extra'
            WHEN abs(try_cast(n.total AS DECIMAL(18, 6)))
                IS DISTINCT FROM abs(try_cast(h.body ->> '$.amount' AS DECIMAL(18, 6))) THEN 'total'
        END AS kind,
        greatest(h.observed_at, d.observed_at) AS seen_at,
        coalesce(n.read_at, l.read_at, $started) AS read_at
    FROM named n FULL JOIN raw.refunds h ON n.id = h.id
    LEFT JOIN raw.deletions d ON d.object = 'refund' AND d.id = coalesce(n.id, h.id)
    LEFT JOIN listed l ON l.id = h.parent_id
    WHERE n.id IS NOT NULL OR d.observed_at IS NULL OR d.observed_at < h.observed_at
) WHERE kind IS NOT NULL AND (seen_at IS NULL OR seen_at < read_at OR seen_at > $now) ORDER BY id
"""


class Listed:
    """What the shop showed of one table, page by page, in compared columns alone: some 100 bytes a record."""

    def __init__(self, table: str, started_at: datetime) -> None:
        self.table, self.started_at = table, started_at
        self._pages: list[pl.DataFrame] = []
        self._named: list[pl.DataFrame] = []
        self.unseen = 0  # records that the shop counts and cannot show
        self.whole: tuple[int, int] = (1, 0)  # from the least to the greatest id of whole bodies

    def add(self, page: Page, *, whole: bool = False) -> None:
        """Take in a page; `whole`: its items are whole bodies, to be compared as such."""
        self._add([(item, page.read_at) for item in page.items], whole=whole)

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Take in records that were read one by one, as if they had been listed then."""
        self._add([(orjson.loads(row.body), row.observed_at) for row in rows], whole=False)

    def _add(self, read: Sequence[tuple[Item, datetime]], *, whole: bool) -> None:
        if not read:
            return
        if any(not is_id(item.get("id")) for item, _ in read):
            raise ShopAnswerUnreadable(f"The shop listed a record among its {self.table} that has no id.")
        rows = [_columns(item, at, whole=whole) for item, at in read]
        self._pages.append(pl.DataFrame(rows, schema=LISTED, orient="row"))
        named = [
            (refund["id"], item["id"], _text(refund.get("total")), at) for item, at in read for refund in _refunds(item)
        ]
        if named:
            self._named.append(pl.DataFrame(named, schema=NAMED, orient="row"))
        if whole:
            ids = [item["id"] for item, _ in read]
            low, high = self.whole
            self.whole = (min(ids), max(ids)) if high < low else (min(low, *ids), max(high, *ids))

    def records(self) -> pl.DataFrame:
        """Return one row a record, as last read, with the columns of LISTED."""
        frames = pl.concat([pl.DataFrame(schema=LISTED), *self._pages])
        return frames.sort("read_at", maintain_order=True).unique("id", keep="last", maintain_order=True)

    def refunds(self) -> pl.DataFrame:
        """Return one row a refund that the orders name, as last read, with the columns of NAMED."""
        last = self.records().select("id", "read_at")
        named = pl.concat([pl.DataFrame(schema=NAMED), *self._named])
        return named.join(last, left_on=["order_id", "read_at"], right_on=["id", "read_at"], how="semi").unique(
            "id", keep="last", maintain_order=True
        )


def _columns(item: Item, read_at: datetime, *, whole: bool) -> tuple[Any, ...]:
    refunds = sorted(f"{refund['id']}:{refund.get('total') or ''}" for refund in _refunds(item))
    owner = item.get("customer_id")
    return (
        item["id"],
        _text(item.get("status")),
        owner if isinstance(owner, int) else None,
        _text(item.get("total")),
        gmt(item.get("date_modified_gmt")),
        ",".join(refunds),
        hashlib.md5(orjson.dumps(item), usedforsecurity=False).hexdigest() if whole else None,
        read_at,
    )


def _refunds(item: Item) -> list[Item]:
    refunds = item.get("refunds")
    return [r for r in refunds if isinstance(r, dict) and is_id(r.get("id"))] if isinstance(refunds, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def different(known: Known, listed: Listed, now: datetime) -> pl.DataFrame:
    """Return the records of one table that differ from the shop: id, and the first kind of drift that applies."""
    low, high = listed.whole
    options = {
        "object": OBJECTS[listed.table],
        "started": listed.started_at,
        "now": now,
        "by_order": listed.table == "orders",
        "by_status": listed.table != "customers",
    }
    with known.connected() as connection:
        connection.register("listed", listed.records().to_arrow())
        connection.execute(_HELD.replace("{table}", listed.table), {"low": low, "high": high})
        return _fetched(connection.execute(_DIFFERENT, options).fetchall(), DIFFERENT)


def different_refunds(known: Known, listed: Listed, now: datetime) -> pl.DataFrame:
    """Return the refunds that differ from what the listed orders name: id, kind, order_id."""
    with known.connected() as connection:
        connection.register("listed", listed.records().to_arrow())
        connection.register("named", listed.refunds().to_arrow())
        found = connection.execute(_REFUNDS, {"started": listed.started_at, "now": now}).fetchall()
    return _fetched(found, {**DIFFERENT, "order_id": pl.Int64()})


def _fetched(rows: Sequence[tuple[Any, ...]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")
