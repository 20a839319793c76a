"""Where a sync stands: one small file a shop, replaced atomically, read by the command line and the app."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from regulars.models import SyncProgress

Clock = Callable[[], datetime]


def read_progress(path: Path) -> SyncProgress | None:
    """Return what the file says, or None where no sync has written one that we can read."""
    with suppress(OSError, ValidationError):
        return SyncProgress.model_validate_json(path.read_bytes())
    return None


class ProgressFile:
    """Writes one run's progress. Not for two writers at once: the holder of the shop's warehouse writes."""

    def __init__(
        self, path: Path, shop: str, run_id: str | None = None, clock: Clock = lambda: datetime.now(UTC)
    ) -> None:
        self._path = path
        self._clock = clock
        now = clock()
        self._last = SyncProgress(
            shop=shop, state="running", stage="starting", started_at=now, updated_at=now, run_id=run_id
        )

    def stage(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Say that `stage` has done `done` of `total` rows (None: not known)."""
        self._write(state="running", stage=stage, done=done, total=total)

    def finish(self) -> None:
        """Say that the run ended well."""
        self._write(state="done", stage="done")

    def fail(self, message: str) -> None:
        """Say that the run failed, in a sentence for people: no secret, no personal data."""
        self._write(state="failed", message=message)

    def _write(self, **changes: object) -> None:
        self._last = self._last.model_copy(update={**changes, "updated_at": self._clock()})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(f".{os.getpid()}.new")
        new.write_text(self._last.model_dump_json())
        new.replace(self._path)
