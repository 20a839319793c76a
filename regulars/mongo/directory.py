"""People and orders of a shop, read from the serving collections.

Who is meant by a search, a rule, a segment or a tag is decided as ever, over the published version in memory: a rule has
one definition. Rows, profiles, orders, lines and refunds come from MongoDB by key, and the plain list is paged by its
indexes. All that one call reads there is of one moment, and of the version that is published: where the collections hold
another one or are being written, the rows of the files are read in their place, so that answers never mix.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pydantic import SecretStr
from pymongo import DESCENDING

from regulars.directory.kept import Kept
from regulars.directory.lookup import RANKS
from regulars.directory.overlay import Overlay
from regulars.directory.published import Bought, Directory
from regulars.directory.query import MONEY_SORTS, LiveRecords, PeopleQuery
from regulars.directory.selection import Filters, Selection
from regulars.directory.snapshot import KEY, ROW_COLUMNS, Snapshot
from regulars.mongo.client import Document
from regulars.mongo.serving import CUSTOMERS, ORDERS, Ask, Serving, index_order, sort_fields, sort_index
from regulars.mongo.serving_documents import EXACT, frame_of, id_of, row_of
from transforms.schemas import CUSTOMER_CURRENCIES, ORDER_LINES, REFUNDS
from transforms.schemas import CUSTOMERS as CUSTOMER_SCHEMA
from transforms.schemas import ORDERS as ORDER_SCHEMA

ROW_SCHEMA = {name: CUSTOMER_SCHEMA.get(name, pl.String()) for name in ROW_COLUMNS}
ROW_FIELDS = {**dict.fromkeys(ROW_COLUMNS, 1), EXACT: 1}
# The server steps over so many entries of an index in a few milliseconds. The keys of what lies further on, or of a
# list that leaves out more than so many people, are found in memory.
NEAR, FEW_HIDDEN = 10_000, 500

Answer = TypeVar("Answer")
NO_REFUNDS = frame_of([], REFUNDS)
# People of one currency rank (None for none, and for lists that are not by money) who have the value sorted by, or not.
Stretch = tuple[int | None, bool, int]


class MongoDirectory(Directory):
    """The people of one shop, from a server: as `Directory`, with the same answers. Safe to share between threads.

    Each call that asks the server raises DirectoryUnavailable while it is away, and works again once it is back.
    """

    def __init__(self, uri: SecretStr, folder: Path, *, shop: str, records: LiveRecords | None = None) -> None:
        """Read from the database that `uri` names. Raises SettingsError where it cannot be read."""
        super().__init__(folder, shop=shop, records=records)
        self._serving = Serving(uri)
        self._stretches = Kept[list[Stretch]](most=64)

    def close(self) -> None:
        """Let go of the server and of what is kept in memory; further calls connect and open again."""
        super().close()
        self._stretches = Kept(most=64)
        self._serving.close()

    def _page(
        self, selection: Selection, query: PeopleQuery, filters: Filters, overlay: Overlay, page: int
    ) -> pl.DataFrame:
        snapshot = selection.snapshot

        def read(ask: Ask) -> list[Document]:
            if self._is_near(selection, query, filters, overlay, page):
                stretches = self._stretches_of(selection, filters, overlay, query.sort)
                return list(self._walk(ask, query, overlay, stretches, page))
            rows = selection.rows(filters, overlay, query.sort, descending=query.descending)
            shown = rows.slice((page - 1) * query.page_size, query.page_size)
            return self._by_key(ask, snapshot.people[KEY].gather(shown).to_list())

        found = self._served(snapshot, read)
        first = (page - 1) * query.page_size
        if found is None or len(found) != min(query.page_size, selection.count(filters, overlay) - first):
            # Of another version, or somebody deleted documents by hand: a page must not come short.
            return super()._page(selection, query, filters, overlay, page)
        shown = frame_of(found, ROW_SCHEMA)
        return shown.with_columns(overlay.tags_of(shown[KEY]))

    def _profile(self, snapshot: Snapshot, key: str) -> tuple[Mapping[str, Any] | None, pl.DataFrame]:
        one = {"$match": {"_id": {"$eq": id_of(self._shop, key)}}}
        found = self._served(snapshot, lambda ask: ask(CUSTOMERS, [one], ""))
        if found is None:
            return super()._profile(snapshot, key)
        if not found:
            return None, frame_of([], CUSTOMER_CURRENCIES)
        whose = {"shop": self._shop, KEY: key}
        most_first = sorted(found[0]["currencies"], key=lambda row: (-row["orders_count"], row["currency"]))
        spent = frame_of([whose | row for row in most_first], CUSTOMER_CURRENCIES)
        return row_of(found[0], CUSTOMER_SCHEMA), spent

    def _bought(self, snapshot: Snapshot, key: str) -> Bought:
        mine: Document = {"$match": {"customer": {"$eq": id_of(self._shop, key)}}}
        newest_first: Document = {"$sort": {"created_at": DESCENDING, "order_id": DESCENDING}}
        steps = [mine, newest_first, {"$project": {"lines": 0}}]
        found = self._served(snapshot, lambda ask: ask(ORDERS, steps, "customer"))
        if found is None:
            return super()._bought(snapshot, key)
        refunds = sorted(_inside(found, "refunds"), key=_age)
        given_back = frame_of(refunds, REFUNDS) if refunds else NO_REFUNDS
        return {"orders": frame_of(found, ORDER_SCHEMA), "refunds": given_back}

    def _lines(self, snapshot: Snapshot, orders: pl.Series) -> pl.DataFrame:
        ids = {"$match": {"_id": {"$in": [id_of(self._shop, order) for order in orders]}}}
        fields = {"$project": {"shop": 1, "order_id": 1, "lines": 1}}
        found = self._served(snapshot, lambda ask: ask(ORDERS, [ids, fields], ""))
        if found is None:
            return super()._lines(snapshot, orders)
        in_order = sorted(found, key=lambda order: int(order["order_id"]))
        return frame_of(_inside(in_order, "lines"), ORDER_LINES)

    def _served(self, snapshot: Snapshot, read: Callable[[Ask], Answer]) -> Answer | None:
        return self._serving.reading(self._shop, snapshot.manifest.version, read)

    def _by_key(self, ask: Ask, keys: Sequence[str]) -> list[Document]:
        ids = [id_of(self._shop, key) for key in keys]
        found = ask(CUSTOMERS, [{"$match": {"_id": {"$in": ids}}}, {"$project": ROW_FIELDS}], "")
        by_id = {document["_id"]: document for document in found}
        return [by_id[one] for one in ids if one in by_id]

    def _is_near(self, selection: Selection, query: PeopleQuery, filters: Filters, overlay: Overlay, page: int) -> bool:
        """Return whether an index leads to the page with few steps: those over people who are not meant count too."""
        if filters != Filters(rfm_groups=filters.rfm_groups) or len(overlay.hidden) > FEW_HIDDEN:
            return False
        meant = max(selection.count(filters, overlay), 1)
        return page * query.page_size * selection.snapshot.people.height <= NEAR * meant

    def _stretches_of(self, selection: Selection, filters: Filters, overlay: Overlay, sort: str) -> list[Stretch]:
        """Return the stretches of a list in its order, each with how many people it has."""

        def work_out() -> list[Stretch]:
            rank = pl.col("_currency_rank") if sort in MONEY_SORTS else pl.lit(None, dtype=pl.Int32)
            there = pl.col(RANKS[sort]).is_not_null()
            people = selection.snapshot.people.lazy().filter(selection.mask(filters, overlay))
            counted = people.select(rank=rank, there=there).group_by("rank", "there").len().collect()
            return list(counted.sort("rank", "there", descending=[False, True], nulls_last=True).iter_rows())

        version, hidden = selection.snapshot.manifest.version, frozenset(overlay.hidden)
        return self._stretches.get((version, filters, hidden, sort), work_out)

    def _walk(
        self, ask: Ask, query: PeopleQuery, overlay: Overlay, stretches: Sequence[Stretch], page: int
    ) -> Iterator[Document]:
        """Yield the page's people, from each stretch that it touches."""
        skip, wanted = (page - 1) * query.page_size, query.page_size
        index = sort_index(query.sort, descending=query.descending)
        for rank, there, people in stretches:
            taken = min(wanted, people - skip)
            if taken > 0:
                steps = self._steps(query, overlay, rank, there=there)
                yield from ask(CUSTOMERS, [*steps, {"$skip": skip}, {"$limit": taken}, {"$project": ROW_FIELDS}], index)
                wanted -= taken
            skip = max(skip - people, 0)
            if not wanted:
                return

    def _steps(self, query: PeopleQuery, overlay: Overlay, rank: int | None, *, there: bool) -> list[Document]:
        """Return what finds the people of one stretch, in the list's order."""
        *ranks, field = sort_fields(query.sort)
        where: Document = {"shop": {"$eq": self._shop}, **{name: {"$eq": rank} for name in ranks}}
        where[field] = {"$ne": None} if there else {"$eq": None}
        if query.rfm_groups:
            where["rfm_group"] = {"$in": list(query.rfm_groups)}
        if overlay.hidden:
            where["_id"] = {"$nin": [id_of(self._shop, key) for key in overlay.hidden]}
        return [{"$match": where}, {"$sort": dict(index_order(query.sort, descending=query.descending))}]


def _age(refund: Document) -> tuple[bool, int, int, int]:
    """Return what puts refunds in their order: the newest first, those without a time last."""
    at = refund["created_at"]
    return at is None, -int(at or 0), -(refund.get(EXACT) or {}).get("created_at", 0), -refund["refund_id"]


def _inside(orders: Sequence[Document], name: str) -> list[Document]:
    """Return the rows of the orders' list `name`, each with what the order says of shop and id."""
    return [{"shop": order["shop"], "order_id": order["order_id"], **row} for order in orders for row in order[name]]
