"""People as files for others to open: CSV for spreadsheets, Parquet for programs.

A spreadsheet runs a cell that begins like a formula, and a name is typed by anybody who orders. So a *text* gets an
apostrophe before its first character that is not white space where that is one of `= + - @ | %` or looks like one
(NFKC makes `＝` of it `=`), where it starts with a tab, a line break or NUL, and, since spreadsheets of many countries
split at semicolons whatever the quotes say, also behind `;`, tab and line breaks inside it. Numbers are numbers and stay
as they are, negative ones too. Every text stands in quotes, so that commas and lines inside it stay inside.
"""

import io
import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Literal

import polars as pl

from transforms.days import shop_time

Kind = Literal["csv", "parquet"]

ROWS_AT_ONCE = 100_000

# `= + - @ | %` and every character that NFKC turns into one of them (or into a text that starts with one).
FORMULA = "%+\\-=@|⁺⁼₊₌⩵⩶﬩﹢﹣﹦﹪﹫％＋－＝＠｜"
_BEGINS = rf"((?:^|[;\t\r\n])[\s\p{{Z}}\p{{Cf}}]*)([{FORMULA}])"
_CONTROL_FIRST = r"^([\t\r\n\x00])"

CENTS = pl.Decimal(18, 2)
LONGEST_NAME = 60


def to_csv(frame: pl.DataFrame, *, timezone: str) -> bytes:
    """Return `frame` as CSV in UTF-8 with a byte order mark, and a line of column names.

    Instants are written as `2026-11-11 23:00:00` in the shop's `timezone`, which stands behind the column's name; money
    as plain decimals, with two places where these hold every amount of the column, else with six; lists as texts joined
    by `; `; what is unknown as an empty cell.
    """
    out = io.BytesIO()
    money = {name: _narrow(frame[name]) for name, dtype in frame.schema.items() if isinstance(dtype, pl.Decimal)}
    names = {name: f"{name} ({timezone})" for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime)}
    for number, piece in enumerate(frame.iter_slices(ROWS_AT_ONCE) if frame.height else [frame]):
        cells = piece.select(_cell(name, dtype, timezone, money) for name, dtype in piece.schema.items())
        texts = [harmless(cells[name]) for name, dtype in cells.schema.items() if isinstance(dtype, pl.String)]
        cells.with_columns(texts).rename(names).write_csv(
            out,
            include_bom=number == 0,  # spreadsheets take a file without it for one of yesterday's code pages
            include_header=number == 0,
            line_terminator="\r\n",
            quote_style="non_numeric",
        )
    return out.getvalue()


def to_parquet(frame: pl.DataFrame) -> bytes:
    """Return `frame` as a Parquet file: every value as it is, instants in UTC."""
    out = io.BytesIO()
    frame.write_parquet(out, compression="zstd")
    return out.getvalue()


def file_name(shop: str, what: str, day: date, kind: Kind = "csv") -> str:
    """Return a file's name that is safe everywhere, whatever `what` is.

    >>> file_name("demo", "../Stammkunden „Süd“", date(2026, 11, 11))
    'demo-Stammkunden-Sud-2026-11-11.csv'
    """
    plain = unicodedata.normalize("NFKD", what).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9_]+", "-", plain)[:LONGEST_NAME].strip("-")
    return f"{shop}-{words or 'people'}-{day.isoformat()}.{kind}"


def harmless(texts: pl.Series) -> pl.Series:
    """Return `texts` with an apostrophe wherever a spreadsheet would begin to read a formula."""
    suspect = (texts.str.contains(_BEGINS) | texts.str.contains(_CONTROL_FIRST)).fill_null(value=False)
    if not suspect.any():
        return texts
    marked = texts.filter(suspect).str.replace(_CONTROL_FIRST, "'${1}").str.replace_all(_BEGINS, "${1}'${2}")
    return texts.clone().scatter(suspect.arg_true(), marked)


def _cell(name: str, dtype: pl.DataType, timezone: str, money: Mapping[str, pl.DataType]) -> pl.Expr:
    column = pl.col(name)
    match dtype:
        case pl.List():
            return column.list.join("; ")
        case pl.Decimal():
            return column.cast(money[name])
        case pl.Datetime():
            return shop_time(column, timezone).dt.strftime("%Y-%m-%d %H:%M:%S")
    return column


def _narrow(amounts: pl.Series) -> pl.DataType:
    """Return the type with two decimals where no amount needs more."""
    cents = amounts.cast(CENTS, strict=False)
    return CENTS if (cents.cast(amounts.dtype) == amounts).fill_null(amounts.is_null()).all() else amounts.dtype
