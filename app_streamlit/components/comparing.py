"""A figure of a period beside the same figure of the period before: the change in words and with an arrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import streamlit as st

from app_streamlit.components.formats import ABSENT

Number = int | float | Decimal
Way = Literal["up", "down", "off"]
COLOURS: Mapping[Way, Literal["green", "red", "gray"]] = {"up": "green", "down": "red", "off": "gray"}
MOST = 1000


@dataclass(frozen=True)
class Change:
    """What became of a figure: words for people, and which way it went ("off": neither, or it cannot be told)."""

    words: str
    way: Way


def change(now: Number | None, before: Number | None) -> Change:
    """Return the change as a share of what was before, to two significant digits.

    >>> change(112, 100), change(Decimal("99.58"), Decimal(100)), change(3, 3), change(3, 0)
    (Change(words='12 % more', way='up'), Change(words='0.42 % less', way='down'), Change(words='as before', way='off'), Change(words='–', way='off'))
    """
    if now is None or before is None or before == 0:
        return Change(ABSENT, "off")
    share = (Decimal(str(now)) - Decimal(str(before))) / abs(Decimal(str(before))) * 100
    return _worded(share, " %")


def change_of_rate(now: float | None, before: float | None) -> Change:
    """Return how many percentage points a rate (0 to 1) went up or down.

    >>> change_of_rate(0.31, 0.28).words, change_of_rate(None, 0.5).words
    ('3 points more', '–')
    """
    if now is None or before is None:
        return Change(ABSENT, "off")
    return _worded((Decimal(str(now)) - Decimal(str(before))) * 100, " points")


def _worded(amount: Decimal, unit: str) -> Change:
    size = two_digits(abs(amount))
    if size == "0":
        return Change("as before", "off")
    return Change(f"{size}{unit} {'more' if amount > 0 else 'less'}", "up" if amount > 0 else "down")


def two_digits(size: Decimal) -> str:
    """Return a size with two significant digits, without an exponent; what is below a hundredth is 0.

    >>> [two_digits(Decimal(text)) for text in ("0.004", "0.423", "4.15", "41.5", "415", "123456")]
    ['0', '0.42', '4.2', '42', '420', 'over 1,000']
    """
    if size < Decimal("0.01"):
        return "0"
    if size >= MOST:
        return f"over {MOST:,}"
    rounded = Decimal(f"{size:.1e}")
    return f"{rounded:f}".rstrip("0").rstrip(".") if rounded < 10 else f"{rounded:.0f}"


def compared(label: str, value: str, changed: Change | None, *, help_text: str) -> None:
    """Show a figure with its change; none where there is no period before."""
    if changed is None:
        st.metric(label, value, help=help_text)
        return
    st.metric(label, value, changed.words, delta_color=COLOURS[changed.way], delta_arrow=changed.way, help=help_text)
