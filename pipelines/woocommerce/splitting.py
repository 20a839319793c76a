"""Reading the listings of a shop that fails on one of its records.

Some plugin breaks whenever it is given a certain record, and the shop answers 500 to every page that the record stands
on. Such a page is read in tenths, the tenth that fails record by record, and the one record is left out: named by its
place and its neighbours, counted, and missing at the next comparison. That holds only while the shop shows others; a
shop that fails on everything is waited for, and then stops the sync as before. A page that is too much for a slow server
(504) comes in tenths as well.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from pipelines.woocommerce import listings
from pipelines.woocommerce.fetching import BRIEF, FILTERS, first_briefly, spoilt
from regulars.errors import ShopBusy, ShopUnreachable
from regulars.shop.index import ShopIndex
from regulars.shop.port import Page, Params, ShopReader, pages_of

MOST_LEFT_OUT: Final = 50
# Offsets are exact only while the total stands still; a shop where it never does is taken as it comes.
TRIES: Final = 3
SPLIT: Final = 10
log = logging.getLogger("regulars")


class Gap(NamedTuple):
    """A record that the shop cannot show: its place in the listing, from 1, and the status of the answer."""

    place: int
    status: int


class Splitting:
    """A ShopReader whose listings leave out what the shop cannot show; all else is as the one that it wraps has it."""

    def __init__(self, shop: ShopReader) -> None:
        self._shop = shop
        self._lock = threading.Lock()
        self._left_out: dict[tuple[object, ...], set[int]] = defaultdict(set)

    @property
    def requests_sent(self) -> int:
        """How many requests have been sent so far."""
        return self._shop.requests_sent

    @property
    def most_at_once(self) -> int:
        """How many threads may read at a time to some use."""
        return self._shop.most_at_once

    @property
    def at_once(self) -> int:
        """How many requests at a time are of use now."""
        return self._shop.at_once

    def index(self) -> ShopIndex:
        """Return what the shop says about itself."""
        return self._shop.index()

    def get(self, path: str, *, patience: float | None = None) -> Page:
        """Return one record."""
        return self._shop.get(path, patience=patience)

    def get_by_ids(
        self, path: str, ids: Iterable[int], params: Params, *, patience: float | None = None
    ) -> Iterator[Page]:
        """Yield the records of `ids`; nothing is left out."""
        return self._shop.get_by_ids(path, ids, params, patience=patience)

    def pages(self, path: str, params: Params) -> Iterator[Page]:
        """Yield all pages of a listing, in order."""
        return pages_of(self, path, params)

    def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
        """Return one page of a listing without the records that the shop cannot show, its totals as the shop has them.

        With `patience` of its own, or of anything but a list of all records of a kind, the page is read as it is.
        """
        if patience is not None or path not in FILTERS:
            return self._shop.page(path, params, page, patience=patience)
        try:
            return self._read(path, params, page)
        except ShopBusy as error:
            if not spoilt(error):
                raise
            if not self._shows_any(path):
                return self._shop.page(path, params, page)
            return self._split(path, params, page, error)

    def head_total(self, path: str, params: Params, *, patience: float | None = None) -> int:
        """Return how many records a listing has; where its first record cannot be shown, the last one is asked for."""
        if patience is not None:
            return self._shop.head_total(path, params, patience=patience)
        try:
            return first_briefly(lambda patience: self._shop.head_total(path, params, patience=patience))
        except ShopBusy as error:
            if not spoilt(error):
                raise
        return self._shop.head_total(path, {**params, "order": "desc" if params.get("order") == "asc" else "asc"})

    def left_out(self, path: str, params: Params) -> int:
        """Return how many records of one listing were left out so far."""
        return len(self._left_out.get(_key(path, params), ()))

    def left_out_in_all(self) -> int:
        """Return how many records were left out so far, at least: one may stand in several listings."""
        most: dict[object, int] = defaultdict(int)
        for (path, *_), places in list(self._left_out.items()):
            most[path] = max(most[path], len(places))
        return sum(most.values())

    def _read(self, path: str, params: Params, number: int) -> Page:
        return first_briefly(lambda patience: self._shop.page(path, params, number, patience=patience))

    def _shows_any(self, path: str) -> bool:
        """Return whether the shop shows its first record of a kind, or its last one."""
        for order in ("desc", "asc"):
            params: Params = {**FILTERS[path][0], "per_page": 1, "orderby": "id", "order": order}
            try:
                self._shop.page(path, params, patience=BRIEF)
            except (ShopBusy, ShopUnreachable):
                continue
            return True
        return False

    def _split(self, path: str, params: Params, number: int, error: ShopBusy) -> Page:
        """Read a page in parts, and put it together; raises `error` where the shop shows nothing of it."""
        size = int(params.get("per_page", listings.PER_PAGE))
        parts: list[Page | Gap] = []
        for _ in range(TRIES):
            parts = list(self._parts(path, params, *_finer(size, number)))
            if len({part.total for part in parts if isinstance(part, Page) and part.items}) <= 1:
                break
        self._note(path, params, parts)
        read = [part for part in parts if isinstance(part, Page)]
        if not read:
            raise error
        places = [part.place for part in parts if isinstance(part, Gap)]
        total = ([part.total for part in read if part.items] or places or [0])[-1]  # an empty page tells of none
        return Page(
            items=[item for part in read for item in part.items],
            page=number,
            total=total,
            total_pages=-(-total // size),
            read_at=min(part.read_at for part in read),
            shop_now=min(part.shop_now for part in read),
        )

    def _parts(self, path: str, params: Params, size: int, numbers: range) -> Iterator[Page | Gap]:
        """Yield the pages `numbers` of `size` records, up to the end of the listing; what fails is split further."""
        part: Params = {**params, "per_page": size}
        for number in numbers:
            try:
                page = self._read(path, part, number)
            except ShopBusy as error:
                if not spoilt(error):
                    raise
                if size > 1:
                    yield from self._parts(path, params, *_finer(size, number))
                    continue
                if not self._shows_any(path):
                    raise
                yield Gap(number, error.status)
            else:
                yield page
                if not page.items or number >= page.total_pages:
                    return

    def _note(self, path: str, params: Params, parts: list[Page | Gap]) -> None:
        """Count the gaps and tell of them. Raises ShopBusy where there are too many: the shop is broken, not a record."""
        places = self._left_out[_key(path, params)]
        for at, gap in enumerate(parts):
            if isinstance(gap, Page):
                continue
            before = [item["id"] for part in parts[:at] if isinstance(part, Page) for item in part.items][-1:]
            after = [item["id"] for part in parts[at:] if isinstance(part, Page) for item in part.items][:1]
            beside = " and ".join(str(number) for number in (*before, *after)) or "nothing else that it shows"
            log.warning(
                "The shop cannot show number %d of a list of its %s (status %d), beside %s: left out for now.",
                *(gap.place, path, gap.status, beside),
            )
            with self._lock:
                places.add(gap.place)
            if self.left_out_in_all() > MOST_LEFT_OUT:
                raise ShopBusy(
                    f"The shop cannot show more than {MOST_LEFT_OUT} of its {path} (status {gap.status}): a plugin or the "
                    "theme fails on them, and the shop's PHP error log names it. Mend or switch it off, then sync again.",
                    status=gap.status,
                )


def _finer(size: int, number: int) -> tuple[int, range]:
    """Return a smaller size of pages, and the numbers of those that cover page `number` of `size` exactly.

    >>> _finer(100, 3), _finer(10, 1), _finer(25, 2)
    ((10, range(21, 31)), (1, range(1, 11)), (1, range(26, 51)))
    """
    finer = size // SPLIT if size % SPLIT == 0 else 1
    many = size // finer
    return finer, range((number - 1) * many + 1, number * many + 1)


def _key(path: str, params: Params) -> tuple[object, ...]:
    return (path, *sorted(params.items()))
