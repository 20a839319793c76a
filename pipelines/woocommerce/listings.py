"""What to ask the shop, and how to walk its listings while it goes on selling.

WooCommerce pages by offset: a record that leaves a listing between two requests moves the rest forward, and one is
skipped without a word. So a walk by id steps back when the total falls, and a walk by modification time never trusts
page numbers: it asks again from the last time it saw.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Protocol, Self

from pipelines.woocommerce.rows import gmt
from regulars.shop.port import Page, Params, ShopReader

SECOND: Final = timedelta(seconds=1)
PER_PAGE: Final = 100
# Against totals that are made up: a walk goes on all the same after so many steps, and two a page.
MOST_STEPS_BACK: Final = 200
BY_ID: Final[Params] = {"orderby": "id", "order": "asc"}


@dataclass(frozen=True)
class Listing:
    """A listing of the shop: what people call it, the raw table it fills, where it is asked for."""

    label: str
    table: str
    path: str
    params: Params


ORDERS: Final = Listing("orders", "orders", "orders", {"status": "any", **BY_ID})
TRASH: Final = Listing("orders in trash", "orders", "orders", {"status": "trash", **BY_ID})
REFUNDS: Final = Listing("refunds", "refunds", "refunds", BY_ID)
CUSTOMERS: Final = Listing("customers", "customers", "customers", {"role": "all", **BY_ID})
PRODUCTS: Final = Listing("products", "products", "products", BY_ID)
SWEPT: Final = (ORDERS, TRASH, REFUNDS, CUSTOMERS, PRODUCTS)


def steady_pages(shop: ShopReader, listing: Listing, *, after: int = 0, last_id: int | None = None) -> Iterator[Page]:
    """Yield the pages of a listing by id from page `after` + 1 on, stepping back whenever the total fell.

    With `last_id`, the last id on page `after`, the walk was broken off there, maybe long ago: it goes on from the page
    where that id would stand now. Pages may come twice; none of what stays in the listing is left out, unless as much was
    added as went away between two requests of one walk.
    """
    return walk(OneByOne(shop, listing), after, last_id)


def resumed(shop: ShopReader, listing: Listing, after: int, last_id: int | None) -> Generator[Page]:
    """Yield `steady_pages` from where a walk was broken off, as many of them asked for at once as do the shop good."""
    with ReadAhead(shop, listing) as pages:
        yield from walk(pages, after, last_id)


class Pages(Protocol):
    """Where a walk takes its pages from."""

    def take(self, number: int, last: int) -> Page:
        """Return page `number`; those after it, up to `last`, will be asked for next."""

    def keep(self, page: Page) -> None:
        """Hold a page that was taken too early, for when it is asked for again."""


def walk(pages: Pages, after: int, last_id: int | None) -> Iterator[Page]:
    """Walk from page `after` + 1 to the end, taking pages in their order, whenever each of them was read.

    What holds after each page: of the records that stay, the first `reached` *when it was read* have been yielded. A page
    read before the one in front of it keeps that true, since records only move forward. For one read later, with fewer
    records in all, as many as went away may have moved in front of it: where that leaves a gap the walk steps back.
    """
    number = last = _page_of(pages, after, last_id) if last_id is not None else after + 1
    reached = (number - 1) * PER_PAGE
    total: int | None = None
    empty: set[int] = set()
    back, kept = 0, None
    while number <= last:
        page = pages.take(number, last)
        begins = (number - 1) * PER_PAGE
        if page.items or number == 1:
            last = page.total_pages
            reached -= 0 if total is None else max(0, total - page.total)
            total = page.total
        elif number not in empty:
            empty.add(number)
            reached = begins - 1  # beyond the end the shop says nothing of the total: the page before does
        reached = max(reached, 0)
        if reached < begins and back < MOST_STEPS_BACK + 2 * number:
            back += 1
            if page.items and page is not kept:  # one that tells of a gap twice is too old: it is asked for again
                pages.keep(page)
                kept = page
            number = reached // PER_PAGE + 1
            last = max(last, number)
            continue
        yield page
        reached = number * PER_PAGE
        number += 1


def _page_of(pages: Pages, near: int, last_id: int) -> int:
    """Return the last page up to `near` that does not begin beyond `last_id`: all that follows that id follows it."""
    number = near
    while number > 1:
        page = pages.take(number, number)
        if page.items and page.items[0]["id"] <= last_id:
            pages.keep(page)
            return number
        number -= 1
    return 1


class OneByOne:
    """Pages of a listing, each asked for when it is taken. The page that is kept is the one that stepped back."""

    def __init__(self, shop: ShopReader, listing: Listing) -> None:
        self._shop, self._listing = shop, listing
        self._kept: dict[int, Page] = {}

    def take(self, number: int, last: int) -> Page:  # noqa: ARG002
        """Return the page that was kept, or ask for it."""
        return self._kept.pop(number, None) or self._shop.page(self._listing.path, self._listing.params, number)

    def keep(self, page: Page) -> None:
        """Hold the page."""
        self._kept = {page.page: page}


class ReadAhead:
    """Pages of a listing, of which the next ones are read in threads while the last one is worked on.

    As many requests are under way as the shop's client finds good (`at_once`), and no more than `most_at_once` pages are
    read or being read that nobody has taken: that is all that is lost when the process is killed.
    """

    def __init__(self, shop: ShopReader, listing: Listing) -> None:
        self._shop, self._listing = shop, listing
        self._most = max(1, shop.most_at_once)
        self._pool = ThreadPoolExecutor(self._most, thread_name_prefix="shop")
        self._coming: dict[int, Future[Page]] = {}
        self._kept: dict[int, Page] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, number: int, last: int) -> Page:
        """Return page `number` as soon as it is there. Raises what reading it raised."""
        self._kept = {one: page for one, page in self._kept.items() if one >= number}
        page = self._kept.pop(number, None)
        if page is None:
            self._ask(number, last)
            while not self._coming[number].done():
                wait([one for one in self._coming.values() if not one.done()], return_when=FIRST_COMPLETED)
                self._ask(number, last)
            page = self._coming.pop(number).result()
        self._ask(number + 1, last)
        return page

    def keep(self, page: Page) -> None:
        """Hold the page until the walk is past it, and forget those that were read before a fall it tells of."""
        self._kept[page.page] = page
        self._coming = {number: one for number, one in self._coming.items() if not _counts_more(one, page.total)}

    def _ask(self, number: int, last: int) -> None:
        """Ask for pages from `number` to `last` as far as there is room; the first one of them in any case."""
        under_way = sum(not one.done() for one in self._coming.values())
        for wanted in range(number, min(last, number + self._most - 1) + 1):
            if wanted in self._coming or wanted in self._kept:
                continue
            room = under_way < self._shop.at_once and len(self._coming) < self._most
            if not room and wanted > number:
                return
            self._coming[wanted] = self._pool.submit(self._shop.page, self._listing.path, self._listing.params, wanted)
            under_way += 1


def _counts_more(coming: Future[Page], total: int) -> bool:
    return coming.done() and coming.exception() is None and coming.result().total > total


def changed_pages(shop: ShopReader, path: str, params: Params, since: datetime) -> Iterator[Page]:
    """Yield everything of `path` that was modified after `since`, the longest unchanged first.

    Each request starts at the newest time seen, a second before it, so that a record that changes meanwhile moves to
    the end and moves no other out of sight. A second that fills whole pages is read by id, as the shop breaks no ties.
    """
    number = 1
    while True:
        page = shop.page(path, {**params, **_after(since), "orderby": "modified", "order": "asc"}, number)
        yield page
        if not page.items or number >= page.total_pages:
            return
        times = [at for item in page.items if (at := gmt(item.get("date_modified_gmt")))]
        if not times or min(times) <= since:
            number += 1  # this shop does not know modified_after: read it all
        elif max(times) - SECOND > since:
            since, number = max(times) - SECOND, 1
        else:
            before = (since + 2 * SECOND).strftime("%Y-%m-%dT%H:%M:%S")
            moment = Listing("", "", path, {**params, **_after(since), "modified_before": before, **BY_ID})
            yield from steady_pages(shop, moment)
            since, number = since + SECOND, 1


def _after(since: datetime) -> Params:
    """Return the filter for changes after `since`: UTC without a Z, since with one the shop is off by its own offset."""
    return {"modified_after": since.strftime("%Y-%m-%dT%H:%M:%S"), "dates_are_gmt": "true"}


def one_ahead(pages: Iterator[Page]) -> Generator[Page]:
    """Yield `pages`, reading the next one in a thread while the last one is written: one request at a time, always."""
    with ThreadPoolExecutor(1, thread_name_prefix="shop") as reader:
        coming = reader.submit(next, pages, None)
        try:
            while (page := coming.result()) is not None:
                coming = reader.submit(next, pages, None)
                yield page
        finally:
            coming.cancel()
