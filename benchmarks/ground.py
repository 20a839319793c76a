"""What the cases stand on: the made-up shop on disk, and the same in MongoDB; each is made when a case first asks."""

from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import pymongo
from pymongo.database import Database as MongoDatabase

from benchmarks.people import SHOP, publish_shop
from regulars.directory import open_directory
from regulars.directory.layout import current_version
from regulars.directory.published import Directory
from regulars.mongo.serving import mirror
from regulars.paths import DataPaths
from regulars.settings import Settings, load_settings
from tests.mongod import running_mongod, why_not

Database = MongoDatabase[dict[str, Any]]
SERVED = (100_000, 500_000)


class Ground(AbstractContextManager["Ground"]):
    """A shop of so many people and orders under `folder`, kept there for the next run; without one, in a temporary one."""

    def __init__(
        self,
        *,
        people: int,
        orders: int,
        repeats: int,
        folder: Path | None = None,
        served: tuple[int, int] = SERVED,
        pulled: int = 20_000,
    ) -> None:
        """Nothing is made yet.

        `served` are the most people and orders that are loaded into MongoDB; `pulled` is how many orders the cases have
        that read from a shop.
        """
        self.people, self.orders, self.repeats = people, orders, repeats
        self.pulled = pulled
        self._most = served
        self._folder = folder
        self._ends = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    @cached_property
    def data(self) -> Path:
        """The data folder, with the shop published in it."""
        root = self._folder or Path(self._ends.enter_context(TemporaryDirectory(prefix="regulars-bench-")))
        data = root / f"{self.people}-{self.orders}"
        folder = DataPaths(data).published(SHOP)
        if current_version(folder) is None:
            publish_shop(folder, people=self.people, orders=self.orders)
        return data

    @property
    def published(self) -> Path:
        """The shop's published folder."""
        return DataPaths(self.data).published(SHOP)

    @property
    def version(self) -> Path:
        """The folder of the published version."""
        return self.published / (current_version(self.published) or "")

    def from_files(self) -> Directory:
        """Return a directory over the files that has read nothing yet."""
        return Directory(self.published, shop=SHOP)

    @cached_property
    def served(self) -> "Ground":
        """The shop that MongoDB serves: this one, or a smaller one where this has more than is to be loaded."""
        people, orders = min(self.people, self._most[0]), min(self.orders, self._most[1])
        if (people, orders) == (self.people, self.orders):
            return self
        return self._ends.enter_context(Ground(people=people, orders=orders, repeats=self.repeats, folder=self._folder))

    @cached_property
    def server(self) -> Settings | None:
        """Settings with a MongoDB that serves the shop; None where no mongod can run here."""
        if why_not():
            return None
        place = self._ends.enter_context(TemporaryDirectory(prefix="regulars-bench-mongod-"))
        mongod = self._ends.enter_context(running_mongod(Path(place)))
        settings = load_settings(mongodb_uri=mongod.uri("bench"), data_dir=self.served.data, _env_file=None)
        mirror(settings, SHOP, self.served.published, self.served.version.name)
        return settings

    @cached_property
    def from_server(self) -> Directory | None:
        """A directory over MongoDB; None where no mongod can run here."""
        if self.server is None:
            return None
        directory = open_directory(self.server, SHOP, None)
        self._ends.callback(directory.close)
        return directory

    @cached_property
    def database(self) -> Database | None:
        """The same database for queries by hand."""
        if self.server is None or self.server.mongodb_uri is None:
            return None
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(self.server.mongodb_uri.get_secret_value())
        self._ends.callback(client.close)
        return client.get_default_database()
