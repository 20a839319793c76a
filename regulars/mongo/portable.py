"""The records of a database as rows, and rows as its records; the guarantees stand in `regulars.records.ports.Portable`."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from regulars.mongo.bulk import packed
from regulars.mongo.client import Document
from regulars.mongo.rows import STATE, STATE_ID, Reading, RecordsStore, Writing, chunks
from regulars.records import sentences
from regulars.records.portable import COUNTED, TABLES, read_rows, to_row

NO_COLLECTIONS = ("change_token", "counters")
PACKED = "tag_change_people"
DUPLICATE_KEY = 11000
# Ids that are given out here; a dump tells only of those in COUNTED, for segments are never forgotten.
NUMBERED = {"segments": "seq", **dict.fromkeys(COUNTED, "id")}


class MongoPortable(RecordsStore):
    """Everything in one database."""

    def dump(self) -> Iterator[dict[str, Any]]:
        """Yield everything, as of one moment, which the server remembers for five minutes. See `ports.Portable`."""
        with self._reading_one_moment() as reading:
            for name in TABLES:
                for values in _values(reading, name):
                    yield to_row(name, values)

    def load(self, rows: Iterable[Mapping[str, Any]], *, replace: bool = False) -> int:
        """Take over rows, in the minute that the server gives a transaction. See `ports.Portable`."""

        def work(session: ClientSession) -> int:
            writing = Writing(self._database, session)
            if replace:
                _empty(writing)
            elif any(writing[name].one() is not None for name in TABLES if name not in NO_COLLECTIONS):
                raise sentences.not_empty()
            try:
                loaded = sum(_insert(writing, name, batch) for name, batch in _batches(_distinct(read_rows(rows))))
            except BulkWriteError as error:
                failed = error.details.get("writeErrors") or [{}]
                if failed[0].get("code") == DUPLICATE_KEY:
                    raise sentences.rows_collide() from None
                raise
            writing.finish()
            return loaded

        return self._writing(work, repeat=False)  # `rows` can be read once


def _id_column(name: str) -> str | None:
    """Return the column that is `_id` in a table's documents: the only one of its key."""
    key = TABLES[name].key
    return key[0] if len(key) == 1 else None


def _values(reading: Reading, name: str) -> Iterator[Document]:
    if name in NO_COLLECTIONS:
        state = reading[STATE].one(_id=STATE_ID) or {}
        if name == "change_token":
            yield {"token": state["change_token"]}
        else:
            yield from ({"name": one, "last": state[one]} for one in sorted(COUNTED) if state.get(one))
    elif name == PACKED:
        for pack in reading[name].all("change_id", "first_key"):
            yield from ({"change_id": pack["change_id"], **person} for person in pack["people"])
    else:
        column = _id_column(name)
        for row in reading[name].all(*(("_id",) if column else TABLES[name].key)):
            yield row | {column: row["_id"]} if column else row


def _empty(writing: Writing) -> None:
    for name in TABLES:
        if name not in NO_COLLECTIONS:
            writing[name].delete()
    for name in NUMBERED:
        writing.set_last_id(name, 0)


def _batches(rows: Iterable[tuple[str, Document]]) -> Iterator[tuple[str, list[Document]]]:
    """Yield the rows of one table together, at most so many at once."""
    for name, group in groupby(rows, key=itemgetter(0)):
        for batch in chunks(values for _, values in group):
            yield name, batch


def _insert(writing: Writing, name: str, batch: list[Document]) -> int:
    if name == "change_token":
        writing.set_last_id(name, batch[-1]["token"])
    elif name == "counters":
        for row in batch:
            writing.set_last_id(row["name"], row["last"])
    else:
        writing[name].insert_all(_packed(batch) if name == PACKED else (_document(name, row) for row in batch))
        if name in NUMBERED:
            writing.set_last_id(name, max(writing.last_id(name), *(row[NUMBERED[name]] for row in batch)))
    return len(batch)


def _document(name: str, values: Document) -> Document:
    column = _id_column(name)
    return {"_id": values[column], **{k: v for k, v in values.items() if k != column}} if column else values


def _packed(batch: list[Document]) -> Iterator[Document]:
    for change_id, rows in groupby(batch, key=itemgetter("change_id")):
        given = {row["customer_key"]: {"author": row["author"], "created_at": row["created_at"]} for row in rows}
        yield from packed(change_id, given)


def _distinct(rows: Iterable[tuple[str, Document]]) -> Iterator[tuple[str, Document]]:
    """Refuse two rows of one key where no index does: many of them become one document."""
    seen: set[tuple[int, str]] = set()
    for name, values in rows:
        if name == PACKED:
            key = values["change_id"], values["customer_key"]
            if key in seen:
                raise sentences.rows_collide()
            seen.add(key)
        yield name, values
