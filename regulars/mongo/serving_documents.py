"""What people, orders and segments look like in MongoDB: from rows of a published version to documents, and back.

* `customers`: `_id` is `<shop>/<customer_key>`; the columns of `CUSTOMERS`, `name` as lists show it, `currencies` (the
  rows of `CUSTOMER_CURRENCIES`) and what lists sort by: `name_folded`, `rfm_rank`, `currency_rank`.
* `orders`: `_id` is `<shop>/<order_id>`, `customer` the `_id` of who ordered; the columns of `ORDERS`, with `lines` and
  `refunds` inside.
* `customer_segments`: `_id` is `<shop>/<segment_id>`; the columns of `SEGMENTS`, `net` by currency and `as_of`.

Money is Decimal128. Dates are BSON dates, which end at milliseconds: where a time has more, `micros` holds the rest by
field. What is absent is null.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import polars.selectors as cs
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128

from regulars.mongo.client import Document
from transforms.schemas import CUSTOMER_CURRENCIES, ORDER_LINES, REFUNDS, TIME

EXACT = "micros"
# How documents are read: dates as milliseconds, since Python's own would only be taken apart again.
CODEC: CodecOptions[Document] = CodecOptions(datetime_conversion=DatetimeConversion.DATETIME_MS)
EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
CURRENCY_COLUMNS = tuple(name for name in CUSTOMER_CURRENCIES if name not in ("shop", "customer_key"))
LINE_COLUMNS = tuple(name for name in ORDER_LINES if name not in ("shop", "order_id"))
REFUND_COLUMNS = tuple(name for name in REFUNDS if name not in ("shop", "order_id"))
# In a list's order, absent names and the like come last: what is sorted by stands in the document.
SORTED_BY: Mapping[str, str] = {"_name": "name_folded", "_rfm_rank": "rfm_rank", "_currency_rank": "currency_rank"}


def id_of(shop: str, key: str | int) -> str:
    """Return the `_id` of a person (by customer key), an order or a segment (by id)."""
    return f"{shop}/{key}"


def ids_of_shop(shop: str) -> Document:
    """Return the condition on `_id` that means everything of one shop: names of shops hold no slash."""
    return {"_id": {"$gte": f"{shop}/", "$lt": f"{shop}0"}}  # 0 is what comes after the slash


def customer_documents(shop: str, people: pl.DataFrame, currencies: pl.DataFrame) -> list[Document]:
    """Return the documents of people (`CUSTOMERS`, `name`, and the columns of `SORTED_BY`) with their currencies."""
    nested = _nested(currencies, "customer_key", CURRENCY_COLUMNS, "currencies")
    joined = _bare(people).rename(dict(SORTED_BY)).join(nested, on="customer_key", how="left", maintain_order="left")
    documents = joined.to_dicts()
    for document in documents:
        document["_id"] = id_of(shop, document["customer_key"])
        _encode(document, "currencies")
    return documents


def order_documents(shop: str, orders: pl.DataFrame, lines: pl.DataFrame, refunds: pl.DataFrame) -> list[Document]:
    """Return the documents of orders (`ORDERS`) with their lines and refunds, each in the order given."""
    joined = _bare(orders)
    for rows, columns, name in ((lines, LINE_COLUMNS, "lines"), (refunds, REFUND_COLUMNS, "refunds")):
        nested = _nested(rows, "order_id", columns, name)
        joined = joined.join(nested, on="order_id", how="left", maintain_order="left")
    documents = joined.to_dicts()
    for document in documents:
        document["_id"] = id_of(shop, document["order_id"])
        owner = document["customer_key"]
        document["customer"] = None if owner is None else id_of(shop, owner)
        _encode(document, "lines", "refunds")
    return documents


def segment_documents(shop: str, segments: pl.DataFrame, nets: pl.DataFrame, as_of: datetime) -> list[Document]:
    """Return the documents of segments (`SEGMENTS`); `nets` has `segment_id`, `currency` and `net`."""
    joined = segments.join(
        _nested(nets, "segment_id", ("currency", "net"), "net"), on="segment_id", how="left", maintain_order="left"
    )
    documents = joined.to_dicts()
    for document in documents:
        document["_id"] = id_of(shop, document["segment_id"])
        document["as_of"] = as_of
        _encode(document, "net")
    return documents


def frame_of(documents: Iterable[Document], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return documents, read with `CODEC`, as rows of `schema`, each value as it was published."""
    rows = [_plain(document, schema) for document in documents]
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


def row_of(document: Document, schema: Mapping[str, pl.DataType]) -> Document:
    """Return one document as a row of `schema`: what `frame_of` and `to_dicts` would return, in a tenth of the time."""
    row = dict(zip(schema, _plain(document, schema), strict=True))
    return {
        name: EPOCH + timedelta(microseconds=value) if schema[name] == TIME and value is not None else value
        for name, value in row.items()
    }


def _bare(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with times that carry no zone: BSON's are UTC all the same, and zones take most of the time."""
    return rows.with_columns(cs.datetime().dt.replace_time_zone(None))


def _nested(rows: pl.DataFrame, by: str, columns: Sequence[str], name: str) -> pl.DataFrame:
    """Return one row for each value of `by`, with the list of its rows' `columns` in the order given."""
    return _bare(rows).group_by(by, maintain_order=True).agg(pl.struct(columns).alias(name))


def _encode(document: Document, *lists: str) -> None:
    """Make the values of a row such as BSON takes; so too those of the rows in `lists`, which may be missing."""
    for name in lists:
        document[name] = document[name] or []
        for row in document[name]:
            _encode(row)
    rests = {}
    for name, value in document.items():
        kind = type(value)
        if kind is Decimal:
            document[name] = _money(value)
        elif kind is datetime and value.microsecond % 1000:
            rests[name] = value.microsecond % 1000
    if rests:
        document[EXACT] = rests


@lru_cache(maxsize=65_536)
def _money(amount: Decimal) -> Decimal128:
    """Return an amount as MongoDB keeps it; many are the same, and making one takes long."""
    return Decimal128(amount)


def _plain(document: Document, schema: Mapping[str, pl.DataType]) -> list[Any]:
    """Return the values of a row, times as microseconds since 1970: a time with a zone takes Polars longest."""
    values = [document[name] for name in schema]
    for position, value in enumerate(values):
        kind = type(value)
        if kind is DatetimeMS:
            values[position] = int(value) * 1000
        elif kind is Decimal128:
            values[position] = _amount(value.bid)
    if rests := document.get(EXACT):
        for position, name in enumerate(schema):
            if name in rests:
                values[position] += rests[name]
    return values


@lru_cache(maxsize=65_536)
def _amount(kept: bytes) -> Decimal:
    """Return an amount as it was published; reading one takes as long as making one."""
    return Decimal128.from_bid(kept).to_decimal()
