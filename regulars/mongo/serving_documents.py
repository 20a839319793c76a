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
EXPONENT_BIAS, MONEY_DIGITS = 6176, 6
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
    spent = _inner(currencies, "customer_key", CURRENCY_COLUMNS)
    documents = _documents(people.rename(dict(SORTED_BY)))
    for document in documents:
        key = document["customer_key"]
        document["_id"] = id_of(shop, key)
        document["currencies"] = spent.get(key, [])
    return documents


def order_documents(shop: str, orders: pl.DataFrame, lines: pl.DataFrame, refunds: pl.DataFrame) -> list[Document]:
    """Return the documents of orders (`ORDERS`) with their lines and refunds, each in the order given."""
    inside = {"lines": _inner(lines, "order_id", LINE_COLUMNS), "refunds": _inner(refunds, "order_id", REFUND_COLUMNS)}
    documents = _documents(orders)
    for document in documents:
        order, owner = document["order_id"], document["customer_key"]
        document["_id"] = id_of(shop, order)
        document["customer"] = None if owner is None else id_of(shop, owner)
        for name, rows in inside.items():
            document[name] = rows.get(order, [])
    return documents


def segment_documents(shop: str, segments: pl.DataFrame, nets: pl.DataFrame, as_of: datetime) -> list[Document]:
    """Return the documents of segments (`SEGMENTS`); `nets` has `segment_id`, `currency` and `net`."""
    sums = _inner(nets, "segment_id", ("currency", "net"))
    documents = _documents(segments)
    for document in documents:
        segment = document["segment_id"]
        document |= {"_id": id_of(shop, segment), "as_of": as_of, "net": sums.get(segment, [])}
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


def _inner(rows: pl.DataFrame, by: str, columns: Sequence[str]) -> dict[Any, list[Document]]:
    """Return the rows' `columns` as documents, for each value of `by` in the order given."""
    found: dict[Any, list[Document]] = {}
    for owner, document in zip(rows[by].to_list(), _documents(rows.select(columns)), strict=True):
        found.setdefault(owner, []).append(document)
    return found


def _documents(rows: pl.DataFrame) -> list[Document]:
    """Return rows with values such as BSON takes. Made by column: to make them by row takes four times as long."""
    names = rows.columns
    documents = [dict(zip(names, values, strict=True)) for values in zip(*map(_values, rows), strict=True)]
    for column in rows.select(cs.datetime()):
        rests = column.to_physical() % 1000
        for position in (rests != 0).arg_true():
            documents[position].setdefault(EXACT, {})[column.name] = rests[position]
    return documents


def _values(column: pl.Series) -> list[Any]:
    dtype = column.dtype
    if dtype == pl.Decimal:
        return [None if units is None else _money(units) for units in column.to_physical().cast(pl.Int64).to_list()]
    if dtype == pl.Datetime:  # BSON's are UTC all the same, and to make one that has a zone takes most of the time
        return column.dt.replace_time_zone(None).to_list()
    if dtype == pl.Struct:
        inside = _documents(column.struct.unnest())
        return [each if there else None for each, there in zip(inside, column.is_not_null().to_list(), strict=True)]
    return column.to_list()


@lru_cache(maxsize=65_536)
def _money(units: int) -> Decimal128:
    """Return an amount in millionths as MongoDB keeps it: sign, exponent and digits in sixteen bytes.

    https://github.com/mongodb/specifications/blob/master/source/bson-decimal128/decimal128.md
    """
    bits = (units < 0) << 127 | (EXPONENT_BIAS - MONEY_DIGITS) << 113 | abs(units)
    return Decimal128.from_bid(bits.to_bytes(16, "little"))


def _plain(document: Document, schema: Mapping[str, pl.DataType]) -> list[Any]:
    """Return the values of a row, times as microseconds since 1970: a time with a zone takes Polars longest."""
    try:
        values = [document[name] for name in schema]
    except KeyError:  # written by a release that had fewer columns: they say what a published table without them says
        values = [document.get(name, [] if isinstance(dtype, pl.List) else None) for name, dtype in schema.items()]
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
