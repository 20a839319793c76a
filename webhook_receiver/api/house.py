"""What the routes share in one process: settings, stores, directories, Dagster; each opened when it is first needed."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from regulars.dagster import Dagster
from regulars.directory import open_directory
from regulars.directory.layout import Manifest, current_manifest
from regulars.directory.published import Directory
from regulars.errors import RecordNotFound
from regulars.inbox import open_inbox
from regulars.inbox.port import Inbox
from regulars.models import ShopConfig
from regulars.paths import DataPaths
from regulars.records import open_records
from regulars.records.ports import Records
from regulars.settings import NO_SHOP, Settings
from transforms.rules import STARTING_SEGMENTS
from webhook_receiver.api.problems import FieldInvalid

T = TypeVar("T")


class Opened(Generic[T]):
    """Something that is opened when it is first needed, once.

    Opening a server that is away takes seconds: who asks meanwhile waits for the same outcome, an error too, or requests
    would wait for one another in a row. Who asks after an error tries anew.
    """

    def __init__(self, open_it: Callable[[], T]) -> None:
        self._open_it = open_it
        self._lock = threading.Lock()
        self._outcome: Future[T] | None = None

    @property
    def now(self) -> T | None:
        """What is open now, if anything."""
        outcome = self._outcome
        return outcome.result() if outcome and outcome.done() and outcome.exception() is None else None

    def get(self) -> T:
        """Return it, opened where it is not yet. Raises what opening raises."""
        with self._lock:
            outcome, mine = self._outcome, self._outcome is None
            if outcome is None:
                outcome = self._outcome = Future()
        if mine:
            try:
                outcome.set_result(self._open_it())
            except BaseException as error:  # noqa: BLE001 - it is raised below, to everybody who waits
                self._outcome = None
                outcome.set_exception(error)
        return outcome.result()


class House:
    """One of each a process, shared by all threads. A store that is away is tried anew by the next request."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.paths = DataPaths(settings.data_dir)
        self.dagster = Dagster(settings)
        self._records = Opened[Records](lambda: open_records(settings))
        self._inbox = Opened[Inbox](lambda: open_inbox(settings))
        self._opening = threading.Lock()
        self._directories: dict[str, Opened[Directory]] = {}

    @property
    def records(self) -> Records:
        """The records. Raises RecordsUnavailable, NewerSchema."""
        return self._records.get()

    @property
    def inbox(self) -> Inbox:
        """The change rows. Raises SettingsError."""
        return self._inbox.get()

    def directory(self, shop: str) -> Directory:
        """Return the people of a shop; its starting segments are there from the first look on."""
        with self._opening:
            opened = self._directories.setdefault(shop, Opened[Directory](lambda: self._directory(shop)))
        return opened.get()

    def _directory(self, shop: str) -> Directory:
        self.records.ensure_shop(shop, STARTING_SEGMENTS)
        return open_directory(self.settings, shop, self.records)

    def shops(self) -> list[str]:
        """Return the shops there are: configured ones, and those with published data."""
        published = {entry.name for entry in (self.paths.root / "published").glob("*") if entry.is_dir()}
        return sorted({*self.settings.shops, *published})

    def shop(self, name: str | None) -> str:
        """Return the shop that is meant. Raises FieldInvalid where that is not clear or not one of ours."""
        shops = self.shops()
        if name is None and len(shops) == 1:
            return shops[0]
        if name is None:
            raise FieldInvalid(
                {"shop": f"Several shops are served; name one of: {', '.join(shops)}." if shops else NO_SHOP}
            )
        if name not in shops:
            raise FieldInvalid({"shop": f"No such shop; there is: {', '.join(shops) or 'none'}."})
        return name

    def configured(self, name: str | None) -> ShopConfig:
        """Return the configuration of the shop that is meant: what is asked of it needs its keys."""
        shop = self.shop(name)
        if shop not in self.settings.shops:
            raise FieldInvalid({"shop": "This shop has data here and is not configured any more."})
        return self.settings.shops[shop]

    def manifest(self, shop: str) -> Manifest | None:
        """Return what is published of a shop, None before its first sync."""
        return current_manifest(self.paths.published(shop))

    def key_now(self, shop: str, key: str) -> str:
        """Return the key that `key` belongs to today."""
        return self.directory(shop).known_as(key)[0]

    def close(self) -> None:
        """Let go of the stores."""
        directories = (opened.now for opened in self._directories.values())
        for store in (*directories, self._records.now, self._inbox.now):
            if store is not None:
                store.close()


def nobody() -> RecordNotFound:
    """Return the error for a customer who is not there."""
    return RecordNotFound("No customer of this shop has this key.")
