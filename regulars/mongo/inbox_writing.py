"""How rows get into the inbox on MongoDB: numbers, repeats, and what a row is there. See `inbox`."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from regulars.inbox.delivery import Delivery, Outcome
from regulars.inbox.repeats import Batch, Key, Object, Said
from regulars.inbox.rows import COLUMNS, KEY, to_microseconds
from regulars.mongo.client import Document

ROWS, STATE = "change_rows", "inbox_state"
COUNTER, HEARTBEAT = "seq", "heartbeat"
DUPLICATE_KEY = 11000
# Well below what the receiver waits for, so that its answer says what was wrong.
CONFLICT_SECONDS = 8.0
PAUSE_SECONDS = (0.0, 0.01)


def object_of(shop: str, resource: str, resource_id: int) -> str:
    """Return what names an object of a shop in the index."""
    return f"{shop}/{resource}/{resource_id}"


def document_of(values: tuple[Any, ...]) -> Document:
    """Return what is stored of a row, but for its number; `values` are in the order of `COLUMNS`."""
    row = dict(zip(COLUMNS, values, strict=True))
    named = object_of(row["shop"], row["resource"], row["resource_id"])
    return {**row, "object": named, "dead": row["reason"] is not None}


def commit_in_turn(database: Database[Document], deliveries: Sequence[Delivery]) -> list[Outcome] | None:
    """Store a batch; None where other writers were faster again and again.

    What is read here may be younger than what most servers have. The write at the end (of rows, or of the heartbeat
    where nothing is new) is acknowledged only when everything before it is durable too, the rows that repeats repeat.
    """
    newest_first = database.with_options(read_concern=ReadConcern("local"))
    outcomes: list[Outcome] = []
    deadline = time.monotonic() + CONFLICT_SECONDS
    while time.monotonic() < deadline:
        last = last_used(newest_first)
        told, new = _judged(newest_first, deliveries[len(outcomes) :])
        for number, (_, row) in enumerate(new, start=last + 1):
            row["_id"] = number
        stored = _insert(database[ROWS], [row for _, row in new])
        if stored == len(new):
            if not new:
                beat(database)
            return outcomes + told
        outcomes += told[: new[stored][0]]
        time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - so that two who met do not meet again
    return None


def add_in_turn(
    database: Database[Document],
    documents: list[Document],
    still_wanted: Callable[[list[Document]], list[Document]] = list,
) -> int | None:
    """Store rows in their order under the next numbers; return how many, None where others were faster all the time.

    `still_wanted` is asked once the next number is known: whatever it does not see yet takes that number, and is seen
    when it is asked again.
    """
    newest_first = database.with_options(read_concern=ReadConcern("local"))
    deadline = time.monotonic() + CONFLICT_SECONDS
    count, rest = 0, documents
    while time.monotonic() < deadline:
        last = last_used(newest_first)
        rest = still_wanted(rest)
        for number, row in enumerate(rest, start=last + 1):
            row["_id"] = number
        stored = _insert(database[ROWS], rest)
        count, rest = count + stored, rest[stored:]
        if not rest:
            return count
    return None


def last_used(database: Database[Document], session: ClientSession | None = None) -> int:
    """Return the highest number ever used. The order of the two reads matters: see `MongoInbox.prune`."""
    newest = database[ROWS].find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)], session=session)
    noted = database[STATE].find_one({"_id": COUNTER}, session=session)
    return max(int(newest["_id"]) if newest else 0, int(noted["last"]) if noted else 0)


def _judged(
    database: Database[Document], deliveries: Sequence[Delivery]
) -> tuple[list[Outcome], list[tuple[int, Document]]]:
    """Return what becomes of each delivery, and what is to be stored, each with its delivery's position."""
    batch = Batch(deliveries)
    outcomes, new = batch.judged(_seen(database, batch), _newest(database, batch))
    return outcomes, [(position, document_of(batch.values[position])) for position in new]


def _seen(database: Database[Document], batch: Batch) -> set[Key]:
    """Return the keys of rows that are there, of those that share delivery id and body with some of the batch."""
    asked = [key for key in batch.keys if key is not None]
    if not asked:
        return set()
    of_some = {KEY[0]: {"$in": [key[0] for key in asked]}, KEY[1]: {"$in": [key[1] for key in asked]}}
    found = database[ROWS].find(of_some, {"_id": 0, **dict.fromkeys(KEY, 1)}, hint="delivery")
    return {tuple(row[name] for name in KEY) for row in found}


def _newest(database: Database[Document], batch: Batch) -> dict[Object, Said]:
    """Return topic and digest of the newest row of each object of the batch that has one."""
    objects = {object_of(*about): about for about in batch.objects}
    steps: list[Document] = [
        {"$match": {"object": {"$in": sorted(objects)}}},
        {"$sort": {"object": ASCENDING, "_id": DESCENDING}},
        {"$group": {"_id": "$object", "topic": {"$first": "$topic"}, "digest": {"$first": "$body_sha256"}}},
    ]
    found = database[ROWS].aggregate(steps, hint="object")
    return {objects[row["_id"]]: (row["topic"], row["digest"]) for row in found}


def _insert(rows: Collection[Document], documents: list[Document]) -> int:
    """Insert the rows in their order; return how many came before the first whose number was taken."""
    if not documents:
        return 0
    try:
        rows.insert_many(documents)
    except BulkWriteError as error:
        [fault] = error.details["writeErrors"] or [{}]
        if fault.get("code") != DUPLICATE_KEY:
            raise
        return int(fault["index"])
    return len(documents)


def beat(database: Database[Document]) -> None:
    """Write one small document over itself, durably: everything written before it is durable then too."""
    at = {"at": to_microseconds(datetime.now(UTC))}
    database[STATE].replace_one({"_id": HEARTBEAT}, at, upsert=True)


def note_numbers(database: Database[Document], last: int) -> None:
    """Remember that the numbers up to `last` were used, though their rows may go."""
    database[STATE].update_one({"_id": COUNTER}, {"$max": {"last": last}}, upsert=True)
