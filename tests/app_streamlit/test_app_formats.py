"""How figures, times and people's own words read."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app_streamlit.components import formats


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("318204.5", "GBP", "318,204.50 GBP"),
        ("17431551.178", "GBP", "17,431,551.178 GBP"),
        ("-25.50", "EUR", "−25.50 EUR"),
        ("0", "EUR", "0.00 EUR"),
        ("5000", "JPY", "5,000 JPY"),
        ("1.5", "KWD", "1.500 KWD"),
        ("0.000001", "EUR", "0.000001 EUR"),
    ],
)
def test_money_is_shown_exactly_with_the_decimals_of_its_currency(value: str, currency: str, text: str) -> None:
    """A sum on the screen must be the sum in the books: nothing is rounded away."""
    assert formats.money(Decimal(value), currency) == text


def test_only_averages_are_rounded_half_to_even() -> None:
    """An average has endless decimals; two are enough, and rounding is the one the documentation names."""
    assert formats.money(Decimal("10.005"), "EUR", rounded=True) == "10.00 EUR"
    assert formats.money(Decimal("10.015"), "EUR", rounded=True) == "10.02 EUR"
    assert formats.money(Decimal("333.333333"), "JPY", rounded=True) == "333 JPY"
    assert formats.money(Decimal("-0.004"), "EUR", rounded=True) == "0.00 EUR"


def test_unknown_is_a_dash_and_zero_is_zero() -> None:
    """The two mean different things."""
    assert (formats.money(None, "EUR"), formats.number(None), formats.number(0)) == ("–", "–", "0")


def test_currencies_stand_side_by_side() -> None:
    """Euros and dollars have no sum."""
    assert formats.totals({"EUR": Decimal("1.5"), "USD": Decimal(2)}) == "1.50 EUR + 2.00 USD"
    assert formats.totals({}) == "0"


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        ("2026-11-11T22:59:00", "today"),
        ("2026-11-10T23:00:00", "today"),
        ("2026-11-10T22:59:00", "yesterday"),
        ("2026-10-30T12:00:00", "12 days ago"),
        ("2023-11-11T12:00:00", "1,096 days ago"),
        ("2026-11-12T12:00:00", "12 Nov 2026"),
    ],
)
def test_days_are_counted_in_the_shops_time_zone(instant: str, words: str) -> None:
    """An order at 23:30 UTC is tomorrow's in Berlin; the list and the rules must agree on the day."""
    when = datetime.fromisoformat(instant).replace(tzinfo=UTC)

    assert formats.days_ago(when, date(2026, 11, 11), "Europe/Berlin") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s ago"), (14, "14 s ago"), (61, "1 minute ago"), (7300, "2 hours ago"), (10**6, "11 days ago")],
)
def test_spans_read_in_the_unit_that_fits(seconds: float, words: str) -> None:
    """Freshness is read in passing; a clock slightly ahead must not show a negative span."""
    assert formats.seconds_ago(seconds) == words


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Anna\r\n\tEk", "Anna Ek"),
        ("\u202eevil\u202c", "evil"),
        ("\u2066x\u2069 \x00y\x1b[31m", "x y [31m"),
        (" شركة ", "شركة"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        (None, ""),
        ("a" * 500, "a" * 159 + "…"),
    ],
)
def test_one_line_is_one_line_and_turns_nothing_around(text: str | None, line: str) -> None:
    """A line break or a right-to-left override in a name must not move what stands beside it."""
    assert formats.one_line(text) == line


@given(st.text(max_size=60))
def test_plain_text_keeps_every_letter_and_leaves_no_bare_punctuation(text: str) -> None:
    """Escaping must hold for any name: each ASCII punctuation mark has its backslash, nothing else is lost."""
    escaped = formats.plain(text)

    marks = set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
    unescaped, position = [], 0
    while position < len(escaped):
        letter = escaped[position]
        if letter == "\\":
            position += 1
            letter = escaped[position]
            assert letter in marks
        else:
            assert letter not in marks
        unescaped.append(letter)
        position += 1
    assert "".join(unescaped).replace("\u2060", "") == formats.one_line(text).replace("\u2060", "")


def test_names_and_amounts_stay_searchable_in_the_page() -> None:
    """Nothing invisible is put into ordinary names: the browser's search must find them."""
    assert "\u2060" not in formats.plain("Dr. Anna-Lena O'Brien & Co. KG, 1.234")


def test_a_person_without_a_name_is_called_by_what_is_known() -> None:
    """Guests may have an e-mail only, or nothing at all."""
    assert formats.name_of({"first_name": " ", "last_name": None, "company": "Tea & Co", "email": "x@y"}) == "Tea & Co"
    assert formats.name_of({"email": "x@y"}) == "x@y"
    assert formats.name_of({}) == "No name"
