"""What a reader of a shop may rely on, so that consumers depend on these few methods and tests can stand in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from regulars.shop.index import ShopIndex

Params = Mapping[str, str | int]
Item = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """One page of a listing.

    `total` and `total_pages` are what the shop said with it; never trust them on an empty page (0/0 beyond the end).
    `read_at` is our clock (UTC) before the request was sent: whatever the shop changed later is not in it for sure.
    `shop_now` is the shop's own clock when it answered (its `Date` header; ours where it sends none).
    """

    items: list[Item]
    page: int
    total: int
    total_pages: int
    read_at: datetime
    shop_now: datetime


class PageReader(Protocol):
    """What reads single pages of listings."""

    def page(self, path: str, params: Params, page: int = 1) -> Page:
        """Return one page of the listing at `path`."""


class ShopReader(Protocol):
    """Reads from one shop. Every method may raise a ShopError; each retries by itself within a bounded patience."""

    @property
    def requests_sent(self) -> int:
        """How many requests have been sent so far, retries among them."""

    @property
    def most_at_once(self) -> int:
        """How many threads may call these methods at a time to some use; 1 where only one may."""

    @property
    def at_once(self) -> int:
        """How many requests at a time are of use now, at most `most_at_once`: fewer while the shop is slow."""

    def index(self) -> ShopIndex:
        """Return what the shop says about itself, without a key."""

    def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
        """Return one page of the listing at `path` ("orders"), 100 rows unless `params` has `per_page`.

        `patience` bounds in seconds how long this read is tried again, where it should be less than for others.
        """

    def pages(self, path: str, params: Params) -> Iterator[Page]:
        """Yield all pages of a listing; the end is where the shop's count of pages says, whatever a page's length."""

    def get_by_ids(
        self, path: str, ids: Iterable[int], params: Params, *, patience: float | None = None
    ) -> Iterator[Page]:
        """Yield pages with the records of `ids` that the shop has, 100 ids a request; `patience` as for `page`."""

    def head_total(self, path: str, params: Params, *, patience: float | None = None) -> int:
        """Return how many records a listing has, without reading them; `patience` as for `page`."""

    def get(self, path: str, *, patience: float | None = None) -> Page:
        """Return one record, as a page of one; `patience` as for `page`. Raises ShopRecordGone where there is none."""


def pages_of(reader: PageReader, path: str, params: Params) -> Iterator[Page]:
    """Yield all pages of a listing, in order. An empty page beyond the first is not asked how many there are."""
    number = last = 1
    while number <= last:
        page = reader.page(path, params, number)
        if page.items or number == 1:
            last = page.total_pages
        yield page
        number += 1
