"""Shop days: which day an instant belongs to, and at which instant a day begins.

A *shop day* is a calendar day in the shop's time zone, written as the number of days since 1970-01-01. A time zone is an
IANA name (`Europe/Berlin`) or a fixed offset as WordPress has it (`+05:30`). `as_of` is an exclusive instant in UTC: what
happened before it counts. The clock is read by the caller, never here.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import polars as pl

EPOCH = date(1970, 1, 1)
OFFSET = re.compile(r"([+-])(\d{1,2}):(\d{2})")


def zone(name: str) -> tzinfo:
    """Return the time zone called `name`. Raises ZoneInfoNotFoundError (a KeyError) or ValueError on an unknown one."""
    offset = _offset(name)
    return ZoneInfo(name) if offset is None else timezone(offset)


def shop_day(instant: pl.Expr, timezone: str) -> pl.Expr:
    """Return the shop day (Int32, null where `instant` is null) of a UTC `Datetime` expression.

    Both copies of the autumn hour belong to the day they stand in, since the instant decides, not the wall clock.
    """
    return shop_time(instant, timezone).dt.date().to_physical().cast(pl.Int32)


def shop_time(instant: pl.Expr, timezone: str) -> pl.Expr:
    """Return what the shop's clock showed at a UTC `Datetime` expression."""
    offset = _offset(timezone)
    return instant.dt.convert_time_zone(timezone) if offset is None else instant + pl.lit(offset)


def day_number(instant: datetime, timezone: str) -> int:
    """Return the shop day of one aware instant.

    >>> day_number(datetime(2026, 6, 30, 22, 30, tzinfo=UTC), "Europe/Berlin") == (date(2026, 7, 1) - EPOCH).days
    True
    """
    return (instant.astimezone(zone(timezone)).date() - EPOCH).days


def as_of_for_day(day: date, timezone: str) -> datetime:
    """Return the first instant of `day` in the shop's time zone, in UTC.

    Where clocks jump over midnight the day begins at the jump; where midnight comes twice, at the first one.

    >>> as_of_for_day(date(2026, 7, 1), "Europe/Berlin").isoformat()
    '2026-06-30T22:00:00+00:00'
    """
    return datetime.combine(day, time(), tzinfo=zone(timezone)).astimezone(UTC)


def next_midnight(now: datetime, timezone: str) -> datetime:
    """Return the first midnight of the shop after `now` (aware), in UTC: the `as_of` of a live run, so today counts.

    >>> next_midnight(datetime(2026, 6, 30, 21, 59, tzinfo=UTC), "Europe/Berlin").isoformat()
    '2026-06-30T22:00:00+00:00'
    """
    today = now.astimezone(zone(timezone)).date()
    return as_of_for_day(today + timedelta(days=1), timezone)


def _offset(name: str) -> timedelta | None:
    match = OFFSET.fullmatch(name)
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return offset if sign == "+" else -offset
