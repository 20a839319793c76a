"""The stage on which worlds are played: one server under one address, a certificate of its own, and small pages.

Every listing comes in pages of twenty, so that a shop of a few orders has several of them.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest import mock

import trustme
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from demo_shop.webhooks import HOOKS, Webhooks
from regulars.inbox.sqlite import SqliteInbox
from regulars.models import ShopConfig
from tests.convergence.world import SECRET, Mortal, World

KEY = ApiKey("ck_convergence", "cs_convergence")
TODAY = date(2026, 6, 1)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
SMALL_PAGE = 20
PAGED = (
    "regulars.shop.client",
    "pipelines.woocommerce.listings",
    "pipelines.woocommerce.reads",
    "pipelines.woocommerce.reconcile",
)


def certify(folder: Path) -> Path:
    """Write an authority's certificate (`ca.pem`) and the shop's own, and return the latter: over HTTPS a key needs no clock."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = folder / "shop.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(own))
    return own


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
