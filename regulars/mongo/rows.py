"""The records' collections, and the only way that records are read and written on MongoDB.

A collection is a table of `regulars.records.portable`, a document its row, times in whole microseconds. Values go into
filters only through `equal` and `among`, so that nothing from outside is ever read as an operator.

Every writing transaction first moves the one document of `record_state`. So writers queue as they do on SQLite: what a
call read still holds when it writes, and ids are given out in the order of writing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from pydantic import SecretStr
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection as Documents
from pymongo.database import Database

from regulars.errors import RecordsUnavailable
from regulars.mongo.client import Document
from regulars.mongo.schema import Part
from regulars.mongo.store import MongoStore
from regulars.records.times import to_micros, utc_now

T = TypeVar("T")

STATE, STATE_ID = "record_state", "records"
AT_ONCE = 5_000
LARGEST_LIMIT = 2**31 - 1
Among = Mapping[str, Collection[Any]]


def _unique(*names: str) -> IndexModel:
    return IndexModel([(name, ASCENDING) for name in names], unique=True)


def _index(*names: str) -> IndexModel:
    return IndexModel([(name, ASCENDING) for name in names])


def _first_state(database: Database[Document], session: ClientSession) -> None:
    database[STATE].insert_one({"_id": STATE_ID, "turn": 0, "change_token": 0}, session=session)


def _to_2(database: Database[Document], session: ClientSession) -> None:
    """Bring the drift that a sync found; fingerprints and webhooks are collections that begin empty."""
    database["syncs"].update_many({"drift": {"$exists": False}}, {"$set": {"drift": None}}, session=session)


def _to_3(database: Database[Document], session: ClientSession) -> None:
    """Bring decisions on who is who: a collection that begins empty."""


# `_id` is what a table of one key column has in it; the others have an unused one beside their unique index.
# tag_change_people holds up to AT_ONCE people a document, for they are only ever wanted all together. tag_jobs holds what
# is under way, see `bulk`.
PART = Part(
    "records",
    3,
    {
        STATE: (),
        "keys": (),
        "shops": (),
        "tokens": (_unique("hash"),),
        "tags": (_unique("shop", "folded"),),
        "person_tags": (_unique("shop", "customer_key", "folded"), _index("shop", "folded", "customer_key")),
        "tag_changes": (_index("shop", "_id"),),
        "tag_jobs": (),
        "tag_change_people": (_unique("change_id", "first_key"),),
        "notes": (_index("shop", "customer_key", "_id"),),
        "note_versions": (_unique("note_id", "version"),),
        "segments": (_unique("shop", "id"),),
        "segment_versions": (_unique("segment_seq", "version"),),
        "aliases": (_unique("shop", "alias_key"),),
        "identity_decisions": (_index("shop", "_id"),),
        "hidden": (_unique("shop", "customer_key"),),
        "events": (_index("shop", "customer_key", "_id"),),
        "syncs": (
            _unique("shop", "run_id"),
            IndexModel([("shop", ASCENDING), ("finished_at", DESCENDING), ("run_id", ASCENDING)]),
        ),
        "checks": (_unique("shop", "suite", "name"),),
        "fingerprints": (),
        "webhooks": (_unique("shop", "topic"),),
    },
    migrations={1: _to_2, 2: _to_3},
    first=_first_state,
)


def chunks(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def equal(values: Mapping[str, Any]) -> Document:
    """Return the filter for documents that have exactly these values."""
    return {name: {"$eq": value} for name, value in values.items()}


def _filter(values: Mapping[str, Any], among: Among | None) -> Document:
    return equal(values) | {name: {"$in": list(some)} for name, some in (among or {}).items()}


class Rows:
    """One collection, in one transaction or outside of any: nothing done through it can miss its session."""

    def __init__(self, collection: Documents[Document], session: ClientSession | None) -> None:
        self._collection, self._session = collection, session

    def one(self, **values: Any) -> Document | None:
        """Return the document that has these values."""
        return self._collection.find_one(equal(values), session=self._session)

    def all(
        self,
        *order: str,
        fields: Sequence[str] = (),
        limit: int | None = None,
        among: Among | None = None,
        **values: Any,
    ) -> Iterator[Document]:
        """Yield the documents that have these values, in the order of these fields; `-name` is descending.

        Of each only these `fields`, where some are named. `among` has further fields with the values that each may have.
        """
        sort = [(name.lstrip("-"), DESCENDING if name.startswith("-") else ASCENDING) for name in order]
        wanted = {"_id": False, **dict.fromkeys(fields, True)} if fields else None
        most = 0 if limit is None else min(limit, LARGEST_LIMIT)
        if limit == 0:  # which the server reads as no limit
            return
        with self._collection.find(
            _filter(values, among), wanted, sort=sort or None, limit=most, session=self._session
        ) as found:
            yield from found

    def values(self, name: str, *, among: Among | None = None, **values: Any) -> set[Any]:
        """Return the values of one field, among the documents that have these values."""
        return {row[name] for row in self.all(fields=(name,), among=among, **values)}

    def count(self, **values: Any) -> int:
        """Return how many documents have these values."""
        return self._collection.count_documents(equal(values), session=self._session)

    def pipeline(self, *steps: Document) -> Iterator[Document]:
        """Yield what an aggregation yields; its steps hold constants and what `equal` made, nothing else."""
        with self._collection.aggregate(list(steps), session=self._session) as found:
            yield from found

    def insert(self, document: Document) -> None:
        """Insert one document."""
        self._collection.insert_one(document, session=self._session)

    def insert_all(self, documents: Iterable[Document]) -> None:
        """Insert many documents."""
        for some in chunks(documents):
            self._collection.insert_many(some, ordered=False, session=self._session)

    def set(self, new: Document, *, among: Among | None = None, **values: Any) -> None:
        """Change the documents that have these values."""
        self._collection.update_many(_filter(values, among), {"$set": new}, session=self._session)

    def put(self, new: Document, **values: Any) -> None:
        """Change the one document that has these values, or make it."""
        self._collection.update_one(equal(values), {"$set": new}, upsert=True, session=self._session)

    def delete(self, *, among: Among | None = None, **values: Any) -> int:
        """Remove the documents that have these values; return how many those were."""
        return self._collection.delete_many(_filter(values, among), session=self._session).deleted_count


class Reading:
    """The collections as of one moment: `reading["notes"]`."""

    def __init__(self, database: Database[Document], session: ClientSession | None) -> None:
        self._database, self._session = database, session

    def __getitem__(self, name: str) -> Rows:
        return Rows(self._database[name], self._session)


class Writing(Reading):
    """The collections within one transaction that nobody else writes in between."""

    def __init__(self, database: Database[Document], session: ClientSession) -> None:
        super().__init__(database, session)
        self._state = self._begun()
        self._changed: Document = {}

    def _begun(self) -> Document:
        state = self._database[STATE].find_one_and_update(
            {"_id": STATE_ID}, {"$inc": {"turn": 1}}, return_document=ReturnDocument.AFTER, session=self._session
        )
        if state is None:
            raise RecordsUnavailable("The records in MongoDB were taken away; start Regulars again to make them anew.")
        if state.get("swapping"):
            raise RecordsUnavailable("The records in MongoDB are just being restored.")
        return state

    def last_id(self, name: str) -> int:
        """Return the last id that was ever given in a table."""
        return int(self._changed.get(name) or self._state.get(name) or 0)

    def next_id(self, name: str, count: int = 1) -> int:
        """Return the next id of a table, the first of `count` that are now taken. It is never given again."""
        first = self.last_id(name) + 1
        self._changed[name] = first + count - 1
        return first

    def set_state(self, state: Document) -> None:
        """Replace what is known of ids and of the token."""
        self._changed |= state

    def touch(self) -> None:
        """Let the number grow that tells of changes that published marts depend on."""
        self.next_id("change_token")

    def tags_matter(self, shop: str) -> bool:
        """Return whether a segment of the shop asks for tags. May say yes for a rule that only has the word in a text."""
        asks = equal({"shop": shop, "deleted_at": None}) | {"rule": {"$regex": "tags "}}
        return self._database["segments"].find_one(asks, {"_id": 1}, session=self._session) is not None

    def finish(self) -> None:
        """Write the ids that were given."""
        if self._changed:
            self._database[STATE].update_one({"_id": STATE_ID}, {"$set": self._changed}, session=self._session)


class RecordsStore(MongoStore):
    """The records' part of a database: `_reading` and `_write` are what the calls of the port are made of."""

    def __init__(self, uri: SecretStr, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        super().__init__(uri, PART, RecordsUnavailable)

    def _now(self) -> int:
        return to_micros(self._clock())

    @contextmanager
    def _reading(self) -> Iterator[Reading]:
        """What the majority has; two questions may be answered from two moments."""
        with self._faults():
            yield Reading(self._database, None)

    @contextmanager
    def _reading_one_moment(self) -> Iterator[Reading]:
        """As `_reading`, where two answers must fit together."""
        with self._one_moment() as session:
            yield Reading(self._database, session)

    def _write(self, work: Callable[[Writing], T]) -> T:
        """Run `work` as a transaction, see `MongoStore._writing`."""

        def run(session: ClientSession) -> T:
            writing = Writing(self._database, session)
            result = work(writing)
            writing.finish()
            return result

        return self._writing(run)
