"""The inbox on MongoDB: the collection `change_rows`, whose `_id` is `seq`.

A batch is one transaction, and every transaction takes its numbers from the one document that counts them. Of two that
run at once the server lets one commit and has the other start over, so that numbers are given out in the order of
commits: whoever sees row N (majority reads see commits in their order) sees all before it.

`object` is `<shop>/<resource>/<resource_id>`; its index also holds what tells a repeat, so that a batch of deliveries
asks once, and reads no row.
"""

import logging
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from regulars.errors import InboxError, InboxUnavailable
from regulars.inbox.delivery import Delivery, Outcome
from regulars.inbox.port import KEEP, PRUNE_AT_ONCE, Row
from regulars.inbox.rows import (
    COLUMNS,
    READ,
    bounded,
    carried,
    change_row,
    oldest_kept,
    portable,
    state_row,
    to_microseconds,
    values_of,
)
from regulars.models import ChangeRow
from regulars.mongo.client import Connection, Document
from regulars.mongo.schema import Part, prepare
from regulars.mongo.store import MongoStore
from regulars.settings import Settings

LOG = logging.getLogger(__name__)

ROWS, STATE = "change_rows", "inbox_state"
LOADING = "change_rows_loading"
COUNTER, HEARTBEAT = "seq", "heartbeat"
INDEXES = (
    IndexModel([("dead", ASCENDING), ("shop", ASCENDING), ("_id", ASCENDING)], name="pending"),
    IndexModel(
        [("object", ASCENDING), ("_id", DESCENDING), ("topic", ASCENDING), ("body_sha256", ASCENDING)], name="object"
    ),
    IndexModel([("received_at", ASCENDING)], name="age"),
)
PART = Part("inbox", 1, {ROWS: INDEXES, STATE: ()})
CHUNK = 1000
NAMESPACE_EXISTS, NAMESPACE_NOT_FOUND = 48, 26


def open_mongo_inbox(settings: Settings) -> "MongoInbox":
    """Return the inbox on the server of MONGODB_URI; the server is first asked by the first call.

    Raises SettingsError where MONGODB_URI is not set or cannot be read.
    """
    return MongoInbox(settings.mongodb_uri or SecretStr(""))


class MongoInbox(MongoStore):
    """Change rows on a server: `MongoInbox(uri)`. See `port.Inbox`.

    Unlike other stores it opens while the server is away: its calls raise InboxUnavailable until the server is back.
    """

    def __init__(self, uri: SecretStr) -> None:
        # Not the parent's: that one asks the server at once, and a receiver has to come up without.
        self._connection = Connection(uri)
        self._unavailable = InboxUnavailable
        self._open = False
        self._preparing = threading.Lock()

    def pending(self, shop: str, after_seq: int, limit: int = 5000) -> list[ChangeRow]:
        """Return the rows that wait for the shop's sync. See `port.Inbox`."""
        wanted = {"dead": False, "shop": {"$eq": shop}, "_id": {"$gt": after_seq}}
        return self._list(wanted, ASCENDING, limit)

    def changes_of(self, shop: str, resource: str, resource_id: int, after_seq: int) -> list[ChangeRow]:
        """Return the rows of one object. See `port.Inbox`."""
        named = {"$eq": _object(shop, resource, resource_id)}
        return self._list({"object": named, "_id": {"$gt": after_seq}, "dead": False}, ASCENDING)

    def dead_letters(self, shop: str, limit: int = 100) -> list[ChangeRow]:
        """Return the latest dead letters. See `port.Inbox`."""
        return self._list({"dead": True, "shop": {"$eq": shop}}, DESCENDING, limit)

    def last_seq(self, shop: str) -> int:
        """Return the newest row's number. See `port.Inbox`."""
        with self._faults():
            found = self._rows().find_one({"dead": False, "shop": {"$eq": shop}}, {"_id": 1}, sort=[("_id", DESCENDING)])
            return int(found["_id"]) if found else 0

    def last_seqs(self) -> dict[str, int]:
        """Return the newest row's number of each shop. See `port.Inbox`."""
        steps: list[Document] = [
            {"$match": {"dead": False}},
            {"$sort": {"dead": DESCENDING, "shop": DESCENDING, "_id": DESCENDING}},
            {"$group": {"_id": "$shop", "seq": {"$first": "$_id"}}},
        ]
        with self._faults():
            return {str(found["_id"]): int(found["seq"]) for found in self._rows().aggregate(steps)}

    def waiting(self, shop: str, after_seq: int) -> int:
        """Return how many rows wait. See `port.Inbox`."""
        return self._count({"dead": False, "shop": {"$eq": shop}, "_id": {"$gt": after_seq}})

    def dead_letter_count(self, shop: str) -> int:
        """Return how many dead letters there are. See `port.Inbox`."""
        return self._count({"dead": True, "shop": {"$eq": shop}})

    def commit(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """Store a batch in one transaction. See `port.Inbox`."""
        if not deliveries:
            return []
        with self._faults():
            database = self._ready()
        return self._writing(lambda session: _store(database, deliveries, session))

    def probe(self) -> None:
        """Write one small document over itself. See `port.Inbox`."""
        with self._faults():
            at = {"at": to_microseconds(datetime.now(UTC))}
            self._ready()[STATE].replace_one({"_id": HEARTBEAT}, at, upsert=True)

    def prune(self, now: datetime) -> int:
        """Drop old rows, a bounded number so that no delivery waits long. See `port.Inbox`."""
        with self._faults():
            rows = self._rows()
            newest = rows.find_one({}, {"received_at": 1}, sort=[("received_at", DESCENDING)])
            if newest is None:
                return 0
            old = {"received_at": {"$lt": oldest_kept(now, newest["received_at"])}}
            found = [row["_id"] for row in rows.find(old, {"_id": 1}, limit=PRUNE_AT_ONCE)]
            dropped = int(rows.delete_many({"_id": {"$in": found}}).deleted_count) if found else 0
        if dropped:
            LOG.info("dropped %d change rows older than %d days", dropped, KEEP.days)
        return dropped

    def dump(self) -> Iterator[Row]:
        """Yield everything, as of one moment, for up to five minutes. See `port.Inbox`."""
        with self._faults():
            database = self._ready()
        with self._one_moment() as session:
            counted = database[STATE].find_one({"_id": COUNTER}, session=session)
            yield state_row(int(counted["last"]) if counted else 0)
            for row in database[ROWS].find({}, sort=[("_id", ASCENDING)], session=session):
                yield portable(row["_id"], [row[name] for name in COLUMNS])

    def load(self, rows: Iterable[Row], *, replace: bool = False) -> int:
        """Take over the rows of `dump`: written aside, and put in place in one step. See `port.Inbox`."""
        with self._faults():
            database = self._ready()
            if not replace and database[ROWS].find_one({}, {"_id": 1}):
                raise _not_empty()
            for name in database.list_collection_names(filter={"name": {"$regex": f"^{LOADING}"}}):
                database.drop_collection(name)  # of an attempt that was killed
            aside = database[f"{LOADING}_{secrets.token_hex(4)}"]
            try:
                count, last = _load(aside, rows)
                database[STATE].update_one({"_id": COUNTER}, {"$max": {"last": last}}, upsert=True)
                if replace:
                    aside.rename(ROWS, dropTarget=True)
                elif count:
                    _put_in_place(database, aside)
            finally:
                aside.drop()
            return count

    def _ready(self) -> Database[Document]:
        """Return the database with our part of it made; call it within `_faults`."""
        database = self._database
        if not self._open:
            with self._preparing:
                if not self._open:
                    prepare(database, self._connection.hosts, PART, self._transaction)
                    self._open = True
        return database

    def _rows(self) -> Collection[Document]:
        return self._ready()[ROWS]

    def _list(self, wanted: Document, order: int, limit: int = 0) -> list[ChangeRow]:
        columns = dict.fromkeys(READ[1:], 1)
        with self._faults():
            found = self._rows().find(wanted, columns, sort=[("_id", order)], limit=limit)
            return bounded(change_row([row["_id"], *(row[name] for name in READ[1:])]) for row in found)

    def _count(self, wanted: Document) -> int:
        with self._faults():
            return self._rows().count_documents(wanted)


def _object(shop: str, resource: str, resource_id: int) -> str:
    return f"{shop}/{resource}/{resource_id}"


def _document(values: tuple[Any, ...]) -> Document:
    """Return what is stored of a row, but for its number; `values` are in the order of `COLUMNS`."""
    row = dict(zip(COLUMNS, values, strict=True))
    named = _object(row["shop"], row["resource"], row["resource_id"])
    return {**row, "object": named, "dead": row["reason"] is not None}


def _store(database: Database[Document], deliveries: Sequence[Delivery], session: ClientSession) -> list[Outcome]:
    """Store a batch within a transaction; it may run again, where it met another writer."""
    documents = [_document(values_of(delivery)) for delivery in deliveries]
    newest = _newest(database, {row["object"] for row in documents}, session)
    outcomes: list[Outcome] = []
    new: list[Document] = []
    for delivery, row in zip(deliveries, documents, strict=True):
        said = (row["topic"], row["body_sha256"])
        if delivery.content.dated and newest.get(row["object"]) == said:
            outcomes.append("duplicate")
            continue
        newest[row["object"]] = said
        new.append(row)
        outcomes.append("ignored" if row["dead"] else "processed")
    if new:
        last = _take_numbers(database, len(new), session)
        for number, row in enumerate(new, start=last - len(new) + 1):
            row["_id"] = number
        database[ROWS].insert_many(new, session=session)
    return outcomes


def _newest(database: Database[Document], objects: set[str], session: ClientSession) -> dict[str, tuple[str, bytes]]:
    """Return topic and digest of the newest row of each object that has one."""
    steps: list[Document] = [
        {"$match": {"object": {"$in": sorted(objects)}}},
        {"$sort": {"object": ASCENDING, "_id": DESCENDING}},
        {"$group": {"_id": "$object", "topic": {"$first": "$topic"}, "digest": {"$first": "$body_sha256"}}},
    ]
    found = database[ROWS].aggregate(steps, session=session, hint="object")
    return {row["_id"]: (row["topic"], row["digest"]) for row in found}


def _take_numbers(database: Database[Document], count: int, session: ClientSession) -> int:
    """Take the next `count` numbers and return the last of them. Two transactions at once cannot both do this."""
    counter = database[STATE].find_one_and_update(
        {"_id": COUNTER},
        {"$inc": {"last": count}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    assert counter is not None
    return int(counter["last"])


def _load(aside: Collection[Document], rows: Iterable[Row]) -> tuple[int, int]:
    """Write portable rows into a collection of their own; return how many, and the highest number."""
    aside.create_indexes(list(INDEXES))
    count = last = 0
    documents: list[Document] = []
    for seq, values in carried(rows):
        last = max(last, seq)
        if values is not None:
            documents.append({"_id": seq, **_document(values)})
            count += 1
        if len(documents) == CHUNK:
            aside.insert_many(documents)
            documents = []
    if documents:
        aside.insert_many(documents)
    return count, last


def _put_in_place(database: Database[Document], aside: Collection[Document]) -> None:
    """Make `aside` the change rows, where there are still none. A writer in between keeps its rows, and we give up."""
    before = f"{LOADING}_{secrets.token_hex(4)}"
    try:
        database[ROWS].rename(before)
    except OperationFailure as error:
        if error.code != NAMESPACE_NOT_FOUND:
            raise
    if database[before].find_one({}, {"_id": 1}):
        database[before].rename(ROWS)
        raise _not_empty()
    try:
        aside.rename(ROWS)
    except OperationFailure as error:
        if error.code == NAMESPACE_EXISTS:
            raise _not_empty() from None
        raise
    finally:
        database.drop_collection(before)


def _not_empty() -> InboxError:
    return InboxError("The inbox has change rows already: take over a backup into an empty one.")
