"""The serving collections: each shop's published version as documents, brought up to date after every publish.

`serving_state` tells, a document a shop, which `version` the collections hold. While they are being written it also
names the version that is `writing`: until it is gone, readers take rows from the files, and where it was left behind by
a mirror that was killed, the next one writes everything again.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import polars as pl
from filelock import FileLock, Timeout
from pydantic import SecretStr
from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from regulars.directory.layout import read_manifest
from regulars.directory.query import MONEY_SORTS, SORTS
from regulars.errors import DataFolderError, DirectoryUnavailable, SettingsError
from regulars.mongo.client import Document
from regulars.mongo.late import LateStore
from regulars.mongo.schema import Part
from regulars.mongo.serving_changes import Changes, changed_orders, changed_people
from regulars.mongo.serving_chunks import order_chunks, person_chunks, segments_of
from regulars.mongo.serving_documents import CODEC, SORTED_BY, id_of, ids_of_shop
from regulars.settings import Settings

LOG = logging.getLogger(__name__)

CUSTOMERS, ORDERS, SEGMENTS, STATE = "customers", "orders", "customer_segments", "serving_state"
LOCK = ".mirror.lock"
LOCK_SECONDS = 600.0
WRITE_AT_ONCE = 5_000
WRITERS = 2
BAD_VALUE = 2  # what the server calls the name of an index that is not there

T = TypeVar("T")
Answer = TypeVar("Answer")
Ask = Callable[[str, Sequence[Document], str], list[Document]]


@dataclass(frozen=True)
class MirrorOutcome:
    """What a mirror did: documents written and deleted, in all collections, and the wall time."""

    upserted: int
    deleted: int
    seconds: float


def sort_fields(sort: str) -> tuple[str, ...]:
    """Return the fields that a list sorts by, the currency's rank before money."""
    column = SORTS[sort]
    field = SORTED_BY.get(column, column)
    return (SORTED_BY["_currency_rank"], field) if sort in MONEY_SORTS else (field,)


def sort_index(sort: str, *, descending: bool) -> str:
    """Return the name of the index that holds the people of a shop in a list's order."""
    return f"{sort}_{'descending' if descending else 'ascending'}"


def index_order(sort: str, *, descending: bool) -> list[tuple[str, int]]:
    """Return the order of a list as the fields of its index.

    Ties go by key upwards, whichever way the list goes: one index cannot be read in both.
    """
    *ranks, field = sort_fields(sort)
    upwards = [("shop", ASCENDING), *((rank, ASCENDING) for rank in ranks)]
    return [*upwards, (field, DESCENDING if descending else ASCENDING), ("_id", ASCENDING)]


def _sort_indexes() -> Iterator[IndexModel]:
    for sort in SORTS:
        for descending in (False, True):
            yield IndexModel(index_order(sort, descending=descending), name=sort_index(sort, descending=descending))


PART = Part(
    "serving",
    1,
    {
        CUSTOMERS: (
            IndexModel([("email", ASCENDING), ("shop", ASCENDING)], name="email"),  # not unique: guests share addresses
            IndexModel([("woocommerce_id", ASCENDING), ("shop", ASCENDING)], name="woocommerce_id"),
            *_sort_indexes(),  # by created_at and last_order_at among them
        ),
        ORDERS: (
            IndexModel(
                [("customer", ASCENDING), ("created_at", DESCENDING), ("order_id", DESCENDING)], name="customer"
            ),
            IndexModel([("number", ASCENDING), ("shop", ASCENDING)], name="number"),
        ),
        SEGMENTS: (IndexModel([("shop", ASCENDING)], name="shop"),),
        STATE: (),
    },
)


def mirror(settings: Settings, shop: str, folder: Path, version: str) -> MirrorOutcome:
    """Bring the serving collections of a shop to a published version, by writing what changed since the last one.

    Args:
        settings: With MONGODB_URI set.
        shop: The shop's name.
        folder: The shop's published folder, `DataPaths.published(shop)`.
        version: The version in it.

    Raises:
        DirectoryUnavailable: The server is away, or another mirror of the shop does not end. What was written so far
            stays, readers keep to the files, and the next mirror repairs it.
        DataFolderError: The version is not there any more: a newer one was published meanwhile.
        SettingsError: MONGODB_URI is not set, or cannot be used.
    """
    if settings.mongodb_uri is None:
        raise SettingsError("People and orders can be served from MongoDB only where MONGODB_URI is set.")
    with Serving(settings.mongodb_uri) as serving:
        return serving.mirror(shop, folder, version)


class Serving(LateStore):
    """The serving collections: `Serving(uri)`. See `mirror`."""

    def __init__(self, uri: SecretStr) -> None:
        """Use the database that `uri` names. Raises SettingsError where it cannot be read."""
        super().__init__(uri, PART, DirectoryUnavailable)

    def mirror(self, shop: str, folder: Path, version: str) -> MirrorOutcome:
        """Write what changed. See the function of this name."""
        started = monotonic()
        try:
            with FileLock(folder / LOCK, timeout=LOCK_SECONDS), self._faults():
                upserted, deleted = _mirror(self._ready(), shop, folder, version)
        except Timeout:
            raise DirectoryUnavailable(f"Another run has been writing {shop} to MongoDB for too long.") from None
        except FileNotFoundError:
            raise DataFolderError(f"Version {version} of {shop} is not there any more; a newer one follows.") from None
        outcome = MirrorOutcome(upserted, deleted, monotonic() - started)
        LOG.info("mirrored %s %s: %d written, %d deleted, %.1f s", shop, version, upserted, deleted, outcome.seconds)
        return outcome

    def mirrored(self, shop: str) -> str | None:
        """Return the version that the collections hold, None where they hold none or are being written."""
        with self._faults():
            return held_version(self._ready(), shop)

    def reading(self, shop: str, version: str, read: "Callable[[Ask], Answer]") -> Answer | None:
        """Return what `read` returns, all of it of one moment; None where the collections do not hold that version.

        `read` is given a function that asks a collection: `ask(name, steps of an aggregation, name of an index or "")`.
        Each question brings the shop's state along, so that a page costs one way to the server and back.
        """
        with self._faults():
            database = self._ready()
        state = {"coll": STATE, "pipeline": [{"$match": {"_id": {"$eq": shop}}}, {"$project": {"state": "$$ROOT"}}]}
        with self._one_moment() as session:

            def ask(collection: str, steps: Sequence[Document], index: str = "") -> list[Document]:
                hint: dict[str, Any] = {"hint": index} if index else {}
                documents = database.get_collection(collection, codec_options=CODEC)
                try:
                    found = list(documents.aggregate([*steps, {"$unionWith": state}], session=session, **hint))
                except OperationFailure as error:
                    if index and error.code == BAD_VALUE:  # a first load makes the indexes at its end
                        raise _OtherVersion from None
                    raise
                if not found or _held(found.pop().get("state")) != version:
                    raise _OtherVersion
                return found

            try:
                return read(ask)
            except _OtherVersion:
                return None


class _OtherVersion(Exception):
    """The collections do not hold the version that was asked for."""


def held_version(database: Database[Document], shop: str) -> str | None:
    """Return the version that the collections hold, None where they hold none or are being written."""
    return _held(database[STATE].find_one({"_id": {"$eq": shop}}))


def _held(state: Document | None) -> str | None:
    return None if state is None or state["writing"] else state["version"]


def _mirror(database: Database[Document], shop: str, folder: Path, version: str) -> tuple[int, int]:
    new = folder / version
    read_manifest(new)  # is it there?
    held = held_version(database, shop)
    if held == version:
        return 0, 0
    old = folder / held if held is not None and (folder / held).is_dir() else None
    people, orders = changed_people(new, old), changed_orders(new, old)
    state = database[STATE]
    state.update_one({"_id": shop}, {"$set": {"writing": version}, "$setOnInsert": {"version": None}}, upsert=True)
    counts = (
        _bring(database[CUSTOMERS], shop, people, person_chunks(shop, new, people.written), known=old is not None),
        _bring(database[ORDERS], shop, orders, order_chunks(shop, new, orders.written), known=old is not None),
        _replace(database[SEGMENTS], shop, segments_of(shop, new)),
    )
    state.update_one({"_id": shop}, {"$set": {"version": version, "writing": None, "at": datetime.now(UTC)}})
    return sum(written for written, _ in counts), sum(deleted for _, deleted in counts)


def _bring(
    collection: Collection[Document], shop: str, changes: Changes, chunks: Iterable[list[Document]], *, known: bool
) -> tuple[int, int]:
    """Write the chunks and delete what is gone; return the numbers of both. `known`: the changes say what is gone."""
    if collection.estimated_document_count() == 0:
        collection.drop_indexes()  # of a first load they are made at its end, in one go: in a third of the time
    fresh = collection.find_one(ids_of_shop(shop), {"_id": 1}) is None
    gone = (id_of(shop, key) for key in changes.gone) if known else iter(())
    if not known and not fresh:
        gone = _strangers(collection, shop, changes.written)
    deleted = 0
    for ids in batched(gone, WRITE_AT_ONCE):
        deleted += int(collection.delete_many({"_id": {"$in": ids}}).deleted_count)
    written = _put_all(collection, chunks, fresh=fresh)
    collection.create_indexes(list(PART.collections[collection.name]))  # also those that a killed load left out
    return written, deleted


def _strangers(collection: Collection[Document], shop: str, keys: pl.Series) -> Iterator[str]:
    """Return the `_id` of documents that are none of `keys`."""
    wanted = pl.DataFrame({"_id": [id_of(shop, key) for key in keys]}, schema={"_id": pl.String})
    there = (row["_id"] for row in collection.find(ids_of_shop(shop), {"_id": 1}))
    found = pl.DataFrame({"_id": list(there)}, schema={"_id": pl.String})
    return iter(found.join(wanted, on="_id", how="anti")["_id"])


def _put_all(collection: Collection[Document], chunks: Iterable[list[Document]], *, fresh: bool) -> int:
    """Write the chunks, one in the making while others are on their way; return how many documents there were."""
    count = 0
    under_way: deque[Future[None]] = deque()
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="mirror") as pool:
        for documents in chunks:
            count += len(documents)
            for part in batched(documents, WRITE_AT_ONCE):
                under_way.append(pool.submit(_put, collection, part, fresh=fresh))
                if len(under_way) > 2 * WRITERS:
                    under_way.popleft().result()
        for written in under_way:
            written.result()
    return count


def _put(collection: Collection[Document], documents: list[Document], *, fresh: bool) -> None:
    if fresh:
        collection.insert_many(documents, ordered=False)
    else:
        replaced = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
        collection.bulk_write(replaced, ordered=False)


def _replace(collection: Collection[Document], shop: str, documents: list[Document]) -> tuple[int, int]:
    """Write these few documents and delete the shop's others."""
    kept = [document["_id"] for document in documents]
    deleted = collection.delete_many({**ids_of_shop(shop), "$nor": [{"_id": {"$in": kept}}]}).deleted_count
    return _put_all(collection, [documents] if documents else [], fresh=False), int(deleted)


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `items` in lists of `size`, the last one shorter."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
