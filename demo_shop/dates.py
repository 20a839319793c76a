"""Dates as WooCommerce writes, reads and compares them, including where it does so wrongly."""

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_DATE = re.compile(
    r"^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}(?::\d{2})?)?$",
    re.ASCII,
)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name."""
    return ZoneInfo(name)


@lru_cache(maxsize=1 << 16)
def gmt_text(instant: int | None) -> str | None:
    """Write an instant as WooCommerce's ``*_gmt`` fields do: UTC wall time, no ``Z``, seconds only."""
    return None if instant is None else datetime.fromtimestamp(instant, UTC).replace(tzinfo=None).isoformat()


@lru_cache(maxsize=1 << 16)
def local_text(instant: int | None, time_zone: str) -> str | None:
    """Write an instant as shop-local wall time without an offset: ambiguous in the autumn hour, as in the shop."""
    if instant is None:
        return None
    return datetime.fromtimestamp(instant, zone(time_zone)).replace(tzinfo=None).isoformat()


def is_rest_date(text: str) -> bool:
    """Tell whether the REST API takes this text as a date: a time of day is required, epoch seconds are refused."""
    found = _DATE.match(text)
    if not found:
        return False
    try:
        datetime.fromisoformat(f"{found[1]}T{found[2]}")
    except ValueError:
        return False
    return True


def threshold(text: str, time_zone: str, *, dates_are_gmt: bool) -> int:
    """Return the instant the shop compares with when asked for orders after or before ``text``.

    Measured on 9.9.5: naive values mean UTC with ``dates_are_gmt`` and shop time without it, both exact. A value
    with an offset is right without ``dates_are_gmt``, and **wrong by the shop's UTC offset** with it: the shop
    turns it into local wall time and compares that with the UTC column. A fraction before ``Z`` without
    ``dates_are_gmt`` is wrong by the same amount, the other way round.
    """
    found = _DATE.match(text)
    if not found:
        raise ValueError(text)
    wall = datetime.fromisoformat(f"{found[1]}T{found[2]}")
    if found[4] is None:
        return _seconds(wall) if dates_are_gmt else int(wall.replace(tzinfo=zone(time_zone)).timestamp())
    exact = wall.replace(tzinfo=_offset(found[4]))
    if dates_are_gmt:
        return _seconds(exact.astimezone(zone(time_zone)).replace(tzinfo=None))
    if found[3]:
        return int(exact.astimezone(UTC).replace(tzinfo=zone(time_zone)).timestamp())
    return int(exact.timestamp())


def _offset(text: str) -> tzinfo | None:
    if text == "Z":
        return UTC
    return datetime.fromisoformat(f"2000-01-01T00:00:00{text}{':00' if len(text) == 3 else ''}").tzinfo


def _seconds(naive: datetime) -> int:
    return int(naive.replace(tzinfo=UTC).timestamp())
