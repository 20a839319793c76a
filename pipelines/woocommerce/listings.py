"""What to ask the shop, and how to walk its listings while it goes on selling.

WooCommerce pages by offset: a record that leaves a listing between two requests moves the rest forward, and one is
skipped without a word. So a walk by id steps back when the total falls, and a walk by modification time never trusts
page numbers: it asks again from the last time it saw.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipelines.woocommerce.rows import gmt
from regulars.shop.port import Page, Params, ShopReader

SECOND: Final = timedelta(seconds=1)
PER_PAGE: Final = 100
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
    where that id would stand now. Pages may come twice; none of what stays in the listing is
    left out, unless as much was added as went away between two requests of one walk.
    """
    number = last = _page_of(shop, listing, after, last_id) if last_id is not None else after + 1
    total: int | None = None
    empty: set[int] = set()
    back = 0
    while number <= last:
        page = shop.page(listing.path, listing.params, number)
        fell = 0
        if page.items or number == 1:
            last = page.total_pages
            fell = 0 if total is None else total - page.total
            total = page.total
        elif number not in empty:
            empty.add(number)
            fell = 1  # beyond the end the shop says nothing of the total: the page before does
        if fell > 0 and number > 1 and back < MOST_STEPS_BACK:
            back += 1
            number = max(1, number - -(-fell // PER_PAGE))
            last = max(last, number)
            continue
        yield page
        number += 1


def _page_of(shop: ShopReader, listing: Listing, near: int, last_id: int) -> int:
    """Return the last page up to `near` that does not begin beyond `last_id`: all that follows that id follows it."""
    number = near
    while number > 1:
        items = shop.page(listing.path, listing.params, number).items
        if items and items[0]["id"] <= last_id:
            return number
        number -= 1
    return 1


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


def resumed(shop: ShopReader, listing: Listing, after: int, last_id: int | None) -> Iterator[Page]:
    """Yield `steady_pages` from where a walk was broken off, one read ahead."""
    with closing(one_ahead(steady_pages(shop, listing, after=after, last_id=last_id))) as pages:
        yield from pages
