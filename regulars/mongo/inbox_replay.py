"""Replaying the inbox on MongoDB: what dead letters say under today's rules, and the newest rows once more. See `inbox`."""

from collections.abc import Callable, Iterator
from typing import Protocol

from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from regulars.inbox.rows import COLUMNS, understood_again
from regulars.mongo.client import Document
from regulars.mongo.inbox_writing import document_of

# Rows that a replay reads and writes together.
AT_ONCE = 50
StillWanted = Callable[[list[Document]], list[Document]]


class Add(Protocol):
    """Stores rows under the next numbers and returns how many; see `inbox_writing.add_in_turn`."""

    def __call__(self, documents: list[Document], still_wanted: StillWanted = list) -> int:
        """Store them. Raises InboxUnavailable where others are faster all the time."""


def portions(seqs: list[int]) -> Iterator[list[int]]:
    """Yield the rows that are read and written together."""
    return (seqs[start : start + AT_ONCE] for start in range(0, len(seqs), AT_ONCE))


def newest_of_each(rows: Collection[Document], wanted: Document) -> list[int]:
    """Return the number of the newest row of each object among those `wanted`, in their order."""
    steps: list[Document] = [{"$match": wanted}, {"$group": {"_id": "$object", "seq": {"$max": "$_id"}}}]
    return sorted(int(found["seq"]) for found in rows.aggregate(steps, allowDiskUse=True))


def reread(rows: Collection[Document], seqs: list[int], add: Add) -> list[str | None]:
    """Read these dead letters again; return why each stays one, None for what is a change row now."""
    reasons: list[str | None] = []
    understood: dict[int, Document] = {}
    for row in rows.find({"_id": {"$in": seqs}, "dead": True}, sort=[("_id", ASCENDING)]):
        values, reason = understood_again([row[name] for name in COLUMNS])
        reasons.append(reason)
        if reason is None:
            understood[row["_id"]] = document_of(values)
        elif reason != row["reason"]:
            rows.update_one({"_id": row["_id"]}, {"$set": {"reason": reason}})
    if understood:
        add(list(understood.values()))
        rows.delete_many({"_id": {"$in": list(understood)}})
    return reasons


def copy_newest(rows: Collection[Document], seqs: list[int], add: Add) -> int:
    """Store these rows once more under new numbers, but for those that a newer one follows; return how many."""
    found = list(rows.find({"_id": {"$in": seqs}}, sort=[("_id", ASCENDING)]))
    numbers = {row["object"]: row["_id"] for row in found}

    def still_newest(copies: list[Document]) -> list[Document]:
        objects = {"object": {"$in": [row["object"] for row in copies]}, "dead": False}
        newest = set(newest_of_each(rows.with_options(read_concern=ReadConcern("local")), objects))
        return [row for row in copies if numbers[row["object"]] in newest]

    return add(found, still_newest)
