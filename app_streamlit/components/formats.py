"""How figures, times and people's own words read on a screen.

Absent is "–", zero is 0. Money keeps the decimals it has and at least those of its currency; only averages are rounded.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

ABSENT = "–"
NO_NAME = "No name"
LONGEST = 160

# Currencies without two decimals (ISO 4217).
DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}

_CODE = re.compile(r"`([^`]+)`")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Invisible and without width: it keeps what is recognised after parsing (":icon:", "a@b", "www.", "->") mere text.
_JOINER = "\u2060"
_RECOGNISED = re.compile(
    r"(\\:)(?=[\w\\])|(\\@)|(\bwww)(?=\\\.)|(\\-)(?=\\[->])|(\\<)(?=\\[-=])|(\\[>~])(?=\\=)", re.IGNORECASE
)
_TURNS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff"))


def one_line(text: str | None, longest: int = LONGEST) -> str:
    """Return somebody's text on one line: no control characters, none that turn the direction of what follows."""
    if text is None:
        return ""
    if not (text.isascii() and text.isprintable()):  # most texts are, and need no look at each letter
        spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs") else letter for letter in text)
        text = spaced.translate(_TURNS)
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def plain(text: str | None, longest: int = LONGEST) -> str:
    """Return somebody's text for a label that reads Markdown, so that it shows as it is.

    Every ASCII punctuation mark is escaped, and what is recognised after parsing (icons, links, arrows) is broken up.
    """
    return _escaped(one_line(text, longest))


def _escaped(line: str) -> str:
    escaped = _PUNCTUATION.sub(r"\\\1", line)
    return _RECOGNISED.sub(lambda found: f"{found[0]}{_JOINER}", escaped)


def sentence(text: str, longest: int = LONGEST) -> str:
    r"""Return a sentence of ours for a label that reads Markdown: as `plain`, but what stands in backquotes is code.

    >>> sentence("`regulars up` starts *it*")
    '`regulars up` starts \\*it\\*'
    """
    parts = _CODE.split(one_line(text, longest))  # every second one is code
    return "".join(f"`{part}`" if index % 2 else _escaped(part) for index, part in enumerate(parts))


def number(value: int | None) -> str:
    """Return a count with thousands apart."""
    return ABSENT if value is None else f"{value:,}"


def amount(value: Decimal | None, currency: str | None = None, *, rounded: bool = False) -> str:
    """Return an amount without its currency; `rounded` for averages, everything else is exact."""
    if value is None:
        return ABSENT
    least = DECIMALS.get(currency or "", 2)
    if rounded:
        value = value.quantize(Decimal(1).scaleb(-least), rounding=ROUND_HALF_EVEN)
    text = f"{value if value else abs(value):,.6f}"  # zero has no sign, also where a small debt was rounded to it
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return (f"{whole}.{decimals}" if decimals else whole).replace("-", "−")


def money(value: Decimal | None, currency: str | None, *, rounded: bool = False) -> str:
    """Return an amount with its currency's code."""
    if value is None or currency is None:
        return ABSENT
    code = "".join(letter for letter in currency if letter.isalpha())[:8]
    return f"{amount(value, currency, rounded=rounded)} {code}"


def totals(sums: Mapping[str, Decimal]) -> str:
    """Return sums of several currencies side by side; they are never added up."""
    return " + ".join(money(value, currency) for currency, value in sums.items()) or "0"


def day(instant: datetime | None, timezone: str) -> str:
    """Return an instant's day in the shop's time zone."""
    if instant is None:
        return ABSENT
    local = instant.astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%b %Y}"


def minute(instant: datetime | None, timezone: str) -> str:
    """Return an instant to the minute, in the shop's time zone."""
    if instant is None:
        return ABSENT
    return f"{day(instant, timezone)}, {instant.astimezone(ZoneInfo(timezone)):%H:%M}"


def days_ago(instant: datetime | None, today: date, timezone: str) -> str:
    """Return how many of the shop's days lie between an instant and `today`, in words."""
    if instant is None:
        return ABSENT
    days = (today - instant.astimezone(ZoneInfo(timezone)).date()).days
    if days < 0:
        return day(instant, timezone)
    if days < 2:
        return ("today", "yesterday")[days]
    return f"{number(days)} days ago"


def seconds_ago(seconds: float) -> str:
    """Return a short span in the unit that reads best."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{number(count)} {unit}{'' if count == 1 else 's'} ago"
    return f"{max(0, int(seconds))} s ago"


def seconds_left(seconds: float) -> str:
    """Return how long something will still take, no finer than one can know.

    >>> seconds_left(20), seconds_left(1290), seconds_left(9000)
    ('less than a minute left', '22 min left', '2.5 hours left')
    """
    if seconds < 60:
        return "less than a minute left"
    return f"{round(seconds / 60)} min left" if seconds < 5_400 else f"{seconds / 3_600:.1f} hours left"


def share(part: float) -> str:
    """Return a part of a whole in per cent.

    >>> share(0.3366)
    '33.7 %'
    """
    return f"{part * 100:.1f} %"


def people(count: int) -> str:
    """Return a count of people with its word."""
    return "1 person" if count == 1 else f"{number(count)} people"


def name_of(row: Mapping[str, object]) -> str:
    """Return what to call a person on a screen: the name, else company, else e-mail, else that there is none."""
    full = " ".join(filter(None, (_text(row, "first_name"), _text(row, "last_name"))))
    return full or _text(row, "company") or _text(row, "email") or NO_NAME


def _text(row: Mapping[str, object], column: str) -> str:
    value = row.get(column)
    return one_line(value) if isinstance(value, str) else ""
