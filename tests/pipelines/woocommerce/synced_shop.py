"""A demo shop, a warehouse beside it, and what must be equal between the two after a sync."""

import json
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from pydantic import SecretStr

from demo_shop.changes import Shop
from demo_shop.generate import generate
from demo_shop.model import ApiKey, Order
from demo_shop.server import create_app, serve
from pipelines.woocommerce.sync import SyncOutcome, sync_shop
from regulars.models import ChangeRow, ShopConfig
from regulars.shop.client import ShopClient
from regulars.shop.port import Page, Params

KEY = ApiKey("ck_test", "cs_test")
OVERLAP = timedelta(minutes=10)
LISTED: dict[str, list[dict[str, str | int]]] = {
    "orders": [{"status": "any"}, {"status": "trash"}],
    "customers": [{"role": "all"}],
    "refunds": [{}],
    "products": [{}],
}


def nothing(stage: str, done: int, total: int | None) -> None:
    """Report to nobody."""


class Meddler(ShopClient):
    """A client beside which somebody works in the shop: `then` runs after each page that was read."""

    then: Callable[[str, Params, int], None] | None = None

    def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
        """Read a page, then let the other one act."""
        got = super().page(path, params, page, patience=patience)
        if self.then:
            self.then(path, params, page)
        return got


class Synced:
    """A shop, a client of it and a warehouse."""

    def __init__(self, shop: Shop, client: Meddler, folder: Path) -> None:
        self.shop, self.client = shop, client
        self.warehouse, self.pipelines_dir = folder / "warehouse" / "shop.duckdb", folder / "dlt"
        self._seq = 0
        self._taken: set[int] = set()

    def sync(self, changes: Sequence[ChangeRow] = (), **options: Any) -> SyncOutcome:
        """Sync once."""
        settings = {"report": nothing, **options}
        return sync_shop(
            self.client,
            warehouse=self.warehouse,
            pipelines_dir=self.pipelines_dir,
            shop="shop",
            overlap=OVERLAP,
            changes=changes,
            **settings,
        )

    def asked(self, act: Callable[[], Any]) -> list[tuple[str, str]]:
        """Return (method, path below wc/v3) of what `act` asked the shop."""
        before = len(self.shop.requests_served)
        act()
        served = self.shop.requests_served[before:]
        return [(one.method, one.path.partition("/wc/v3/")[2]) for one in served]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what the warehouse answers."""
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(query).fetchall()

    def held(self) -> dict[str, dict[int, Any]]:
        """Return the live raw rows: {table: {id: body}}."""
        query = (
            "SELECT id, body FROM raw.{table} t WHERE NOT EXISTS (SELECT 1 FROM raw.deletions d WHERE"
            " d.key = '{object}:' || t.id AND d.observed_at >= t.observed_at)"
        )
        return {
            table: {row[0]: json.loads(row[1]) for row in self.rows(query.format(table=table, object=table[:-1]))}
            for table in LISTED
        }

    def truth(self) -> dict[str, dict[int, Any]]:
        """Return what the shop lists now, read from end to end."""
        self.client.then = None
        return {
            table: {
                item["id"]: item
                for params in filters
                for page in self.client.pages(table, {**params, "orderby": "id", "order": "asc"})
                for item in page.items
            }
            for table, filters in LISTED.items()
        }

    def fresh_order(self, owned: bool = False) -> Order:
        """Return a live order that no other test of this shop has taken, with or without an account."""
        return next(
            order
            for order in self.shop.orders.values()
            if order.status in ("processing", "completed")
            and bool(order.customer_id) == owned
            and order.modified < self.shop.now() - 3600
            and order.id not in self._taken
            and not self._taken.add(order.id)
        )

    def stored(self, number: int, table: str = "orders") -> dict[str, Any] | None:
        """Return the live body of a record, None where it is tombstoned or absent."""
        body: dict[str, Any] | None = self.held()[table].get(number)
        return body

    def told(self, topic: str, number: int, body: Any = None, *, received_at: datetime | None = None) -> ChangeRow:
        """Return a change row about record `number`; `body` is bytes, an object, or None for what the shop has now."""
        self._seq += 1
        resource = topic.partition(".")[0]
        if body is None:
            body = self.client.get(f"{resource}s/{number}").items[0]
        return ChangeRow(
            seq=self._seq,
            shop="shop",
            topic=topic,
            resource=resource,
            resource_id=number,
            received_at=received_at or datetime.now(UTC),
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        )


@contextmanager
def synced_shop(
    folder: Path, people: int = 30, seed: int = 1, clock: Callable[[], float] | None = None, port: int = 0
) -> Iterator[Synced]:
    """Serve a generated shop and yield it with an empty warehouse in `folder`; the same arguments make the same shop."""
    options = {"clock": clock} if clock else {}
    shop = generate(people=people, seed=seed, today=date(2026, 6, 1), keys=(KEY,), **options)
    with serve(create_app(shop), port=port) as url, Meddler(config(url)) as client:
        yield Synced(shop, client, folder)


class FirstSync:
    """The warehouse of `synced_shop` as its first sync leaves it, to begin from: that sync takes a second and more.

    Bodies hold the shop's address, so each copy is served on the port of the first.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        with synced_shop(folder, port=port) as one:
            one.sync()
            self._warehouse = one.warehouse

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Iterator["FirstSync"]:
        """Sync once, and keep the port until all are done with it: bound, and listened to by each shop in turn."""
        with socket.socket() as keep:
            keep.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            keep.bind(("127.0.0.1", 0))
            yield cls(folder, keep.getsockname()[1])

    @contextmanager
    def copied(self, folder: Path) -> Iterator[Synced]:
        """Serve the shop anew, and yield it with a copy of the warehouse in `folder`."""
        with synced_shop(folder, port=self._port) as one:
            one.warehouse.parent.mkdir(parents=True)
            shutil.copy2(self._warehouse, one.warehouse)
            yield one


def config(url: str) -> ShopConfig:
    """Return the demo shop's configuration."""
    return ShopConfig(
        name="shop", url=url, consumer_key=SecretStr(KEY.consumer_key), consumer_secret=SecretStr(KEY.consumer_secret)
    )


def differences(held: dict[str, dict[int, Any]], truth: dict[str, dict[int, Any]]) -> dict[str, Iterable[int]]:
    """Return the ids that differ, by table: for a message that can be read.

    A refund's own order stands in its body only where it comes from the list of all refunds.
    """
    for refund in (*held["refunds"].values(), *truth["refunds"].values()):
        refund.pop("parent_id", None)
        refund.pop("_links", None)
    return {
        table: sorted(
            {n for n in held[table].keys() | truth[table].keys() if held[table].get(n) != truth[table].get(n)}
        )
        for table in truth
        if held[table] != truth[table]
    }
