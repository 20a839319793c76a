"""What an order drags along: its refunds, which no other listing announces, and the account that placed it.

WooCommerce moves no date when a refund is deleted, and offers no way to ask which accounts changed. But every order
names its refunds and its account, so an order that was read tells what to read next.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

import orjson

from pipelines.woocommerce.fetching import Fetcher, Followed
from pipelines.woocommerce.known import Known
from pipelines.woocommerce.rows import OBJECTS, Row, Tombstone, is_id, tombstone
from regulars.shop.port import Item, ShopReader

MOST_GONE: Final = 100
LARGEST_PART_GONE: Final = 0.1
log = logging.getLogger("regulars")


class Follower:
    """Reads what orders and change rows point to, each record at most once a sync.

    A shop that suddenly lacks a large part of its records is doubted: none of these is marked as deleted, everything
    else goes on, and `doubts` holds a sentence for each kind of record. With `believe` it is believed.
    """

    def __init__(self, shop: ShopReader, known: Known, clock: Callable[[], datetime], *, believe: bool = False) -> None:
        self._known, self._believe = known, believe
        self._fetcher = Fetcher(shop, clock)
        self._customers: set[int] = set()
        self._refunds: set[int] = set()
        self._doubted: dict[str, set[int]] = {}
        self._doubts: dict[str, str] = {}

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the shop said and was not believed, in sentences for people."""
        return tuple(self._doubts.values())

    @property
    def unreadable(self) -> set[tuple[str, int]]:
        """Table and id of the records that the shop could not show in this sync."""
        return self._fetcher.unreadable

    def orders(self, rows: Sequence[Row], *, every_account: bool) -> Followed:
        """Return the refunds and accounts that `rows`, orders new or changed, point to.

        Accounts are read where the order or the account is new; with `every_account` for all of the orders, since what
        changed an order (its first completion) may have changed the account without a sign.
        """
        items: dict[int, Item] = {row.id: orjson.loads(row.body) for row in rows}
        known = self._known.rows("orders", items)
        found = self._follow_refunds(items, {row.id: row for row in rows})
        owners = {number: item["customer_id"] for number, item in items.items() if is_id(item.get("customer_id"))}
        held = self._known.rows("customers", owners.values())
        wanted = {
            owner for number, owner in owners.items() if every_account or number not in known or owner not in held
        } - self._customers
        if wanted:
            found.merge(self.fetch("customers", wanted, tombstones=held.keys()))
        return found

    def refunds(self, rows: Sequence[Row], again: Collection[int] = ()) -> Followed:
        """Return what became of the refunds of `rows`, orders just read; those of the orders `again` are read anew."""
        items: dict[int, Item] = {row.id: orjson.loads(row.body) for row in rows}
        return self._follow_refunds(items, {row.id: row for row in rows}, again)

    def _follow_refunds(self, items: dict[int, Item], rows: dict[int, Row], again: Collection[int] = ()) -> Followed:
        found = Followed()
        held = self._known.refunds_of(items)
        for number, item in items.items():
            refunds = item.get("refunds")
            if not isinstance(refunds, list):
                continue
            listed = {refund["id"] for refund in refunds if isinstance(refund, dict) and is_id(refund.get("id"))}
            if listed - held[number] - self._refunds or (listed and number in again):
                found.add("refunds", self._fetcher.refunds(number) or ())
                self._refunds |= listed
            found.gone += [tombstone("refunds", gone, rows[number].observed_at) for gone in held[number] - listed]
        return found

    def fetch(
        self, table: str, ids: Iterable[int], *, tombstones: Iterable[int] | None = None, announced: bool = False
    ) -> Followed:
        """Return the records `ids` of `table` as the shop has them now, and a tombstone for each that is gone.

        Tombstones are made for `tombstones` only, where given: what never was here need not be declared gone. A refund
        goes with its order. None are made where so much is gone that the shop is doubted, unless webhooks had
        `announced` it.
        """
        wanted = set(ids)
        if table == "customers":
            self._customers |= wanted
        found = self._fetcher.fetch(table, wanted)
        if tombstones is not None:
            allowed = set(tombstones)
            found.gone = [stone for stone in found.gone if stone.id in allowed]
        if not announced:
            found.gone = self.credible(table, found.gone)
        if table == "orders" and found.gone:
            at = {stone.id: stone.observed_at for stone in found.gone}
            for order, refunds in self._known.refunds_of(at).items():
                found.gone += [tombstone("refunds", refund, at[order]) for refund in refunds]
        return found

    def credible(self, table: str, gone: list[Tombstone]) -> list[Tombstone]:
        """Return the tombstones of records of `table` that the shop is believed about: all, or none."""
        if self._believe or len(gone) <= MOST_GONE:
            return gone
        held = self._known.live(table)
        if len(gone) <= held * LARGEST_PART_GONE:
            return gone
        self._doubted.setdefault(table, set()).update(stone.id for stone in gone)
        if table not in self._doubts:
            self._doubts[table] = (
                f"The shop says that {len(gone):,} of the {held:,} {OBJECTS[table]} records held here are gone. So many "
                "at once may be a fault of the shop (a plugin, a changed key, a restored backup), so none of them was "
                "marked as deleted. If they are really gone, run `regulars reconcile --believe`."
            )
            log.warning("%s", self._doubts[table])
        return []

    def doubted(self, table: str, number: int | None) -> bool:
        """Return whether the shop said in this sync that this record is gone, and was not believed."""
        return number in self._doubted.get(table, ())
