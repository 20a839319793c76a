"""Reading records by their ids, a hundred in a request, with proof for those that are gone.

A record may break the shop: some plugin fails whenever it is shown, and the shop answers 500 to everything that holds
it. Such a record is left out for this sync, once it is certain that the shop shows others; it differs again at the next
reconcile, which names it.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar

from pipelines.woocommerce.rows import FETCH, Row, Tombstone, rows_of, tombstone
from regulars.errors import ShopBusy, ShopError, ShopRecordGone, ShopRequestInvalid, ShopUnreachable
from regulars.shop.limits import worth_another_try
from regulars.shop.port import Page, Params, ShopReader

Answer = TypeVar("Answer")
log = logging.getLogger("regulars")

FEW: Final = 3
TOGETHER: Final = 100
# A record that breaks the shop costs two seconds, not the minute and more for which a busy shop is waited for.
BRIEF: Final = 3.0
MOST_UNREADABLE: Final = 100
NOT_OF_A_RECORD: Final = (429, 503)
# `status=any` leaves the trash out, and a list with both is read as `any`: two questions.
FILTERS: Final[dict[str, tuple[Params, ...]]] = {
    "orders": ({"status": "any"}, {"status": "trash"}),
    "customers": ({"role": "all"},),
    "products": ({"status": "any"},),
}


class Followed:
    """Rows and tombstones that belong together, by table."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.gone: list[Tombstone] = []

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """Keep `rows` of `table`."""
        self.rows.setdefault(table, []).extend(rows)

    def merge(self, other: "Followed") -> None:
        """Keep what `other` kept."""
        for table, rows in other.rows.items():
            self.add(table, rows)
        self.gone += other.gone


class Fetcher:
    """Reads records by id. `unreadable` collects (table, id) of those that the shop cannot show; none is asked twice."""

    def __init__(self, shop: ShopReader, clock: Callable[[], datetime]) -> None:
        self._shop, self._clock = shop, clock
        self.unreadable: set[tuple[str, int]] = set()

    def fetch(self, table: str, ids: Iterable[int]) -> Followed:
        """Return the records `ids` of `table` as the shop has them now, and a tombstone for each that is gone."""
        found = Followed()
        wanted = {number for number in ids if (table, number) not in self.unreadable}
        left = wanted if len(wanted) <= FEW else self._together(table, wanted, found)
        for number in sorted(left):
            self._one(table, number, found)
        return found

    def refunds(self, order: int) -> list[Row] | None:
        """Return the refunds of one order, none where the order itself is gone; None where the shop cannot show them."""
        try:
            return first_briefly(lambda patience: order_refunds(self._shop, order, patience=patience))
        except ShopBusy as error:
            if not spoilt(error):
                raise
            self._leave_out("refunds", order, error)
            return None

    def _together(self, table: str, wanted: set[int], found: Followed) -> set[int]:
        """Read `wanted` 100 at a time; return the ids that only a request of their own can settle."""
        asked, certain, missing = self._clock(), True, set(wanted)
        alone: set[int] = set()
        for params in FILTERS[table]:
            listed = sorted(missing)
            for start in range(0, len(listed), TOGETHER):
                part = listed[start : start + TOGETHER]
                pages = self._list(table, part, params)
                if pages is None:
                    alone.update(part)
                for page in pages or ():
                    found.add(table, rows_of(table, page, FETCH))
                    missing -= {item["id"] for item in page.items}
                    # A shop that counts records without showing them proves nothing by leaving them out.
                    certain = certain and page.total <= len(page.items)
            missing -= alone
        if not certain:
            return missing | alone
        found.gone += [tombstone(table, number, asked) for number in missing]
        return alone

    def _list(self, table: str, ids: list[int], params: Params) -> list[Page] | None:
        """Return the pages that list `ids`; None where one of them may spoil the answer."""
        try:
            return first_briefly(lambda patience: list(self._shop.get_by_ids(table, ids, params, patience=patience)))
        except ShopRequestInvalid:
            return None
        except ShopBusy as error:
            if not spoilt(error):
                raise
            return None

    def _one(self, table: str, number: int, found: Followed) -> None:
        asked = self._clock()
        try:
            page = first_briefly(lambda patience: self._shop.get(f"{table}/{number}", patience=patience))
        except ShopRecordGone:
            found.gone.append(tombstone(table, number, asked))
        except ShopRequestInvalid:
            return  # an id that the shop does not take for one: nothing to copy, and no reason to stop the others
        except ShopBusy as error:
            if not spoilt(error):
                raise
            self._from_a_list(table, number, found, error)
        else:
            found.add(table, rows_of(table, page, FETCH))

    def _from_a_list(self, table: str, number: int, found: Followed, error: ShopBusy) -> None:
        """Look for a record that breaks its own page in a list; one that breaks that too is left out."""
        for params in FILTERS[table]:
            try:
                page = self._shop.page(table, {**params, "include": number}, patience=BRIEF)
            except ShopBusy as again:
                if not spoilt(again):
                    raise
                self._see_others(table, number, again)
                break
            if page.items:
                found.add(table, rows_of(table, page, FETCH))
                return
        self._leave_out(table, number, error)

    def _see_others(self, table: str, number: int, error: ShopBusy) -> None:
        """Return if the shop shows other records of `table`; else it is the shop that fails: raises `error`."""
        left_out = sorted({number, *(one for other, one in self.unreadable if other == table)})
        for order in ("desc", "asc"):
            params: Params = {"per_page": 1, "orderby": "id", "order": order, "exclude": ",".join(map(str, left_out))}
            try:
                self._shop.page(table, {**FILTERS[table][0], **params}, patience=BRIEF)
            except ShopBusy as again:
                if not spoilt(again):
                    raise
            else:
                return
        raise error

    def _leave_out(self, table: str, number: int, error: ShopBusy) -> None:
        if len(self.unreadable) >= MOST_UNREADABLE:
            raise error
        log.warning("The shop cannot show %s %d (status %d): left out for now.", table, number, error.status)
        self.unreadable.add((table, number))


def first_briefly(read: Callable[[float | None], Answer]) -> Answer:
    """Read with little patience for an answer that tells of a record, and with all of it for a shop that is away.

    `read` is given its patience in seconds, None for all of it.
    """
    try:
        return read(BRIEF)
    except (ShopBusy, ShopUnreachable) as error:
        if spoilt(error) or not worth_another_try(error):
            raise
    return read(None)


def spoilt(error: ShopError) -> bool:
    """Return whether the answer may be the fault of the record that was asked for, and not of the whole shop."""
    return isinstance(error, ShopBusy) and error.status not in NOT_OF_A_RECORD and error.retry_after is None


def order_refunds(shop: ShopReader, order: int, *, patience: float | None = None) -> list[Row]:
    """Return the refunds of one order; none where the order itself is gone. `patience` is that of `ShopReader.page`."""
    rows: list[Row] = []
    number = last = 1
    try:
        while number <= last:
            page = shop.page(f"orders/{order}/refunds", {}, number, patience=patience)
            last = page.total_pages if page.items or number == 1 else last
            rows += rows_of("refunds", page, FETCH, order)
            number += 1
    except ShopRecordGone:
        return []
    return rows
