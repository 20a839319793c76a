"""Shop days against the standard library's own time zones."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.days import EPOCH, as_of_for_day, day_number, next_midnight, shop_day, zone

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "+05:30",
    "-11:00",
]
INSTANTS = st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(deadline=None)
@given(INSTANTS, st.sampled_from(ZONES))
def test_the_day_of_an_instant_is_the_calendar_day_in_the_shop(instant: datetime, timezone: str) -> None:
    """Metrics count in these days; a day's shift would move people across `older than 90 days`."""
    series = pl.LazyFrame({"at": [instant]}, schema={"at": pl.Datetime("us", "UTC")})

    days = series.select(shop_day(pl.col("at"), timezone)).collect().to_series().to_list()

    assert days == [(instant.astimezone(zone(timezone)).date() - EPOCH).days] == [day_number(instant, timezone)]


@settings(deadline=None)
@given(st.dates(date(2005, 1, 1), date(2030, 1, 1)), st.sampled_from([z for z in ZONES if z != "Pacific/Apia"]))
def test_a_day_begins_at_its_first_instant(day: date, timezone: str) -> None:
    """The instant at `as_of` is in the day and the one before is not, also where clocks jump at midnight."""
    begin = as_of_for_day(day, timezone)

    assert begin.tzinfo is UTC
    assert day_number(begin, timezone) == (day - EPOCH).days
    assert day_number(begin - timedelta(microseconds=1), timezone) == (day - EPOCH).days - 1


@settings(deadline=None)
@given(INSTANTS, st.sampled_from(ZONES))
def test_the_next_midnight_comes_after_now_and_ends_today(now: datetime, timezone: str) -> None:
    """A live run counts all of today, whenever it starts."""
    midnight = next_midnight(now, timezone)

    assert midnight > now
    assert day_number(midnight - timedelta(microseconds=1), timezone) == day_number(now, timezone)


def test_a_midnight_that_does_not_exist_is_the_jump() -> None:
    """In São Paulo 4 November 2018 began at 01:00."""
    assert as_of_for_day(date(2018, 11, 4), "America/Sao_Paulo") == datetime(2018, 11, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize("timezone", ["Nowhere/Land", "+5", "25"])
def test_an_unknown_time_zone_is_refused(timezone: str) -> None:
    """A silent UTC would shift every day."""
    with pytest.raises((KeyError, ValueError)):
        zone(timezone)
