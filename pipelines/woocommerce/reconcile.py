"""Comparing everything with the shop, and mending what differs: what neither webhooks nor pulls saw.

Every order is listed in the columns that are compared, every account whole; a part of the orders, a further one each
time, is read again whole, for changes that no compared column shows. What differs is fetched by id; what the shop lists
no more is asked back before it counts as gone. Nothing is remembered between two reconciles but how far the orders were
read again: one that is killed has mended what it committed, and the next begins anew.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Final, get_args

import orjson
import polars as pl

from pipelines.woocommerce.compare import Listed, different, different_refunds
from pipelines.woocommerce.fetching import Followed
from pipelines.woocommerce.follow import Follower
from pipelines.woocommerce.known import Known
from pipelines.woocommerce.listings import BY_ID, CUSTOMERS, ORDERS, PER_PAGE, Listing, resumed
from pipelines.woocommerce.precedence import same_record
from pipelines.woocommerce.progress import Batch, Mark
from pipelines.woocommerce.reads import Report
from pipelines.woocommerce.rows import OBJECTS, Row
from pipelines.woocommerce.splitting import Splitting
from regulars.models import Drift, DriftKind, ObjectKind

COMPARED: Final = "id,status,customer_id,total,date_modified_gmt,refunds"
ORDERS_COMPARED: Final = (
    Listing("orders", "orders", "orders", {"status": "any", **BY_ID, "_fields": COMPARED}),
    Listing("orders in trash", "orders", "orders", {"status": "trash", **BY_ID, "_fields": COMPARED}),
)
PRODUCTS_COMPARED: Final = Listing(
    "products", "products", "products", {**BY_ID, "_fields": "id,status,date_modified_gmt"}
)
# Each reconcile reads this part of all orders again whole, and at least so many pages: nightly, all of them in a month.
REREAD_PARTS: Final = 30
REREAD_PAGES: Final = 10
TOGETHER: Final = 500


class Reconciler:
    """Compares one shop with one warehouse, once. `drift()` tells what was found, when all batches are committed."""

    def __init__(
        self, shop: Splitting, known: Known, follower: Follower, *, report: Report, clock: Callable[[], datetime]
    ) -> None:
        self._shop, self._known, self._follower = shop, known, follower
        self._report, self._clock = report, clock
        self._before: Counter[tuple[str, str]] = Counter()
        self._after: Counter[tuple[str, str]] = Counter()

    def batches(self, mark: Mark) -> Iterator[Batch]:
        """Yield what mends the differences. Who takes them commits each slice before asking for the next.

        Where so much is gone that the follower doubts the shop, everything else is mended, and these differ still.
        """
        listed, turned = self._orders(mark)
        yield from self._mended(listed, mark)
        for listing, whole in ((CUSTOMERS, True), (PRODUCTS_COMPARED, False)):
            listed = Listed(listing.table, self._clock())
            self._list(listed, listing, whole=whole)
            yield from self._mended(listed, mark)
        yield Batch(turned, flush=True)

    def drift(self) -> tuple[Drift, ...]:
        """Return what differed before and what differs still, by object and kind; empty where nothing did."""
        return tuple(
            Drift(object=what, kind=kind, before=self._before[what, kind], after=self._after[what, kind])
            for what in get_args(ObjectKind)
            for kind in get_args(DriftKind)
            if self._before[what, kind] or self._after[what, kind]
        )

    def _orders(self, mark: Mark) -> tuple[Listed, Mark]:
        """List the orders, and read a further part of them whole; return the mark that says how far that went."""
        listed = Listed("orders", self._clock())
        pages, _ = (max(1, self._list(listed, listing)) for listing in ORDERS_COMPARED)
        start = mark.reread_page if mark.reread_page < pages else 0
        walk = resumed(self._shop, ORDERS, start, mark.reread_last_id if start else None)
        # A walk that goes on begins with the page where it ended, as it stands now.
        count = max(REREAD_PAGES, -(-pages // REREAD_PARTS)) + (1 if start else 0)
        with closing(walk) as rereads:
            for page in islice(rereads, count):
                listed.add(page, whole=True)
                self._report("orders read again", min(page.page, pages) * PER_PAGE, pages * PER_PAGE)
                if page.items:
                    ended = page.page >= page.total_pages
                    turned = {"reread_page": 0 if ended else page.page, "reread_last_id": page.items[-1]["id"]}
                    mark = mark.model_copy(update=turned)
        return listed, mark

    def _list(self, listed: Listed, listing: Listing, *, whole: bool = False) -> int:
        """Read a listing from end to end; return how many pages the shop says that it has."""
        total = pages = 0
        for page in resumed(self._shop, listing, 0, None):
            if page.items:
                total, pages = page.total, page.total_pages
            listed.add(page, whole=whole)
            self._report(f"comparing {listing.label}", min(page.page * PER_PAGE, total), total)
        listed.unseen += self._shop.left_out(listing.path, listing.params)
        return pages

    def _mended(self, listed: Listed, mark: Mark) -> Iterator[Batch]:
        """Compare, yield what mends the differences, and compare again when that is committed."""
        table, what = listed.table, OBJECTS[listed.table]
        found = different(self._known, listed, self._clock())
        back = self._asked_back(table, _ids(found, "extra"))
        if alive := back.rows.get(table, []):  # paging passed over them, or they came back meanwhile
            listed.add_rows(alive)
            found = different(self._known, listed, self._clock())
        again = self._refunds_again(listed) if table == "orders" else set()
        kinds = dict(found.iter_rows())
        # An order that the shop says is gone was asked for above; where it was not believed, neither is it here.
        again = {number for number in again if kinds.get(number) != "extra"}
        self._before.update((what, kind) for kind in kinds.values() if kind != "body")
        settled = {row.id for row in alive} | {stone.id for stone in back.gone if stone.object == what}
        here = {number for number, kind in kinds.items() if kind != "extra"} | again
        read = [row for row in alive if row.id in here]
        if read or back.gone:
            back.rows = {table: read}
            yield self._batch(mark, table, back, again)
        yield from self._fetched(table, sorted(here - settled), kinds, again, mark)
        yield Batch(mark, flush=True)
        self._after.update((what, kind) for kind in different(self._known, listed, self._clock())["kind"])
        self._count_unseen(listed)
        if table == "orders":
            left = different_refunds(self._known, listed, self._clock())
            self._after.update(("refund", kind) for kind in left["kind"])

    def _count_unseen(self, listed: Listed) -> None:
        """Count as missing what the shop can show in no list and we do not hold; what we hold counts as extra."""
        held = sum(table == listed.table for table, _ in self._follower.unreadable)
        if missing := max(0, listed.unseen - held):
            self._before[OBJECTS[listed.table], "missing"] += missing
            self._after[OBJECTS[listed.table], "missing"] += missing

    def _asked_back(self, table: str, ids: Collection[int]) -> Followed:
        """Ask for records that no page listed: rows of those that the shop has, tombstones for what is gone."""
        if not ids:
            return Followed()
        self._report(f"{table} no longer listed", 0, len(ids))
        return self._follower.fetch(table, ids)

    def _refunds_again(self, listed: Listed) -> set[int]:
        """Count the refunds that differ from those that the orders name; return the orders to ask for theirs."""
        found = different_refunds(self._known, listed, self._clock())
        self._before.update(("refund", kind) for kind in found["kind"])
        return set(found["order_id"].drop_nulls())

    def _fetched(
        self, table: str, ids: list[int], kinds: dict[int, str], again: set[int], mark: Mark
    ) -> Iterator[Batch]:
        """Read the records that differ, a bounded number at a time."""
        for start in range(0, len(ids), TOGETHER):
            part = ids[start : start + TOGETHER]
            found = self._follower.fetch(table, part, announced=True)
            self._count_bodies(table, [n for n in part if kinds.get(n) == "body"], found.rows.get(table, []))
            self._report(f"{table} that differ", start + len(part), len(ids))
            yield self._batch(mark, table, found, again)

    def _batch(self, mark: Mark, table: str, found: Followed, again: Collection[int]) -> Batch:
        if table == "orders":
            found.merge(self._follower.refunds(found.rows.get("orders", []), again))
        return Batch(mark, found.rows, found.gone)

    def _count_bodies(self, table: str, ids: Collection[int], rows: list[Row]) -> None:
        """Count the records whose bodies alone differ, unless in nothing but links."""
        held = self._known.bodies(table, ids)
        read = {row.id: row.body for row in rows}
        for number in ids:
            if number in read and same_record(orjson.loads(read[number]), orjson.loads(held[number])):
                continue
            self._before[OBJECTS[table], "body"] += 1


def _ids(found: pl.DataFrame, kind: str) -> list[int]:
    return found.filter(kind=kind)["id"].to_list()
