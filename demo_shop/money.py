"""Exact money: amounts are whole millionths of a currency unit, kept in plain integers.

WooCommerce stores line amounts with six decimals and shows them rounded to the shop's decimals (or to ``dp``).
Integers of millionths hold every stored amount exactly, add without error and cost little memory.
"""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

UNIT = 1_000_000
"""How many millionths make one currency unit."""


def micros(amount: str | int | Decimal) -> int:
    """Read a decimal amount, such as ``"12.50"``, as millionths.

    Digits after the sixth decimal are rounded half up. Raises ``decimal.InvalidOperation`` when the text is
    not a number.
    """
    return int((Decimal(amount) * UNIT).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def rounded(amount: int, places: int) -> int:
    """Round millionths to so many decimal places, halves away from zero, and return millionths."""
    step: int = 10 ** max(0, 6 - places)
    whole, rest = divmod(abs(amount), step)
    if rest * 2 >= step > 1:
        whole += 1
    return whole * step if amount >= 0 else -whole * step


@lru_cache(maxsize=1 << 17)
def fixed(amount: int, places: int) -> str:
    """Write millionths with a fixed number of decimals, as WooCommerce answers money.

    >>> fixed(12_345_000, 2), fixed(62_360_000, 0), fixed(-1_500_000, 6)
    ('12.35', '62', '-1.500000')
    """
    near = rounded(amount, places)
    digits = str(abs(near)).zfill(7)
    sign = "-" if near < 0 else ""
    if places <= 0:
        return f"{sign}{digits[:-6]}"
    return f"{sign}{digits[:-6]}.{digits[-6:][:places].ljust(places, '0')}"


def plain(amount: int) -> str:
    """Write millionths with no more decimals than they need, as WooCommerce stores tax and coupon amounts.

    >>> plain(782_800), plain(5_000_000), plain(0)
    ('0.7828', '5', '0')
    """
    text = fixed(amount, 6)
    return text.rstrip("0").rstrip(".")


def as_number(amount: int, quantity: int) -> float | int:
    """Return the price of one piece as a JSON number: WooCommerce answers it unrounded, whole ones as integers."""
    price = (amount / quantity if quantity else amount) / UNIT
    return int(price) if price.is_integer() else price
