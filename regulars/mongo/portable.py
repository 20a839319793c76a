"""The records of a database as rows, and rows as its records; the guarantees stand in `regulars.records.system_ports.Portable`.

A server takes only so much in one transaction, so rows are loaded into collections beside (`<name>_loading`), which
take the others' names once all rows are there. A load that is broken off before that has changed nothing, and the next
one clears what it left; one that is broken off while names change is completed by whoever opens the records next.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from bson.int64 import Int64
from pymongo.errors import BulkWriteError, OperationFailure

from regulars.errors import RegularsError
from regulars.mongo.bulk_steps import PACKS, packed
from regulars.mongo.client import Document
from regulars.mongo.rows import PART, STATE, STATE_ID, Reading, RecordsStore, Rows, Writing, chunks
from regulars.mongo.schema import NAMESPACE_NOT_FOUND
from regulars.records import sentences
from regulars.records.portable import COUNTED, TABLES, read_rows, to_row

LOADING = "_loading"
DUPLICATE_KEY = 11000
# What has no collection of its own: both stand in the one document of `record_state`.
IN_STATE = ("change_token", "counters")
# Whose ids are given out here. A dump does not tell of segments', for their rows are never removed.
NUMBERED = {"segments": "seq", **dict.fromkeys(COUNTED, "id")}


class MongoPortable(RecordsStore):
    """Everything in one database."""

    def dump(self) -> Iterator[dict[str, Any]]:
        """Yield everything, as of one moment, which the server remembers for five minutes. See `system_ports.Portable`."""
        with self._reading_one_moment() as reading:
            for name in TABLES:
                for values in _values(reading, name):
                    yield to_row(name, {column: _plain(value) for column, value in values.items()})

    def load(self, rows: Iterable[Mapping[str, Any]], *, replace: bool = False) -> int:
        """Take over rows. See `system_ports.Portable`."""
        with self._faults():
            if not replace and self._has_records():
                raise sentences.not_empty()
            self._clear()
            try:
                state, loaded = self._load_beside(rows)
            except RegularsError:
                self._clear()
                raise

        def swap(writing: Writing) -> None:
            if not replace and self._has_records():
                raise sentences.not_empty()  # somebody wrote some meanwhile
            writing.set_state(state | {"swapping": True})

        self._write(swap)
        self.finish_loading()
        return loaded

    def finish_loading(self) -> None:
        """Give the loaded collections their names, where a load came so far, here or in another process."""
        with self._faults():
            if not (self._database[STATE].find_one({"_id": STATE_ID, "swapping": True})):
                return
            for name in _collections():
                try:
                    self._database[name + LOADING].rename(name, dropTarget=True)
                except OperationFailure as error:
                    if error.code != NAMESPACE_NOT_FOUND:  # that one has its name already
                        raise
            self._database[STATE].update_one({"_id": STATE_ID}, {"$unset": {"swapping": True}})

    def _has_records(self) -> bool:
        with self._reading() as reading:
            return any(reading[name].one() is not None for name in TABLES if name not in IN_STATE)

    def _clear(self) -> None:
        for name in _collections():
            self._database.drop_collection(name + LOADING)

    def _load_beside(self, rows: Iterable[Mapping[str, Any]]) -> tuple[Document, int]:
        """Fill the collections beside; return what ids and token the rows tell of, and how many they are."""
        for name in _collections():
            if indexes := PART.collections[name]:
                self._database[name + LOADING].create_indexes(list(indexes))
            else:
                self._database.create_collection(name + LOADING)
        state: Document = {"change_token": 0, **dict.fromkeys(NUMBERED, 0)}
        try:
            return state, sum(self._take(state, *batch) for batch in _batches(_distinct(read_rows(rows))))
        except BulkWriteError as error:
            failed = error.details.get("writeErrors") or [{}]
            if failed[0].get("code") == DUPLICATE_KEY:
                raise sentences.rows_collide() from None
            raise

    def _take(self, state: Document, name: str, batch: list[Document]) -> int:
        """Write rows of one table into the collection beside, and into `state` what ids and token they tell of."""
        if name == "change_token":
            state[name] = batch[-1]["token"]
        elif name == "counters":
            state |= {row["name"]: row["last"] for row in batch}
        else:
            documents = _packs(batch) if name == PACKS else (_document(name, row) for row in batch)
            Rows(self._database[name + LOADING], None).insert_all(documents)
            if name in NUMBERED:
                state[name] = max(state[name], *(row[NUMBERED[name]] for row in batch))
        return len(batch)


def _plain(value: Any) -> Any:
    """Return a large number as Python's own: the driver's is a class of its own, which others take for no number."""
    return int(value) if isinstance(value, Int64) else value


def _collections() -> list[str]:
    return [name for name in PART.collections if name != STATE]


def _id_column(name: str) -> str | None:
    """Return the column that is `_id` in a table's documents: the only one of its key."""
    key = TABLES[name].key
    return key[0] if len(key) == 1 else None


def _document(name: str, values: Document) -> Document:
    column = _id_column(name)
    return {"_id": values[column], **{k: v for k, v in values.items() if k != column}} if column else values


def _values(reading: Reading, name: str) -> Iterator[Document]:
    if name in IN_STATE:
        state = reading[STATE].one(_id=STATE_ID) or {}
        if name == "change_token":
            yield {"token": state["change_token"]}
        else:
            yield from ({"name": one, "last": state[one]} for one in sorted(COUNTED) if state.get(one))
    elif name == PACKS:
        for pack in reading[name].all("change_id", "first_key"):
            yield from ({"change_id": pack["change_id"], **person} for person in pack["people"])
    else:
        column = _id_column(name)
        for row in reading[name].all(*(("_id",) if column else TABLES[name].key)):
            yield row | {column: row["_id"]} if column else row


def _batches(rows: Iterable[tuple[str, Document]]) -> Iterator[tuple[str, list[Document]]]:
    """Yield the rows of one table together, at most so many at once."""
    for name, group in groupby(rows, key=itemgetter(0)):
        for batch in chunks(values for _, values in group):
            yield name, batch


def _packs(batch: list[Document]) -> Iterator[Document]:
    for change_id, rows in groupby(batch, key=itemgetter("change_id")):
        given = {row["customer_key"]: {"author": row["author"], "created_at": row["created_at"]} for row in rows}
        yield from packed(change_id, given)


def _distinct(rows: Iterable[tuple[str, Document]]) -> Iterator[tuple[str, Document]]:
    """Refuse two rows of one key where no index does: many of them become one document."""
    seen: set[tuple[int, str]] = set()
    for name, values in rows:
        if name == PACKS:
            key = values["change_id"], values["customer_key"]
            if key in seen:
                raise sentences.rows_collide()
            seen.add(key)
        yield name, values
