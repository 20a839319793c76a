"""A shop, what it delivers, and our copy of it: everything a random history can touch, and what must be equal after it.

The sync is the real one, over real HTTPS, into a real warehouse; deliveries are verified and committed to the real inbox.
Only the shop's clock is ours: it stands still until it is moved, so that many things happen within one second, which is
all the resolution that WooCommerce's dates have.
"""

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb

from demo_shop.changes import Shop
from demo_shop.deliveries import Delivery as Sent
from demo_shop.life import Life
from demo_shop.render import order_body
from demo_shop.render_people import customer_body
from demo_shop.webhooks import Webhooks
from pipelines.woocommerce import sync as syncing
from pipelines.woocommerce.source import Loader
from regulars.inbox.delivery import Delivery, read_content
from regulars.inbox.sqlite import SqliteInbox
from regulars.shop.client import ShopClient
from regulars.shop.port import Page, Params
from webhook_receiver.signature import verifies

SECRET = "whsec_convergence"
OVERLAP = timedelta(minutes=10)
Columns = dict[str, dict[int, Any]]


class Killed(Exception):
    """The process is gone: nothing that it held in memory is left."""


class Mortal(ShopClient):
    """A client whose process dies after so many more requests (`life`; None: it lives on)."""

    life: int | None = None

    def _live(self) -> None:
        if self.life is not None:
            self.life -= 1
            if self.life < 0:
                raise Killed

    def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
        """Read a page, unless that is the last straw."""
        self._live()
        return super().page(path, params, page, patience=patience)

    def get(self, path: str, *, patience: float | None = None) -> Page:
        """Read a record, unless that is the last straw."""
        self._live()
        return super().get(path, patience=patience)


class World:
    """One history. `held` is what our copy says, `shown` what the shop would say if asked for everything now."""

    def __init__(
        self, shop: Shop, webhooks: Webhooks, client: Mortal, inbox: SqliteInbox, *, folder: Path, clock: list[float]
    ) -> None:
        self.shop, self.webhooks, self.client, self.inbox, self._clock = shop, webhooks, client, inbox, clock
        self.warehouse, self.pipelines_dir = folder / "warehouse" / "shop.duckdb", folder / "dlt"
        self.life = Life(shop, random.Random(0))
        self.receiver_is_down = False
        self.on_the_way: list[Sent] = []
        self.applied = 0
        self.committed: set[int] = set()
        self.ever: dict[str, set[int]] = {"orders": set(), "customers": set(), "refunds": set()}

    # What goes on in the shop

    def do(self, act: str, rng: random.Random, seconds: int) -> None:
        """Let one act of :class:`demo_shop.life.Life` happen, where the shop has anything that it can happen to."""
        self.life.rng = rng
        self.advance(seconds)
        with self.shop.locked():
            self.life.acts[act][1]()

    def advance(self, seconds: float) -> None:
        """Let time pass in the shop."""
        self._clock[0] += seconds

    # What is delivered

    def receive(self, sent: Sent) -> int | None:
        """Take a delivery as the receiver does: verified, read, committed before it is answered."""
        if self.receiver_is_down:
            return None
        if not sent.topic:
            return 200
        headers = [(name.lower().encode(), value.encode()) for name, value in sent.headers.items()]
        if not verifies((SECRET,), sent.body, headers):
            return 401
        content = read_content(sent.topic, sent.body)
        delivery = Delivery(
            shop="shop",
            topic=sent.topic,
            content=content,
            body=sent.body,
            received_at=datetime.now(UTC),
            webhook_id=sent.headers["X-WC-Webhook-ID"],
            delivery_id=sent.headers["X-WC-Webhook-Delivery-ID"],
        )
        self.inbox.commit([delivery])
        self.committed.update(row.seq for row in self.inbox.pending("shop", max(self.committed, default=0)))
        return 200

    # What we do about it

    def sync(self, **options: Any) -> syncing.SyncOutcome:
        """Sync once, with the change rows that wait."""
        outcome = syncing.sync_shop(
            self.client,
            warehouse=self.warehouse,
            pipelines_dir=self.pipelines_dir,
            shop="shop",
            overlap=OVERLAP,
            report=lambda stage, done, total: None,
            changes=self.inbox.pending("shop", self.applied),
            **options,
        )
        self.applied = outcome.last_change_seq
        return outcome

    def killed_while_reading(self, requests: int, **options: Any) -> None:
        """Sync, and die after so many requests, if it takes as many."""
        self.client.life = requests
        with suppress(Killed):
            self.sync(**options)
        self.client.life = None

    def killed_while_writing(self, loads: int, *, committed: bool, **options: Any) -> None:
        """Sync, and die in a load: before or after it was committed."""
        left, load = [loads], Loader.load

        def deadly(loader: Loader, *given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0 and not committed:
                raise Killed
            written = load(loader, *given, **named)
            if left[0] < 0:
                raise Killed
            return written

        with mock.patch.object(Loader, "load", deadly), suppress(Killed):
            self.sync(**options)

    @contextmanager
    def written_to(self, acts: list[str], rng: random.Random) -> Iterator[None]:
        """Let the acts happen one by one, each before another request is answered."""
        waiting = list(acts)

        def write(method: str, path: str, query: Mapping[str, str]) -> None:
            if waiting:
                self.do(waiting.pop(0), rng, 1)

        stop = self.shop.on_request(write)
        try:
            yield
        finally:
            stop()

    # What must be equal

    def shown(self) -> Columns:
        """Return what the shop has: the compared columns of orders, whole customers, and what refunds amount to."""
        shop, home = self.shop, self.shop.home
        with shop.locked():
            orders = {n: _order(order_body(shop, o, home)) for n, o in shop.orders.items() if n not in shop.unloadable}
            return {
                "orders": orders,
                "customers": {n: _plain(customer_body(shop, c, home)) for n, c in shop.customers.items()},
                "refunds": {
                    n: (r.order_id, r.amount, datetime.fromtimestamp(r.created, UTC))
                    for n, r in shop.refunds.items()
                    if r.order_id in orders
                },
            }

    def held(self) -> Columns:
        """Return the same of what we hold and have not marked as deleted."""
        return {
            "orders": {n: _order(json.loads(body)) for n, body in self._live("orders", "t.id, t.body")},
            "customers": {n: json.loads(body) for n, body in self._live("customers", "t.id, t.body")},
            "refunds": {
                n: (order, int(amount * 1_000_000), created.astimezone(UTC))
                for n, order, amount, created in self._live(
                    "refunds",
                    "t.id, t.parent_id, (t.body ->> '$.amount')::DECIMAL(18, 6), t.date_created_gmt",
                )
            },
        }

    def _live(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        return self._rows(
            f"SELECT {columns} FROM raw.{table} t WHERE NOT EXISTS (SELECT 1 FROM raw.deletions d WHERE"
            f" d.key = '{table[:-1]}:' || t.id AND d.observed_at >= t.observed_at)"
        )

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(query).fetchall()

    def converged(self) -> None:
        """Reconcile once and hold that nothing differs: not a column, and not in a second comparison."""
        first = self.sync(reconcile=True)
        differing = differences(self.held(), self.shown())
        assert not differing, f"after one reconcile, (held, shown) differ: {differing}; it found {first.drift}"
        assert first.drift is not None
        assert all(found.after == 0 for found in first.drift), f"it says that these still differ: {first.drift}"
        again = self.sync(reconcile=True)
        # Orders that differ where no column is compared are read again by turns, some at each reconcile.
        compared = [one for one in again.drift or () if (one.object, one.kind) != ("order", "body")]
        assert not compared, f"a second reconcile found {again.drift}, the first {first.drift}"
        self.nothing_was_lost()

    def nothing_was_lost(self) -> None:
        """Hold that no row ever went away, and that each change row that was acknowledged was applied exactly once."""
        for table in self.ever:
            now = {row[0] for row in self._rows(f"SELECT id FROM raw.{table}")}
            assert self.ever[table] <= now, f"rows of {table} are gone: {sorted(self.ever[table] - now)}"
            self.ever[table] = now
        if self.committed:
            applied = [row[0] for row in self._rows("SELECT seq FROM raw.applied_changes ORDER BY seq")]
            assert applied == sorted(self.committed), f"applied {applied}, acknowledged {sorted(self.committed)}"


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(body))
    return plain


def _order(body: dict[str, Any]) -> tuple[Any, ...]:
    refunds = sorted((refund["id"], refund["total"]) for refund in body["refunds"])
    return (body["id"], body["status"], body["customer_id"], body["total"], body["date_modified_gmt"], refunds)


def differences(held: Columns, shown: Columns) -> dict[str, dict[int, tuple[Any, Any]]]:
    """Return (held, shown) of each record that differs, by table; of customers the fields that do."""
    found: dict[str, dict[int, tuple[Any, Any]]] = {}
    for table, theirs in shown.items():
        for number in sorted(held[table].keys() | theirs.keys()):
            pair = (held[table].get(number), theirs.get(number))
            if pair[0] != pair[1]:
                found.setdefault(table, {})[number] = _fields(*pair)
    return found


def _fields(ours: Any, theirs: Any) -> tuple[Any, Any]:
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return ("a customer" if isinstance(ours, dict) else ours, "a customer" if isinstance(theirs, dict) else theirs)
    names = [name for name in theirs if ours.get(name) != theirs[name]]
    return ({name: ours.get(name) for name in names}, {name: theirs[name] for name in names})
