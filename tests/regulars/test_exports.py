"""Files for spreadsheets and programs: nothing a customer typed may run, and no figure may change."""

import csv
import io
import sys
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.exports import FORMULA, file_name, harmless, to_csv, to_parquet
from transforms.schemas import MONEY, TIME

BERLIN = "Europe/Berlin"


def rows(data: bytes) -> list[list[str]]:
    """Return what a reader of CSV sees."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("  =1+1", "  '=1+1"),
        ("\u00a0\u200b=1+1", "\u00a0\u200b'=1+1"),
        ("+49 170", "'+49 170"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("|calc", "'|calc"),
        ("%x", "'%x"),
        ("＝1", "'＝1"),
        ("\ttab", "'\ttab"),
        ("\rreturn", "'\rreturn"),
        ("\nline", "'\nline"),
        ("\0nul", "'\0nul"),
        ("a;=1", "a;'=1"),
        (";=1", ";'=1"),
        ("a\n=1", "a\n'=1"),
        ("0042", "0042"),
        ("Müller-Lüdenscheidt", "Müller-Lüdenscheidt"),
        ("a, b; c", "a, b; c"),
        ("'=1", "'=1"),
        ("", ""),
    ],
)
def test_a_text_never_begins_a_formula(typed: str, written: str) -> None:
    """Whoever opens the list in a spreadsheet must not run what a stranger typed as a name; other texts stay."""
    assert harmless(pl.Series(["plain", typed, None])).to_list() == ["plain", written, None]


def test_every_character_that_reads_as_the_start_of_a_formula_is_known() -> None:
    """The list is written out, so that a file is made quickly; Unicode decides whether it is complete."""
    letters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
    starting = {letter for letter in letters if unicodedata.normalize("NFKC", letter)[:1] in tuple("=+-@|%")}

    assert starting == set(FORMULA.replace("\\", ""))


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_a_reader_gets_every_text_back_but_for_apostrophes(texts: list[str]) -> None:
    """Commas, quotes, lines and any script inside a name must not move the cells behind it."""
    frame = pl.DataFrame({"text": texts, "number": range(len(texts))})

    header, *read = rows(to_csv(frame, timezone=BERLIN))

    assert header == ["text", "number"]
    assert [cell.replace("'", "") for cell, _ in read] == [text.replace("'", "") for text in texts]
    assert [number for _, number in read] == [str(number) for number in range(len(texts))]


def test_figures_dates_and_lists_are_what_a_spreadsheet_understands() -> None:
    """A negative amount stays a number, an instant shows the shop's clock, and what is unknown is empty."""
    frame = pl.DataFrame(
        {
            "net": [Decimal("-25.5"), Decimal("1234.123450"), None],
            "orders_count": [3, -1, None],
            "at": [datetime(2026, 11, 11, 23, tzinfo=UTC), None, None],
            "tags": [["vip", "=1"], [], None],
            "paying": [True, False, None],
        },
        schema={
            "net": MONEY,
            "orders_count": pl.Int64,
            "at": TIME,
            "tags": pl.List(pl.String),
            "paying": pl.Boolean,
        },
    )

    assert to_csv(frame, timezone=BERLIN).decode() == (
        '\ufeff"net","orders_count","at (Europe/Berlin)","tags","paying"\r\n'
        '-25.500000,3,"2026-11-12 00:00:00","vip; \'=1","true"\r\n'
        '1234.123450,-1,,"","false"\r\n'
        ",,,,\r\n"
    )


def test_amounts_in_cents_have_two_places() -> None:
    """Nearly every shop's do, and six places are hard to read."""
    frame = pl.DataFrame({"net": [Decimal("-25.5"), None, Decimal("1234.10")]}, schema={"net": MONEY})

    assert rows(to_csv(frame.with_row_index(), timezone=BERLIN))[1:] == [["0", "-25.50"], ["1", ""], ["2", "1234.10"]]


def test_nobody_gives_a_file_with_a_header(tmp_path) -> None:
    """A filter that finds nobody still exports: an empty list, not an error."""
    frame = pl.DataFrame(schema={"name": pl.String, "net": MONEY})

    assert rows(to_csv(frame, timezone=BERLIN)) == [["name", "net"]]


def test_parquet_keeps_every_value() -> None:
    """A program reads types; nothing is escaped for it."""
    frame = pl.DataFrame(
        {"name": ["=1", None], "net": [Decimal("1.10"), None]}, schema={"name": pl.String, "net": MONEY}
    )

    assert pl.read_parquet(io.BytesIO(to_parquet(frame))).equals(frame)


@pytest.mark.parametrize("what", ["../../etc/passwd", 'a"b', "a\r\nb", "CON", "客户", "x" * 500, "", "..", "a/b\\c"])
def test_a_file_name_is_safe_whatever_the_segment_is_called(what: str) -> None:
    """A segment's name is free text; the file's name goes into a header and onto a disk."""
    name = file_name("demo", what, date(2026, 11, 11), "parquet")

    assert name.startswith("demo-")
    assert name.endswith("-2026-11-11.parquet")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert ".." not in name
    assert len(name) < 120
