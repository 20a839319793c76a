"""Times as the records keep them: whole microseconds since 1970, UTC. Pure but for the one clock; every adapter uses it."""

from datetime import UTC, datetime, timedelta
from typing import overload

from regulars.errors import RecordInvalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """Return the instant, in UTC: a store's clock unless another is given."""
    return datetime.now(UTC)


def to_micros(instant: datetime) -> int:
    """Return `instant` as stored. Raises RecordInvalid for one without a time zone."""
    if instant.tzinfo is None:
        raise RecordInvalid("A time must say its time zone.")
    return (instant - EPOCH) // timedelta(microseconds=1)


@overload
def to_instant(micros: int) -> datetime: ...
@overload
def to_instant(micros: int | None) -> datetime | None: ...
def to_instant(micros: int | None) -> datetime | None:
    """Return a stored instant, in UTC."""
    return None if micros is None else EPOCH + timedelta(microseconds=micros)
