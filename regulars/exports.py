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
from datetime import date
from typing import Literal

import polars as pl

from transforms.days import shop_time

Kind = Literal["csv", "parquet"]

ROWS_AT_ONCE = 50_000
BOM = "\ufeff"  # spreadsheets take a file without it for one of yesterday's code pages
LINE_END = "\r\n"

# `= + - @ | %` and every character that NFKC turns into one of them (or into a text that starts with one).
FORMULA = "%+\\-=@|⁺⁼₊₌⩵⩶﬩﹢﹣﹦﹪﹫％＋－＝＠｜"
_AT_THE_START = rf"^([\s\p{{Z}}\p{{Cf}}]*)([{FORMULA}])"
_INSIDE = rf"([;\t\r\n][\s\p{{Z}}\p{{Cf}}]*)([{FORMULA}])"
_CONTROL_FIRST = r"^([\t\r\n\x00])"
_SURPLUS_ZEROS = r"(\.\d\d\d*?)0+$"

LONGEST_NAME = 60


def to_csv(frame: pl.DataFrame, *, timezone: str) -> bytes:
    """Return `frame` as CSV in UTF-8 with a byte order mark, and a line of column names.

    Instants are written as `2026-11-11 23:00:00` in the shop's `timezone`, which stands behind the column's name; money
    as plain decimals with two to six places; lists as texts joined by `; `; what is unknown as an empty cell.
    """
    out = io.BytesIO()
    names = [f"{name} ({timezone})" if _is_instant(dtype) else name for name, dtype in frame.schema.items()]
    header = pl.DataFrame({"line": names}).select(_quoted(pl.col("line")))["line"]
    out.write((BOM + ",".join(header) + LINE_END).encode())
    for piece in frame.iter_slices(ROWS_AT_ONCE):
        cells = [_cell(name, dtype, timezone).fill_null("") for name, dtype in piece.schema.items()]
        lines = piece.select(pl.concat_str(cells, separator=",").alias("line"))["line"]
        if lines.len():
            out.write((LINE_END.join(lines) + LINE_END).encode("utf-8"))
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


def harmless(text: pl.Expr) -> pl.Expr:
    """Return `text` with an apostrophe wherever a spreadsheet would begin to read a formula."""
    return (
        text.str.replace(_CONTROL_FIRST, "'${1}")
        .str.replace(_AT_THE_START, "${1}'${2}")
        .str.replace_all(_INSIDE, "${1}'${2}")
    )


def _cell(name: str, dtype: pl.DataType, timezone: str) -> pl.Expr:
    column = pl.col(name)
    match dtype:
        case pl.String():
            return _quoted(column)
        case pl.List():
            return _quoted(column.list.join("; "))
        case pl.Decimal():
            return column.cast(pl.String).str.replace(_SURPLUS_ZEROS, "${1}")
        case pl.Datetime():
            return shop_time(column, timezone).dt.strftime("%Y-%m-%d %H:%M:%S")
    return column.cast(pl.String)


def _quoted(text: pl.Expr) -> pl.Expr:
    return pl.format('"{}"', harmless(text).str.replace_all('"', '""', literal=True))


def _is_instant(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime)
