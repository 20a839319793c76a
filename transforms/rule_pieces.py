"""What would be right in place of a piece of text that no rule holds: habits of other languages, forms and keyboards."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

from transforms.rule_errors import shorten

_ANYTHING = "a field, a comparison, a value, “and”, “or”, “not” or brackets"
_NUMBER = "a number such as 3 or 19.90, or a day such as 2026-01-31"
_QUOTES = "“”„‟«»‹›‘’‚‛＂＇「」『』"
_QUOTED = re.compile(rf"[{_QUOTES}]([^{_QUOTES}\"'\n]{{1,60}})[{_QUOTES}\"']")
# Each at the place where reading stopped; the first that fits is told.
_PIECES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), right)
    for pattern, right in (
        (r"\"|'", 'a closing quote (a quote inside of a text takes a backslash: \\")'),
        (r"#|--|//|/\*|\*/", "nothing: a rule has no comments"),
        (r"&&?", "“and”"),
        (r"\|\|?", "“or”"),
        (r"=>", "“>=”"),
        (r"=<|<=>", "“<=”"),
        (r"===", "“=”"),
        (r"=!|!==?", "“!=”"),
        (r">>|<<", "“>” or “<”"),
        (r"!", "“not”"),
        (r";", "“and” or “or” between conditions, a comma between the terms of orders(…) or bought(…)"),
        (r"[\[\]{}]", "round brackets: ( )"),
        (r"`[^`\s]{0,60}`?", "a field without quotes, such as orders_count"),
        (r"[~*^]", "“contains”, “starts with” or “ends with”: a rule has no patterns"),
        (r"%", "a part of one: 0.25 is 25 percent"),
        (r"\+\d[\d.,]{0,40}", "the number without a plus"),
        (r"\.\d+", "a digit before the point, such as 0.25"),
        (r"[-–—−]\s*(?=\d)", "a minus directly before its number, or for a range: between 3 and 5"),
        (r":", "“=”, or for a range: between 3 and 5"),
    )
)
_DAYS = re.compile(r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[Tt ][\d:.,]+\S*)?")
_LARGE = re.compile(r"\d{1,3}(?:([.,'’_])\d{3})(?:\1\d{3})*(?:[.,]\d{1,6})?")
_AGE = re.compile(r"(\d{1,6})(d|w|days?|weeks?)\b", re.IGNORECASE)


def unreadable(text: str, position: int) -> tuple[str, str]:
    """Return the piece of `text` at `position` as an error quotes it, and what would be right in its place."""
    letter = text[position]
    if letter.isdigit():
        return _number(text, position)
    if found := _odd(text, position):
        return found
    for pattern, right in _PIECES:
        if piece := pattern.match(text, position):
            return shorten(_to_blank(text, position) if letter in "\"'" else piece[0].rstrip()), right
    return shorten(_to_blank(text, position)), _ANYTHING


def _odd(text: str, position: int) -> tuple[str, str] | None:
    """Return what is wrong with a letter that comes from a word processor, a web page or another keyboard, if one does."""
    letter = text[position]
    kind, plain = unicodedata.category(letter), unicodedata.normalize("NFKC", letter)
    if letter in _QUOTES:
        quoted = _QUOTED.match(text, position)
        right = f'straight quotes: "{shorten(quoted[1])}"' if quoted else 'straight quotes: "'
        return shorten(quoted[0] if quoted else letter), right
    if kind in ("Cf", "Cc"):
        return f"U+{ord(letter):04X}", "to delete this character, which cannot be seen"
    if kind == "Sc":
        return letter, "an amount without its currency, such as 200"
    if letter in "-–—" and text[position - 1 : position].isalpha() and text[position + 1 : position + 2].isalpha():
        return letter, "a name with underscores, such as orders_count"
    return (letter, f"“{plain}”") if plain != letter and plain.isascii() and plain.strip() else None


def _to_blank(text: str, position: int) -> str:
    return text[position : position + 20].split(maxsplit=1)[0]


def _number(text: str, position: int) -> tuple[str, str]:
    """Return what stands there in place of a number or a day, and the number or day that it may mean."""
    if found := _DAYS.match(text, position):
        days = list(dict.fromkeys(day.isoformat() for day in _days(*found.groups())))
        days = days[:1] if "." in found[0] else days  # with points the day comes first, with strokes it may not
        if days:
            return shorten(found[0]), f"{'the day as ' if len(days) == 1 else ''}{' or '.join(days)}"
    if (found := _LARGE.match(text, position)) and text[found.end() : found.end() + 1] not in tuple("/-_'’"):
        return shorten(found[0]), f"the number without separators: {_plain(found[0])}"
    if found := _AGE.match(text, position):
        unit = "days" if found[2][0] in "dD" else "weeks"
        return shorten(found[0]), f"{found[1]} {unit}"
    if found := re.compile(r"\d+(?:\.\d+)?[eE][-+]?\d+").match(text, position):
        return shorten(found[0]), f"{_NUMBER}, written out"
    return shorten(_to_blank(text, position)), _NUMBER


def _days(first: str, middle: str, last: str) -> Iterator[date]:
    """Yield the days that three numbers may mean: year first, or day and month, or month and day."""
    one, two, three = int(first), int(middle), int(last)
    ways = [(one, two, three)] if len(first) == 4 else [(three, two, one), (three, one, two)] if len(last) == 4 else []
    for year, month, day in ways:
        with suppress(ValueError):
            yield date(year, month, day)


def _plain(written: str) -> str:
    """Return a number as a rule writes it: one separator in front of two digits or so is a point, all others are none."""
    digits = re.split(r"[.,'’_]", written)
    if len(digits[-1]) == 3:
        return "".join(digits)
    return f"{''.join(digits[:-1])}.{digits[-1]}"
