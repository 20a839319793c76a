"""Where a sync stands: one small file a shop, replaced atomically, read by the command line and the app.

Long stages are logged as well, now and then, so that Dagster's log of the run tells how far it came and how fast.
"""

import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from regulars.models import SyncProgress

Clock = Callable[[], datetime]
log = logging.getLogger("regulars")
WINDOW: Final = timedelta(seconds=60)
SHORTEST: Final = timedelta(seconds=3)
STEP: Final = timedelta(seconds=1)
LOGGED_EVERY: Final = timedelta(seconds=30)


def read_progress(path: Path) -> SyncProgress | None:
    """Return what the file says, or None where no sync has written one that we can read."""
    with suppress(OSError, ValidationError):
        return SyncProgress.model_validate_json(path.read_bytes())
    return None


def told(progress: SyncProgress) -> str:
    """Return where a sync stands in words: "orders 12,300 of 100,000, 4,100 a minute, 21 min left"."""
    total = "" if progress.total is None else f" of {progress.total:,}"
    done = f" {progress.done:,}{total}" if progress.done or total else ""
    return ", ".join(part for part in (f"{progress.stage}{done}", pace(progress)) if part)


def pace(progress: SyncProgress) -> str:
    """Return how fast a stage goes and how long it will take, in words; empty while unknown."""
    rate = "" if progress.per_minute is None else f"{progress.per_minute:,.0f} a minute"
    left = "" if progress.seconds_left is None else f"{_span(progress.seconds_left)} left"
    return ", ".join(part for part in (rate, left) if part)


def _span(seconds: float) -> str:
    """Return a duration to plan by: "40 s", "21 min", "3 h 5 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Pace:
    """How fast one stage goes, over the last minute or so: rows a minute and seconds left."""

    def __init__(self) -> None:
        self._stage = ""
        self._seen: deque[tuple[datetime, int]] = deque()

    def at(self, now: datetime, stage: str, done: int, total: int | None) -> tuple[float | None, float | None]:
        """Note that `stage` has done `done` rows, and return (rows a minute, seconds left); None where unknown.

        A stage that was resumed counts from where it went on. One that steps back counts anew.
        """
        if stage != self._stage or (self._seen and done < self._seen[-1][1]):
            self._stage = stage
            self._seen.clear()
        if not self._seen or now - self._seen[-1][0] >= STEP:
            self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()
        since, from_there = self._seen[0]
        if now - since < SHORTEST or done <= from_there:
            return None, None
        a_second = (done - from_there) / (now - since).total_seconds()
        return 60.0 * a_second, None if total is None else max(0, total - done) / a_second


class ProgressFile:
    """Writes one run's progress. Not for two writers at once: the holder of the shop's warehouse writes."""

    def __init__(
        self, path: Path, shop: str, run_id: str | None = None, clock: Clock = lambda: datetime.now(UTC)
    ) -> None:
        self._path = path
        self._clock = clock
        self._pace = Pace()
        now = self._logged = clock()
        self._last = SyncProgress(
            shop=shop, state="running", stage="starting", started_at=now, updated_at=now, run_id=run_id
        )

    def stage(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Say that `stage` has done `done` of `total` rows (None: not known)."""
        now = self._clock()
        per_minute, left = self._pace.at(now, stage, done, total)
        self._write(now, state="running", stage=stage, done=done, total=total, per_minute=per_minute, seconds_left=left)
        if now - self._logged >= LOGGED_EVERY:
            self._logged = now
            log.info("%s", told(self._last))

    def finish(self, warning: str = "") -> None:
        """Say that the run ended well; `warning` is a sentence for people all the same."""
        self._write(self._clock(), state="done", stage="done", message=warning, per_minute=None, seconds_left=None)

    def fail(self, message: str) -> None:
        """Say that the run failed, in a sentence for people: no secret, no personal data."""
        self._write(self._clock(), state="failed", message=message, per_minute=None, seconds_left=None)

    def _write(self, now: datetime, **changes: object) -> None:
        self._last = self._last.model_copy(update={**changes, "updated_at": now})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(f".{os.getpid()}.new")
        new.write_text(self._last.model_dump_json())
        new.replace(self._path)
