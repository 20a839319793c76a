"""Reading the shop's JSON bodies: one decode for each table, and the few ways in which text becomes a value.

Every scalar is decoded as text and cast afterwards, since shops and their plugins send `""` for a number, `5` for a
text and ids beyond 64 bits; a value that cannot be cast is null, and the quality checks count it. Missing keys are null,
unknown keys are ignored. PHP writes an array with gaps as an object and an empty object as an array: such a body is
decoded alone, in Python, so that it never takes the batch with it. A body that is no JSON object has null fields.

Where the text of a number has more than six decimals it is rounded half to even at the sixth, in decimal arithmetic.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
from polars.datatypes import DataTypeClass

from transforms.schemas import MONEY

TEXT = pl.String()
INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S"
YEARS = (1000, 9998)  # a time zone must not lead beyond what Python's dates hold
# The last one last: `&amp;lt;` means the text `&lt;`.
TERM_ENTITIES: Mapping[str, str] = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#039;": "'", "&amp;": "&"}


def texts(*names: str) -> list[pl.Field]:
    """Return struct fields of type text with these names."""
    return [pl.Field(name, TEXT) for name in names]


def decode(body: pl.Expr, shape: pl.Struct) -> pl.Expr:
    """Return `body` (JSON text) as a struct of `shape`, whose leaves are text; null where it is no JSON object."""
    return body.map_batches(lambda series: _decoded(series, shape), return_dtype=shape, is_elementwise=True)


def text(value: pl.Expr) -> pl.Expr:
    """Return the text, with `""` as null: the shop sends an empty text for "not given"."""
    return pl.when(value != "").then(value)


def term(value: pl.Expr) -> pl.Expr:
    """Return the name of a category as its shop shows it: WordPress stores it with `&amp;` for `&`, and sends it so."""
    for written, meant in TERM_ENTITIES.items():
        value = value.str.replace_all(written, meant, literal=True)
    return value


def integer(value: pl.Expr) -> pl.Expr:
    """Return a whole number as Int64; null where the text is empty, fractional, or beyond 64 bits."""
    return value.cast(pl.Int64, strict=False)


def quantity(value: pl.Expr) -> pl.Expr:
    """Return a number of pieces as Int64. Shops that sell by weight send fractions: the part after the point is cut."""
    return pl.coalesce(integer(value), value.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False))


def money(value: pl.Expr) -> pl.Expr:
    """Return money as Decimal(18, 6), straight from its text; null where it is empty or no number."""
    return value.cast(MONEY, strict=False)


def boolean(value: pl.Expr) -> pl.Expr:
    """Return a Boolean from `true`, `false`, `1`, `0` or `""`; null where it is missing."""
    return value.str.to_lowercase().is_in(["true", "1", "yes"])


def instant(value: pl.Expr) -> pl.Expr:
    """Return a `*_gmt` date of the shop (UTC without a Z) as Datetime("us", "UTC"); null where it is none.

    So is a date outside YEARS: PHP writes the empty date of an import as -0001-11-30, which Python cannot hold.
    """
    naive = value.str.strip_suffix("Z").str.to_datetime(INSTANT_FORMAT, time_unit="us", strict=False)
    return pl.when(naive.dt.year().is_between(*YEARS)).then(naive).dt.replace_time_zone("UTC")


def address(value: pl.Expr, fields: Iterable[str]) -> pl.Expr:
    """Return an address struct with these text fields, each null where it was empty."""
    return pl.struct(text(value.struct.field(name)).alias(name) for name in fields)


def _decoded(bodies: pl.Series, shape: pl.Struct) -> pl.Series:
    """Decode a batch. Polars reads it as one JSON array, so what is no object must not get between its neighbours."""
    trimmed = bodies.str.strip_chars()
    is_object = trimmed.str.starts_with("{") & trimmed.str.ends_with("}")
    objects = bodies.to_frame("body").select(pl.when(is_object).then("body")).to_series()
    return _halved(objects, shape)


def _halved(bodies: pl.Series, shape: pl.Struct) -> pl.Series:
    """Decode the fast way; where one body refuses, halve until it stands alone and read that one in Python."""
    try:
        decoded = bodies.str.json_decode(dtype=shape)
        if len(decoded) == len(bodies):
            return decoded
    except pl.exceptions.ComputeError:
        pass
    if len(bodies) == 1:
        return pl.Series(bodies.name, [_repaired(bodies.item(), shape)], dtype=shape)
    half = len(bodies) // 2
    return _halved(bodies[:half], shape).append(_halved(bodies[half:], shape))


def _repaired(body: str, shape: pl.Struct) -> Any:
    try:
        value = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return _shaped(value, shape)


def _shaped(value: Any, dtype: pl.DataType | DataTypeClass) -> Any:
    """Return what of `value` fits `dtype`: an object's values where a list is due, null where nothing fits."""
    if isinstance(dtype, pl.Struct):
        if not isinstance(value, dict):
            return None
        return {field.name: _shaped(value.get(field.name), field.dtype) for field in dtype.fields}
    if isinstance(dtype, pl.List):
        items = list(value.values()) if isinstance(value, dict) else value
        return [_shaped(item, dtype.inner) for item in items] if isinstance(items, list) else None
    if isinstance(value, bool):
        return str(value).lower()
    # A lone half of a surrogate pair is valid JSON and no valid text.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None
