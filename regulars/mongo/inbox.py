"""The inbox on MongoDB: the collection `change_rows`, whose `_id` is `seq`.

Numbers are taken by writing: a batch is inserted under the numbers after the last one that its writer saw, and where
somebody else was faster, the server refuses the number that is taken, and the rest of the batch starts over. So nobody
writes number N + 1 before N is there, and whoever sees a row (majority reads see writes in their order) sees all before
it. No transaction: one that a killed receiver left open would hold up all others for a minute.

`object` is `<shop>/<resource>/<resource_id>`; its index also holds what tells a repeat, so that a batch of deliveries
asks once, and reads no row.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pydantic import SecretStr
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from regulars.errors import InboxError, InboxUnavailable
from regulars.inbox.delivery import Delivery, Outcome
from regulars.inbox.port import KEEP, PRUNE_AT_ONCE, ReadAgain, Row
from regulars.inbox.rows import (
    COLUMNS,
    KEY,
    READ,
    bounded,
    carried,
    change_row,
    oldest_kept,
    portable,
    state_row,
)
from regulars.models import ChangeRow
from regulars.mongo.client import Document
from regulars.mongo.inbox_replay import StillWanted, copy_newest, newest_of_each, portions, reread
from regulars.mongo.inbox_writing import (
    ROWS,
    STATE,
    add_in_turn,
    beat,
    commit_in_turn,
    document_of,
    last_used,
    note_numbers,
    object_of,
)
from regulars.mongo.late import LateStore
from regulars.mongo.schema import Part
from regulars.settings import Settings

LOG = logging.getLogger(__name__)

LOADING = "change_rows_loading"
INDEXES = (
    IndexModel([("dead", ASCENDING), ("shop", ASCENDING), ("_id", ASCENDING)], name="pending"),
    IndexModel(
        [("object", ASCENDING), ("_id", DESCENDING), ("topic", ASCENDING), ("body_sha256", ASCENDING)], name="object"
    ),
    IndexModel([("received_at", ASCENDING)], name="age"),
    # Rows that tell a repeat by ids have both of them: text, which is more than no text.
    IndexModel([(name, ASCENDING) for name in KEY], name="delivery", partialFilterExpression={KEY[0]: {"$gt": ""}}),
)
# Version 2 brought the index `delivery`, which `prepare` makes.
PART = Part("inbox", 2, {ROWS: INDEXES, STATE: ()}, {1: lambda _database, _session: None})
CHUNK = 1000
NAMESPACE_EXISTS, NAMESPACE_NOT_FOUND = 48, 26


def open_mongo_inbox(settings: Settings) -> "MongoInbox":
    """Return the inbox on the server of MONGODB_URI; the server is first asked by the first call.

    Raises SettingsError where MONGODB_URI is not set or cannot be read.
    """
    return MongoInbox(settings.mongodb_uri or SecretStr(""))


class MongoInbox(LateStore):
    """Change rows on a server: `MongoInbox(uri)`. See `port.Inbox`.

    Unlike other stores it opens while the server is away: its calls raise InboxUnavailable until the server is back.
    """

    def __init__(self, uri: SecretStr) -> None:
        """Use the database that `uri` names. Raises SettingsError where it cannot be read."""
        super().__init__(uri, PART, InboxUnavailable)

    def pending(self, shop: str, after_seq: int, limit: int = 5000) -> list[ChangeRow]:
        """Return the rows that wait for the shop's sync. See `port.Inbox`."""
        wanted = {"dead": False, "shop": {"$eq": shop}, "_id": {"$gt": after_seq}}
        return self._list(wanted, ASCENDING, limit)

    def changes_of(self, shop: str, resource: str, resource_id: int, after_seq: int) -> list[ChangeRow]:
        """Return the rows of one object. See `port.Inbox`."""
        named = {"$eq": object_of(shop, resource, resource_id)}
        return self._list({"object": named, "_id": {"$gt": after_seq}, "dead": False}, ASCENDING)

    def dead_letters(self, shop: str, limit: int = 100) -> list[ChangeRow]:
        """Return the latest dead letters. See `port.Inbox`."""
        return self._list({"dead": True, "shop": {"$eq": shop}}, DESCENDING, limit)

    def last_seq(self, shop: str) -> int:
        """Return the newest row's number. See `port.Inbox`."""
        with self._faults():
            found = self._rows().find_one(
                {"dead": False, "shop": {"$eq": shop}}, {"_id": 1}, sort=[("_id", DESCENDING)]
            )
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
        """Store a batch, from its first delivery on. See `port.Inbox`."""
        if not deliveries:
            return []
        with self._faults():
            outcomes = commit_in_turn(self._ready(), deliveries)
        if outcomes is None:
            raise self._too_many()
        return outcomes

    def read_again(self, shop: str) -> ReadAgain:
        """Read the dead letters again: first the new rows, then the old ones go. See `port.Inbox`."""
        left: Counter[str | None] = Counter()
        with self._faults():
            rows = self._rows()
            dead = {"dead": True, "shop": {"$eq": shop}}
            for some in portions([row["_id"] for row in rows.find(dead, {"_id": 1}, sort=[("_id", ASCENDING)])]):
                left.update(reread(rows, some, self._add))
        return ReadAgain(left.pop(None, 0), {str(reason): count for reason, count in left.items()})

    def queue_again(self, shop: str) -> int:
        """Copy the newest row of each object to the end, some hundred at once. See `port.Inbox`."""
        with self._faults():
            rows = self._rows()
            newest = newest_of_each(rows, {"dead": False, "shop": {"$eq": shop}})
            return sum(copy_newest(rows, some, self._add) for some in portions(newest))

    def probe(self) -> None:
        """Write one small document over itself. See `port.Inbox`."""
        with self._faults():
            beat(self._ready())

    def prune(self, now: datetime) -> int:
        """Drop old rows, a bounded number so that no delivery waits long. See `port.Inbox`.

        The numbers used are noted before rows go: a writer who finds the rows gone then finds the note.
        """
        with self._faults():
            database = self._ready()
            rows = database[ROWS]
            newest = rows.find_one({}, {"received_at": 1}, sort=[("received_at", DESCENDING)])
            if newest is None:
                return 0
            old = {"received_at": {"$lt": oldest_kept(now, newest["received_at"])}}
            found = [row["_id"] for row in rows.find(old, {"_id": 1}, limit=PRUNE_AT_ONCE)]
            if not found:
                return 0
            note_numbers(database, max(found))
            dropped = int(rows.delete_many({"_id": {"$in": found}}).deleted_count)
        LOG.info("dropped %d change rows older than %d days", dropped, KEEP.days)
        return dropped

    def dump(self) -> Iterator[Row]:
        """Yield everything, as of one moment, for up to five minutes. See `port.Inbox`."""
        with self._faults():
            database = self._ready()
        with self._one_moment() as session:
            yield state_row(last_used(database, session))
            for row in database[ROWS].find({}, sort=[("_id", ASCENDING)], session=session):
                yield portable(row["_id"], [row[name] for name in COLUMNS])

    def load(self, rows: Iterable[Row], *, replace: bool = False) -> int:
        """Take over the rows of `dump`: written aside, and put in place in one step. See `port.Inbox`.

        For a time when nobody writes: a row that is committed meanwhile may get a number below the ones taken over.
        """
        with self._faults():
            database = self._ready()
            if not replace and database[ROWS].find_one({}, {"_id": 1}):
                raise _not_empty()
            for name in database.list_collection_names(filter={"name": {"$regex": f"^{LOADING}"}}):
                database.drop_collection(name)  # of an attempt that was killed
            aside = database[f"{LOADING}_{secrets.token_hex(4)}"]
            try:
                count, last = _load(aside, rows)
                note_numbers(database, max(last, last_used(database)))
                if replace:
                    aside.rename(ROWS, dropTarget=True)
                elif count:
                    _put_in_place(database, aside)
            finally:
                aside.drop()
            return count

    def _rows(self) -> Collection[Document]:
        return self._ready()[ROWS]

    def _add(self, documents: list[Document], still_wanted: StillWanted = list) -> int:
        added = add_in_turn(self._ready(), documents, still_wanted)
        if added is None:
            raise self._too_many()
        return added

    def _too_many(self) -> InboxUnavailable:
        return InboxUnavailable(f"The inbox in MongoDB at {self._connection.hosts} is written by too many at once.")

    def _list(self, wanted: Document, order: int, limit: int = 0) -> list[ChangeRow]:
        columns = dict.fromkeys(READ[1:], 1)
        with self._faults():
            found = self._rows().find(wanted, columns, sort=[("_id", order)], limit=limit)
            return bounded(change_row([row["_id"], *(row[name] for name in READ[1:])]) for row in found)

    def _count(self, wanted: Document) -> int:
        with self._faults():
            return self._rows().count_documents(wanted)


def _load(aside: Collection[Document], rows: Iterable[Row]) -> tuple[int, int]:
    """Write portable rows into a collection of their own; return how many, and the highest number."""
    aside.create_indexes(list(INDEXES))
    count = last = 0
    documents: list[Document] = []
    for seq, values in carried(rows):
        last = max(last, seq)
        if values is not None:
            documents.append({"_id": seq, **document_of(values)})
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
