"""What a shop says about itself at `/wp-json/`, without a key: its name, its time zone, its clock."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from regulars.configured import check_timezone
from regulars.errors import SettingsError, ShopNotFound

# Fixed offsets that are no whole hours, by a zone that has kept them without summer time for decades.
_ODD_OFFSETS: Final = {
    Fraction(11, 2): "Asia/Kolkata",
    Fraction(23, 4): "Asia/Kathmandu",
    Fraction(9, 2): "Asia/Kabul",
    Fraction(13, 2): "Asia/Yangon",
    Fraction(19, 2): "Australia/Darwin",
    Fraction(35, 4): "Australia/Eucla",
    Fraction(-19, 2): "Pacific/Marquesas",
}


@dataclass(frozen=True)
class ShopIndex:
    """A shop's own description.

    `timezone` is an IANA name. `server_now` is the shop's clock when it answered; `clock_skew_seconds` is how far that
    clock is ahead of ours (negative: behind).
    """

    name: str
    url: str
    home: str
    timezone: str
    namespaces: tuple[str, ...]
    clock_skew_seconds: float
    server_now: datetime


def index_from(
    answer: Any, *, server_now: datetime, asked_at: datetime, answered_at: datetime, timezone: str | None
) -> ShopIndex:
    """Return the index in the shop's answer. `timezone`, where set, overrides what the shop says.

    Raises ShopNotFound where WooCommerce's REST API is not among the shop's namespaces, SettingsError where the shop's
    time zone has no name.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("namespaces"), list):
        raise ShopNotFound("What answers at /wp-json/ is no WordPress. Check that WOOCOMMERCE_URL is the shop's home.")
    namespaces = tuple(str(space) for space in answer["namespaces"])
    if "wc/v3" not in namespaces:
        raise ShopNotFound("This WordPress has no WooCommerce REST API (wc/v3). Is WooCommerce active there?")
    middle = asked_at + (answered_at - asked_at) / 2
    return ShopIndex(
        name=str(answer.get("name") or ""),
        url=str(answer.get("url") or ""),
        home=str(answer.get("home") or ""),
        timezone=timezone or zone_name(answer.get("timezone_string"), answer.get("gmt_offset")),
        namespaces=namespaces,
        clock_skew_seconds=(server_now - middle).total_seconds(),
        server_now=server_now,
    )


def zone_name(named: Any, offset: Any) -> str:
    """Return the IANA name of a shop's zone from WordPress's two fields: a name, or hours ahead of UTC.

    Raises SettingsError where the offset has no zone of its own.

    >>> zone_name("Europe/Berlin", 1), zone_name("", 2), zone_name("", "-3"), zone_name("+05:30", None)
    ('Europe/Berlin', 'Etc/GMT-2', 'Etc/GMT+3', 'Asia/Kolkata')
    """
    if isinstance(named, str) and named and named[0] not in "+-":
        try:
            return check_timezone(named)
        except ValueError:
            pass  # a zone that only the shop's PHP knows: its offset must do
    hours = _hours(named if named and offset in (None, "") else offset)
    if hours is None or hours == 0:
        return "UTC"
    if hours.denominator == 1 and -12 <= hours <= 14:
        return f"Etc/GMT{-hours.numerator:+d}"  # POSIX counts west of Greenwich
    if hours in _ODD_OFFSETS:
        return _ODD_OFFSETS[hours]
    raise SettingsError(
        f"The shop's time zone is a fixed offset of {float(hours):+g} hours, which has no name. "
        "Set REGULARS_SHOP_TIMEZONE to the IANA name of its zone."
    )


def _hours(offset: Any) -> Fraction | None:
    text = str(offset if offset is not None else "").strip()
    try:
        if ":" not in text:
            return Fraction(text) if text else None
        hours, minutes = text.split(":", 1)
        size = Fraction(abs(int(hours))) + Fraction(int(minutes), 60)
    except (ValueError, ZeroDivisionError):
        return None
    return -size if text.startswith("-") else size
