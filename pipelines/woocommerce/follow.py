"""What an order drags along: its refunds, which no other listing announces, and the account that placed it.

WooCommerce moves no date when a refund is deleted, and offers no way to ask which accounts changed. But every order
names its refunds and its account, so an order that was read tells what to read next.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import orjson

from pipelines.woocommerce.known import Known
from pipelines.woocommerce.rows import FETCH, Row, Tombstone, is_id, rows_of, tombstone
from regulars.errors import ShopRecordGone, ShopRequestInvalid
from regulars.shop.port import Item, Page, ShopReader

FEW = 3


class Followed:
    """Rows and tombstones that follow from others."""

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


class Follower:
    """Reads what orders and change rows point to, each record at most once a sync."""

    def __init__(self, shop: ShopReader, known: Known, clock: Callable[[], datetime]) -> None:
        self._shop = shop
        self._clock = clock
        self._known = known
        self._customers: set[int] = set()
        self._refunds: set[int] = set()

    def orders(self, rows: Sequence[Row], *, every_account: bool) -> Followed:
        """Return the refunds and accounts that `rows`, orders new or changed, point to.

        Accounts are read where the order or the account is new; with `every_account` for all of the orders, since what
        changed an order (its first completion) may have changed the account without a sign.
        """
        found = Followed()
        items: dict[int, Item] = {row.id: orjson.loads(row.body) for row in rows}
        known = self._known.rows("orders", items)
        self._follow_refunds(items, {row.id: row for row in rows}, found)
        owners = {number: item["customer_id"] for number, item in items.items() if is_id(item.get("customer_id"))}
        held = self._known.rows("customers", owners.values())
        wanted = {
            owner for number, owner in owners.items() if every_account or number not in known or owner not in held
        } - self._customers
        if wanted:
            found.merge(self.fetch("customers", wanted, tombstones=held.keys()))
        return found

    def _follow_refunds(self, items: dict[int, Item], rows: dict[int, Row], found: Followed) -> None:
        held = self._known.refunds_of(items)
        for number, item in items.items():
            refunds = item.get("refunds")
            if not isinstance(refunds, list):
                continue
            listed = {refund["id"] for refund in refunds if isinstance(refund, dict) and is_id(refund.get("id"))}
            if listed - held[number] - self._refunds:
                found.add("refunds", order_refunds(self._shop, number))
                self._refunds |= listed
            found.gone += [tombstone("refunds", gone, rows[number].observed_at) for gone in held[number] - listed]

    def fetch(self, table: str, ids: Iterable[int], *, tombstones: Iterable[int] | None = None) -> Followed:
        """Return the records `ids` of `table` as the shop has them now, and a tombstone for each that is gone.

        Tombstones are made for `tombstones` only, where given: what never was here need not be declared gone.
        """
        found = Followed()
        wanted = set(ids)
        if table == "customers":
            self._customers |= wanted
        missing = wanted if len(wanted) <= FEW else self._fetch_together(table, wanted, found)
        for number in sorted(missing):
            self._fetch_one(table, number, found)
        if tombstones is not None:
            allowed = set(tombstones)
            found.gone = [stone for stone in found.gone if stone.object == "refund" or stone.id in allowed]
        return found

    def _fetch_together(self, table: str, wanted: set[int], found: Followed) -> set[int]:
        """Read `wanted` 100 at a time; return the ids that only a request of their own can settle."""
        asked, certain, missing = self._clock(), True, wanted
        for params in _FILTERS[table]:
            pages: list[Page] = []
            try:
                for page in self._shop.get_by_ids(table, missing, params):
                    pages.append(page)
                    found.add(table, rows_of(table, page, FETCH))
            except ShopRequestInvalid:
                return missing - {item["id"] for page in pages for item in page.items}
            missing = missing - {item["id"] for page in pages for item in page.items}
            # A shop that counts records without showing them proves nothing by leaving them out.
            certain = certain and all(page.total <= len(page.items) for page in pages)
            if not missing:
                return set()
        if not certain:
            return missing
        found.gone += [tombstone(table, number, asked) for number in missing]
        if table == "orders":
            self._refunds_gone_with(missing, found)
        return set()

    def _fetch_one(self, table: str, number: int, found: Followed) -> None:
        asked = self._clock()
        try:
            page = self._shop.get(f"{table}/{number}")
        except ShopRecordGone:
            found.gone.append(tombstone(table, number, asked))
            if table == "orders":
                self._refunds_gone_with({number}, found)
        except ShopRequestInvalid:
            return  # an id that the shop does not take for one: nothing to copy, and no reason to stop the others
        else:
            found.add(table, rows_of(table, page, FETCH))

    def _refunds_gone_with(self, orders: set[int], found: Followed) -> None:
        """A refund goes with its order."""
        at = {stone.id: stone.observed_at for stone in found.gone if stone.object == "order"}
        for order, refunds in self._known.refunds_of(orders).items():
            found.gone += [tombstone("refunds", refund, at[order]) for refund in refunds]


# `status=any` leaves the trash out, and a list with both is read as `any`: two questions.
_FILTERS = {
    "orders": ({"status": "any"}, {"status": "trash"}),
    "customers": ({"role": "all"},),
    "products": ({"status": "any"},),
}


def order_refunds(shop: ShopReader, order: int) -> list[Row]:
    """Return the refunds of one order; none where the order itself is gone."""
    try:
        return [
            row for page in shop.pages(f"orders/{order}/refunds", {}) for row in rows_of("refunds", page, FETCH, order)
        ]
    except ShopRecordGone:
        return []
