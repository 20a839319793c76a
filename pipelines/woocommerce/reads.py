"""What a sync reads: everything once (a sweep), then what changed, each in batches with the mark they justify."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from pipelines.woocommerce.fetching import Followed, order_refunds
from pipelines.woocommerce.follow import Follower
from pipelines.woocommerce.known import Known
from pipelines.woocommerce.listings import (
    CUSTOMERS,
    PER_PAGE,
    REFUNDS,
    SWEPT,
    Listing,
    changed_pages,
    one_ahead,
    resumed,
    steady_pages,
)
from pipelines.woocommerce.progress import Batch, Mark, Sweep
from pipelines.woocommerce.rows import FETCH, LARGEST_ID, Row, Tombstone, gmt, rows_of, tombstone
from regulars.errors import ShopNotFound, ShopRecordGone
from regulars.shop.port import Page, Params, ShopReader

Report = Callable[[str, int, int | None], None]
ROLLING_PAGES: Final = 2
WHOLE_LIST_PAGES: Final = 3
ORDERS_TOGETHER: Final = 25
NEWEST_CUSTOMERS: Final[Params] = {"role": "all", "orderby": "registered_date", "order": "desc"}
# What is asked for changes, and the cursor of the mark that says up to when.
CHANGED: Final[tuple[tuple[str, str, Params, str], ...]] = (
    ("changed orders", "orders", {"status": "any"}, "orders"),
    ("changed orders in trash", "orders", {"status": "trash"}, "trash"),
    ("changed products", "products", {}, "products"),
)


class Reader:
    """Reads one shop for one sync. `overlap` is how far each pull reaches back over what was read before.

    `pages` counts the pages of listings read so far.
    """

    def __init__(
        self,
        shop: ShopReader,
        known: Known,
        follower: Follower,
        *,
        overlap: timedelta,
        report: Report,
        clock: Callable[[], datetime],
    ) -> None:
        self._shop, self._known, self._follower = shop, known, follower
        self._overlap, self._report, self._clock = overlap, report, clock
        self.pages = 0

    def sweep(self, mark: Mark, shop_now: datetime) -> Iterator[Batch]:
        """Read every listing from end to end, going on where `mark` says, then settle what was not in them.

        The cursors of a first sweep start at the shop's clock before it, so that the pull after it sees what changed
        meanwhile.
        """
        if mark.sweep is None:
            since = shop_now - self._overlap
            first = {name: getattr(mark, name) or since for name in ("orders", "trash", "products")}
            mark = mark.model_copy(update={"sweep": Sweep(started_at=self._clock()), **first})
        sweep = mark.sweep
        assert sweep is not None
        for stage in range(sweep.stage, len(SWEPT)):
            for batch in self._listing(SWEPT[stage], mark):
                mark = batch.mark
                yield batch
            mark = mark.model_copy(update={"sweep": Sweep(started_at=sweep.started_at, stage=stage + 1)})
        yield Batch(mark, flush=True)
        yield self._settle(mark, sweep.started_at)

    def _listing(self, listing: Listing, mark: Mark) -> Iterator[Batch]:
        sweep = mark.sweep
        assert sweep is not None
        try:
            total = 0
            for page in resumed(self._shop, listing, sweep.page, sweep.last_id if sweep.page else None):
                self.pages += 1
                if page.items:
                    total = page.total
                    sweep = sweep.model_copy(update={"page": page.page, "last_id": page.items[-1]["id"]})
                self._report(listing.label, min(page.page * PER_PAGE, total), total)
                rows = {listing.table: rows_of(listing.table, page)}
                yield Batch(mark.model_copy(update={"sweep": sweep}), rows)
        except ShopRecordGone:
            raise
        except ShopNotFound:
            if listing is not REFUNDS:
                raise
            yield Batch(mark, flush=True)
            yield from self._refunds_by_order(mark)

    def _refunds_by_order(self, mark: Mark) -> Iterator[Batch]:
        """Read refunds order by order: before WooCommerce 9.0 there is no list of all of them."""
        sweep = mark.sweep
        assert sweep is not None
        orders = self._known.orders_with_refunds(after=sweep.last_id or 0)
        for start in range(0, len(orders), ORDERS_TOGETHER):
            part = orders[start : start + ORDERS_TOGETHER]
            rows = [row for order in part for row in order_refunds(self._shop, order)]
            self._report(REFUNDS.label, start + len(part), len(orders))
            sweep = sweep.model_copy(update={"last_id": part[-1]})
            yield Batch(mark.model_copy(update={"sweep": sweep}), {"refunds": rows})

    def _settle(self, mark: Mark, started_at: datetime) -> Batch:
        """Ask for every record held that no listing showed: tombstones for what is gone, rows for what was missed.

        A shop that is doubted ends the sweep all the same: pulls must go on, and the next reconcile compares again.
        """
        found = Followed()
        for table in ("orders", "customers", "products"):
            unseen = [number for number, _ in self._known.not_seen_since(table, started_at)]
            if unseen:
                self._report(f"{table} no longer listed", 0, len(unseen))
                found.merge(self._follower.fetch(table, unseen))
        lost: list[Tombstone] = []
        for refund, order in self._known.not_seen_since("refunds", started_at):
            if self._follower.doubted("orders", order):
                continue  # it stays with its order
            asked = self._clock()
            try:
                page = self._shop.get(f"orders/{order or 0}/refunds/{refund}")
            except ShopRecordGone:
                lost.append(tombstone("refunds", refund, asked))
            else:
                found.add("refunds", rows_of("refunds", page, FETCH, order))
        found.gone += self._follower.credible("refunds", lost)
        done = mark.model_copy(update={"sweep": None, "complete": True, "counted": False})
        return Batch(done, found.rows, found.gone, flush=True)

    def changes(self, mark: Mark) -> Iterator[Batch]:
        """Read what changed since the cursors of `mark`, with what it points to; rows that are the same are left out."""
        for label, path, params, cursor in CHANGED:
            for batch in self._changed(label, path, params, cursor, mark):
                mark = batch.mark
                yield batch
        yield from self._customers(mark)

    def _changed(self, label: str, path: str, params: Params, cursor: str, mark: Mark) -> Iterator[Batch]:
        since: datetime | None = getattr(mark, cursor)
        if since is None:
            return
        newest, done = since, 0
        limit: datetime | None = None  # times in the future exist: a cursor that followed them would skip the rest
        for page in one_ahead(changed_pages(self._shop, path, params, since)):
            self.pages += 1
            limit = limit or page.shop_now
            seen = [at for item in page.items if (at := gmt(item.get("date_modified_gmt")))]
            newest = max([newest, *seen])
            done += len(page.items)
            self._report(label, done, max(done, page.total))
            reached = max(since, min(newest, limit) - self._overlap)
            yield self._news(mark.model_copy(update={cursor: reached}), path, page)

    def _news(self, mark: Mark, table: str, page: Page) -> Batch:
        found = Followed()
        rows = self._without_same(table, rows_of(table, page))
        found.add(table, rows)
        if table == "orders":
            followed = self._follower.orders(rows, every_account=True)
            for other, more in followed.rows.items():
                found.add(other, self._without_same(other, more))
            found.gone += followed.gone
        return Batch(mark, found.rows, found.gone)

    def _without_same(self, table: str, rows: list[Row]) -> list[Row]:
        same = self._known.unchanged(table, rows)
        return [row for row in rows if row.id not in same]

    def _customers(self, mark: Mark) -> Iterator[Batch]:
        """Read accounts, of which the shop cannot say which changed: the newest, and a few pages of all by turns."""
        pages = 0
        for page in self._shop.pages("customers", NEWEST_CUSTOMERS):
            self.pages += 1
            pages = page.total_pages if page.items else pages
            self._report("customers", len(page.items), None)
            if pages <= 1:
                yield self._turn(mark, page, after=0)
                return
            rows = rows_of("customers", page)
            held = self._known.rows("customers", [row.id for row in rows])
            yield Batch(mark, {"customers": self._without_same("customers", rows)})
            if pages <= WHOLE_LIST_PAGES or len(held) == len(rows):
                break
        start = mark.customers_page if mark.customers_page < pages else 0
        count = pages if pages <= WHOLE_LIST_PAGES else ROLLING_PAGES
        for page in islice(steady_pages(self._shop, CUSTOMERS, after=start), count):
            self.pages += 1
            after = mark.customers_last_id if page.page > 1 else 0
            turned = {
                "customers_page": page.page if page.page < page.total_pages else 0,
                "customers_last_id": page.items[-1]["id"] if page.items else after,
            }
            mark = mark.model_copy(update=turned)
            yield self._turn(mark, page, after)

    def _turn(self, mark: Mark, page: Page, after: int) -> Batch:
        """Take in a page of accounts; ask for those that we hold and that are missing between `after` and its end."""
        rows = rows_of("customers", page)
        found = Followed()
        found.add("customers", self._without_same("customers", rows))
        if rows:
            low = min(after + 1, rows[0].id)
            high = LARGEST_ID if page.page >= page.total_pages else rows[-1].id
            vanished = self._known.between("customers", low, high) - {row.id for row in rows}
            if vanished:
                found.merge(self._follower.fetch("customers", vanished))
        return Batch(mark, found.rows, found.gone)
