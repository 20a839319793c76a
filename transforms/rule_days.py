"""Comparing instants with days of the shop.

An instant's day is its calendar day in the shop's time zone. Converting a column of a million instants takes Polars
forty milliseconds, comparing it with one instant takes one; so a day is turned into the instant at which it starts.
That is right only where days follow each other without going back. Where clocks were put back across midnight (in
Newfoundland until 2011, at 00:01) the day came, went, and came again: there the column is converted.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl

from transforms.schemas import TIME

COMPARE: Mapping[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KNOWN_YEARS = range(1900, 2100)  # beyond, time zone data differ between libraries: Polars decides, as for order_day
_AROUND = timedelta(hours=48)
_STEP = timedelta(minutes=15)  # clocks that went back across midnight stayed there for longer than this
_INSTANT = timedelta(microseconds=1)


def compare_day(instant: pl.Expr, op: str, day: date, timezone: str) -> pl.Expr:
    """Return whether the day of `instant` is `op` (`=`, `<` …) `day`; null where `instant` is."""
    start, following = day_start(day, timezone), day_start(day, timezone, 1)
    if start is None or following is None:
        return COMPARE[op](instant.dt.convert_time_zone(timezone).dt.date(), pl.lit(day, dtype=pl.Date))
    from_it, after_it = instant >= _lit(start), instant >= _lit(following)
    return {
        "=": from_it & ~after_it,
        "!=": ~from_it | after_it,
        "<": ~from_it,
        "<=": ~after_it,
        ">": after_it,
        ">=": from_it,
    }[op]


def is_older(instant: pl.Expr, days: int, *, as_of: datetime, timezone: str) -> pl.Expr:
    """Return whether `instant` lies before `as_of` and its day more than `days` days before that of `as_of`."""
    return _before(instant, as_of) & compare_day(instant, "<", _limit(days, as_of, timezone), timezone)


def is_within(instant: pl.Expr, days: int, *, as_of: datetime, timezone: str) -> pl.Expr:
    """Return whether `instant` lies before `as_of` and its day at most `days` days before that of `as_of`."""
    return _before(instant, as_of) & compare_day(instant, ">=", _limit(days, as_of, timezone), timezone)


def day_start(day: date, timezone: str, later: int = 0) -> datetime | None:
    """Return the first instant whose day is `day` plus `later` days, or after, in UTC.

    None where days go back near it, or beyond the years 1900 to 2099.

    >>> day_start(date(2026, 10, 25), "Europe/Berlin").isoformat()
    '2026-10-24T22:00:00+00:00'
    """
    if day.year not in _KNOWN_YEARS:
        return None
    return _day_start(day + timedelta(days=later), timezone)


@lru_cache(maxsize=1024)
def _day_start(day: date, timezone: str) -> datetime | None:
    zone = ZoneInfo(timezone)

    def reached(instant: datetime) -> bool:
        return instant.astimezone(zone).date() >= day

    middle = datetime(day.year, day.month, day.day, tzinfo=UTC)
    samples = [middle - _AROUND + _STEP * n for n in range(int(2 * _AROUND / _STEP) + 1)]
    first = next(n for n, sample in enumerate(samples) if reached(sample))
    if not all(reached(sample) for sample in samples[first:]):
        return None
    low, high = samples[first - 1], samples[first]
    while high - low > _INSTANT:
        between = low + (high - low) // 2
        low, high = (low, between) if reached(between) else (between, high)
    return high


def _limit(days: int, as_of: datetime, timezone: str) -> date:
    today = as_of.astimezone(ZoneInfo(timezone)).date()
    return today - timedelta(days=min(days, (today - date.min).days))


def _before(instant: pl.Expr, as_of: datetime) -> pl.Expr:
    return instant < _lit(as_of)


def _lit(instant: datetime) -> pl.Expr:
    return pl.lit(instant.astimezone(UTC)).cast(TIME)
