"""A shop, what it delivers, and our copy of it: everything a random history can touch, and what must be equal after it.

The sync is the real one, over real HTTPS, into a real warehouse; deliveries are verified and committed to the real inbox.
Only the shop's clock is ours: it stands still until it is moved, so that many things happen within one second, which is
all the resolution that WooCommerce's dates have.
"""

import json
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest import mock

import duckdb
import trustme
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from demo_shop.changes import Shop
from demo_shop.deliveries import Delivery as Sent
from demo_shop.generate import generate
from demo_shop.life import Life
from demo_shop.model import ApiKey
from demo_shop.render import order_body
from demo_shop.render_people import customer_body
from demo_shop.server import create_app, serve
from demo_shop.webhooks import HOOKS, Webhooks
from pipelines.woocommerce import sync as syncing
from pipelines.woocommerce.source import Loader
from regulars.inbox.delivery import Delivery, read_content
from regulars.inbox.sqlite import SqliteInbox
from regulars.models import ShopConfig
from regulars.shop.client import ShopClient
from regulars.shop.port import Page, Params
from webhook_receiver.signature import verifies

KEY = ApiKey("ck_convergence", "cs_convergence")
SECRET = "whsec_convergence"
OVERLAP = timedelta(minutes=10)
TODAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
SMALL_PAGE = 20
PAGED = (
    "regulars.shop.client",
    "pipelines.woocommerce.listings",
    "pipelines.woocommerce.reads",
    "pipelines.woocommerce.reconcile",
)

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


def certify(folder: Path) -> Path:
    """Write an authority's certificate (`ca.pem`) and the shop's own, and return the latter: over HTTPS a key needs no clock."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = folder / "shop.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(own))
    return own


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


@contextmanager
def small_pages(size: int = SMALL_PAGE) -> Iterator[None]:
    """Let every listing come in pages of `size`, so that a small shop has several, and one of them is read again."""
    with ExitStack() as stack:
        for module in PAGED:
            stack.enter_context(mock.patch(f"{module}.PER_PAGE", size))
        # Else so few orders would all be read again whole each time, and the comparison of columns would prove nothing.
        stack.enter_context(mock.patch("pipelines.woocommerce.reconcile.REREAD_PAGES", 1))
        yield


class Stage:
    """One server under one address, behind which shops are exchanged: bodies hold links, so that an address must stay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the shop that is on stage."""
        assert self.app is not None
        await self.app(scope, receive, send)

    @contextmanager
    def world(self, storage: str = "hpos", *, at_once: int = 1, synced: bool = True) -> Iterator[World]:
        """Put a small shop on stage that keeps its orders so, with a copy of it: as new, or already `synced`."""
        clock, made = [NOON], list[World]()
        shop = generate(15, 1, TODAY, keys=(KEY,), clock=lambda: clock[0])
        shop.change_settings(storage=storage)
        shop.home = self.url
        webhooks = Webhooks(shop, manual=True, post=lambda sent, timeout: made[0].receive(sent))
        self.app = create_app(shop, webhooks)
        with TemporaryDirectory(prefix="world-", dir=self.folder) as folder:
            if synced:
                shutil.copytree(self._first_sync(), folder, dirs_exist_ok=True)
            with (
                Mortal(self._config(at_once), patience=2.0, sleep=lambda _: None) as client,
                SqliteInbox(Path(folder, "inbox.db")) as inbox,
            ):
                made.append(World(shop, webhooks, client, inbox, folder=Path(folder), clock=clock))
                for topic in HOOKS:
                    webhooks.create(topic, "https://copy.example/hooks", secret=SECRET)
                while webhooks.deliver_next():
                    pass
                yield made[0]

    def _config(self, at_once: int) -> ShopConfig:
        return ShopConfig(
            name="shop",
            url=self.url,
            consumer_key=SecretStr(KEY.consumer_key),
            consumer_secret=SecretStr(KEY.consumer_secret),
            ca_file=self.folder / "ca.pem",
            most_at_once=at_once,
        )

    def _first_sync(self) -> Path:
        """Return the folder of a copy that holds the whole shop as it begins; made once, since each would be the same."""
        kept = self.folder / "synced"
        if not kept.exists():
            on_stage = self.app
            with self.world(synced=False) as first:
                first.sync()
                shutil.copytree(first.warehouse.parents[1], kept)
            self.app = on_stage
        return kept


@contextmanager
def open_stage(folder: Path) -> Iterator[Stage]:
    """Serve a stage over HTTPS while a test lasts."""
    stage = Stage(folder)
    app = Starlette(routes=[Mount("/", app=stage)])
    app.state.shop = SimpleNamespace()
    with small_pages(), serve(app, certfile=str(certify(folder))) as url:
        stage.url = url
        yield stage
