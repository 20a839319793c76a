"""The shop itself: its records, its clock and its counters. What happens in it is in :mod:`demo_shop.changes`."""

import dataclasses
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from demo_shop.faults import Faults
from demo_shop.model import ApiKey, Customer, Note, Order, Product, Profile, Refund, TaxRate
from demo_shop.pricing import item_count, totals

T = TypeVar("T")

DEMO_KEY = ApiKey("ck_demo00000000000000000000000000000000000", "cs_demo00000000000000000000000000000000000")
"""The key of a shop that is given none. It opens invented data on this machine only, so it is no secret."""


class Served(NamedTuple):
    """One request the shop answered; ``query`` is without keys and signatures."""

    method: str
    path: str
    query: dict[str, str]
    status: int


Asked = Callable[[str, str, dict[str, str]], None]
"""What is called before each answer: with method, path and query (without keys and signatures)."""


class Records:
    """Everything a shop holds, with fast ways to look it up. All access happens under :meth:`locked`.

    The dictionaries may be read freely by tests; to change anything use the methods of
    :class:`demo_shop.changes.Shop`, which keep counters, caches, dates and webhooks right.
    """

    def __init__(
        self,
        profile: Profile,
        keys: tuple[ApiKey, ...] = (DEMO_KEY,),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open an empty shop. ``clock`` returns epoch seconds; dates, ``Date`` headers and OAuth follow it."""
        self._cache: dict[Hashable, Any] = {}
        self.profile = profile
        self.keys = {key.consumer_key: key for key in keys}
        self.clock = clock
        self.customers: dict[int, Customer] = {}
        self.orders: dict[int, Order] = {}
        self.refunds: dict[int, Refund] = {}
        self.products: dict[int, Product] = {}
        self.notes: dict[int, list[Note]] = {}
        self.unloadable: set[int] = set()
        self.broken: dict[tuple[str, int], bool] = {}
        self.home = "http://127.0.0.1"
        self.left_out: dict[str, int] = {}
        self.faults = Faults()
        self.requests_served: list[Served] = []
        self.listeners: list[Callable[[str, int], None]] = []
        self.callbacks: list[Asked] = []
        self._lock = threading.RLock()
        self._next = {"post": 1, "user": 1, "item": 1, "meta": 1, "note": 1, "person": 1_000_000}

    @property
    def profile(self) -> Profile:
        """The shop's settings, replaced as a whole: an owner may change currency, time zone, address or storage."""
        return self._profile

    @profile.setter
    def profile(self, profile: Profile) -> None:
        self._profile = profile
        self._rates = {rate.rate_id: rate for rate in profile.rates}
        self.touch()

    def change_settings(self, **fields: Any) -> Profile:
        """Change fields of the profile, as an owner does in the settings. No record's date moves."""
        with self.locked():
            self.profile = dataclasses.replace(self.profile, **fields)
            return self.profile

    @property
    def legacy(self) -> bool:
        """Whether orders are kept as posts."""
        return self._profile.storage == "legacy"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the shop still while reading or changing it."""
        with self._lock:
            yield

    def now(self) -> int:
        """Return the shop's time in epoch seconds."""
        return int(self.clock())

    def take_id(self, kind: str, count: int = 1) -> int:
        """Hand out the next id of a kind (``post``, ``user``, ``item``, ``meta``, ``note``, ``person``), or the first of several."""
        first = self._next[kind]
        self._next[kind] = first + count
        return first

    def start_ids(self, kind: str, first: int) -> None:
        """Make sure that ids of a kind handed out from now on are ``first`` or above."""
        self._next[kind] = max(self._next[kind], first)

    def rate(self, rate_id: int) -> TaxRate:
        """Return a tax rate by id."""
        return self._rates[rate_id]

    def cached(self, key: Hashable, build: Callable[[], T]) -> T:
        """Return what ``build`` makes, remembered until anything in the shop changes."""
        if key not in self._cache:
            if len(self._cache) > 64:
                self._cache.clear()
            self._cache[key] = build()
        found: T = self._cache[key]
        return found

    def touch(self) -> None:
        """Forget every remembered listing; called on each change."""
        self._cache.clear()

    def announce(self, topic: str, record_id: int) -> None:
        """Tell listeners (the webhooks) that something happened to a record."""
        for listener in self.listeners:
            listener(topic, record_id)

    def find_by_email(self, email: str) -> Customer | None:
        """Return the account with this e-mail, whatever its case."""
        index = self.cached("by e-mail", lambda: {c.email.casefold(): c for c in self.customers.values()})
        return index.get(email.casefold())

    def order_total(self, order_id: int) -> int:
        """Return an order's total in millionths."""
        return totals(self.orders[order_id], self.profile.decimals).total

    def refunded(self, order_id: int) -> int:
        """Return what has been refunded of an order, in millionths."""
        return sum(self.refunds[refund_id].amount for refund_id in self.orders[order_id].refunds)

    def keep_order(self, order: Order) -> Order:
        """Put a finished order into the shop as it is: no event, no date changes. Ids above it are handed out next."""
        order.first_item = order.first_item or self.take_id("item", item_count(order))
        self.orders[order.id] = order
        self.start_ids("post", order.id + 1)
        self.touch()
        return order

    def keep_refund(self, refund: Refund) -> Refund:
        """Put a finished refund onto its order as it is; newest first, as the shop lists them. No event."""
        self.refunds[refund.id] = refund
        order = self.orders[refund.order_id]
        order.refunds = tuple(
            sorted((*order.refunds, refund.id), key=lambda i: (self.refunds[i].created, i), reverse=True)
        )
        self.start_ids("post", refund.id + 1)
        self.touch()
        return refund

    def keep_customer(self, customer: Customer) -> Customer:
        """Put a finished customer into the shop as it is: no event, no date changes."""
        self.customers[customer.id] = customer
        self.start_ids("user", customer.id + 1)
        self.touch()
        return customer

    def on_request(self, callback: Asked) -> Callable[[], None]:
        """Call ``callback(method, path, query)`` before each answer, with the shop held still; return what ends that.

        So a test changes the shop between two pages of one walk. An exception of the callback is a 500 answer.
        """
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def break_record(self, table: str, record_id: int, *, lists: bool = False) -> None:
        """Make the shop answer 500 whenever it shows this record of ``orders`` or ``customers`` (a plugin's fault).

        With ``lists`` every page that holds the record fails too; else only the record itself.
        """
        self.broken[(table, record_id)] = lists

    def mend_record(self, table: str, record_id: int) -> None:
        """Make a broken record readable again."""
        self.broken.pop((table, record_id), None)

    def count_request(self, served: Served) -> None:
        """Remember a served request; the oldest are dropped after 200,000."""
        self.requests_served.append(served)
        if len(self.requests_served) > 200_000:
            del self.requests_served[:100_000]
