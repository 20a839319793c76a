"""The current version of a shop's published data, and what is written now to lay over it; both kept between calls."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from regulars.directory.layout import Manifest, current_version
from regulars.directory.overlay import NOTHING_FOLDED, Overlay, read_overlay
from regulars.directory.query import LiveRecords, Watched
from regulars.directory.snapshot import Snapshot, open_snapshot
from regulars.errors import DataFolderError, NothingPublished

ATTEMPTS = 5

Result = TypeVar("Result")


class CurrentVersion:
    """Opens the version that `CURRENT` names, one at a time. Safe to share between threads."""

    def __init__(self, folder: Path, *, shop: str, records: LiveRecords | None = None) -> None:
        """Read from `folder`, the shop's published folder; `records` are the live tags and segments, if any."""
        self._folder = folder
        self._shop = shop
        self._records = records
        self._loading = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._laid_over: tuple[tuple[object, ...], Overlay] = ((), Overlay())

    def close(self) -> None:
        """Let go of what is kept in memory; further calls open it again."""
        with self._loading:
            self._snapshot = None

    def is_published(self) -> bool:
        """Return whether there is a version to read."""
        return current_version(self._folder) is not None

    def manifest(self) -> Manifest:
        """Return what the current version is. Raises NothingPublished."""
        return self._open().manifest

    def _overlay(self) -> Overlay:
        """Return what is written now: the same object as the last time where nothing was written in between."""
        watched: object = self._records
        written = (watched.written(self._shop),) if isinstance(watched, Watched) else ()
        folded = self._same_address()
        now = (*written, folded)
        seen, laid_over = self._laid_over
        if written and now == seen:
            return laid_over
        overlay = read_overlay(self._records, self._shop, folded)
        kept = laid_over if overlay.says_the_same(laid_over) else overlay
        self._laid_over = (now, kept)
        return kept

    def _same_address(self) -> Mapping[str, str]:
        try:
            return self._reading(lambda snapshot: snapshot.same_address)
        except NothingPublished:
            return NOTHING_FOLDED

    def _reading(self, read: Callable[[Snapshot], Result]) -> Result:
        """Run `read` on the current version; start over with the new one when a publish pruned it meanwhile."""
        for _ in range(ATTEMPTS):
            snapshot = self._open()
            try:
                return read(snapshot)
            except FileNotFoundError:
                with self._loading:
                    self._snapshot = None
        raise DataFolderError(f"The published files under {self._folder} vanish while they are read. Sync again.")

    def _open(self) -> Snapshot:
        """Return the current version, from memory where it is the one already there."""
        with self._loading:
            for _ in range(ATTEMPTS):
                version = current_version(self._folder)
                if version is None:
                    raise NothingPublished("Nothing is published yet: the first sync of this shop has not ended.")
                if self._snapshot is not None and self._snapshot.manifest.version == version:
                    return self._snapshot
                try:
                    self._snapshot = open_snapshot(self._folder / version)
                except FileNotFoundError:
                    continue
                return self._snapshot
        raise DataFolderError(f"{self._folder} names a version that is not there. Sync again to publish a new one.")
