"""From a webhook's POST to the published marts that hold it, beside a job that does nothing, in the same daemon.

Everything runs as `regulars up` starts it: receiver, Dagster's daemon, web server and code server. The shop behind it is
a stand-in that knows itself and nothing else: the order that is posted is a guest's, so nothing has to be asked for.
"""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

import orjson
import psutil
import requests

from benchmarks.comparison import MEGABYTE, Comparison
from benchmarks.empty_job import ASKED, DONE
from benchmarks.extract_ours import batches, nobody
from benchmarks.ground import Ground
from benchmarks.woo import FIRST_ID, order_pages
from pipelines.assets.staging import stage_shop
from pipelines.warehouse import Warehouse
from pipelines.woocommerce.journal import Journal
from pipelines.woocommerce.progress import Batch, Mark, slices
from pipelines.woocommerce.source import Loader
from regulars.dagster_home import make_dagster_home
from regulars.directory.layout import current_manifest
from regulars.paths import DataPaths
from regulars.processes import Children, start_process, wait_for_http, wait_until
from regulars.settings import process_environment

SHOP = "bench"
SECRET = "whsec_bench"
ORDERS_A_PULLED = 5  # 100,000 orders where nothing is said
MOST_REPEATS = 5
PATIENCE = 180.0
INDEX = {"name": "Bench", "url": "", "home": "", "timezone_string": "Europe/Berlin", "gmt_offset": 1}


class Silent(BaseHTTPRequestHandler):
    """A shop that says who it is, and that it has nothing else."""

    def do_GET(self) -> None:
        """Answer with the index, or with an empty list."""
        index = self.path.partition("?")[0].endswith("/wp-json/")
        body = orjson.dumps({**INDEX, "namespaces": ["wc/v3"]} if index else [])
        self.send_response(200)
        for name, value in (("X-WP-Total", "0"), ("X-WP-TotalPages", "0"), ("Content-Type", "application/json")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Say nothing."""


@contextmanager
def silent_shop() -> Iterator[str]:
    """Serve the stand-in on a free port and yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def cases(ground: Ground) -> Iterator[Comparison]:
    """Yield how long a delivery takes to the screen, beside Dagster's own share of it."""
    orders = ground.pulled * ORDERS_A_PULLED
    with ExitStack() as ends:
        folder = Path(ends.enter_context(TemporaryDirectory(prefix="regulars-bench-freshness-")))
        house = House(folder, ends.enter_context(silent_shop()))
        house.fill(orders)
        ends.enter_context(house.running())
        house.deliver()  # the first run of each writes what later ones find there
        house.empty()
        turns = [(house.deliver(), house.empty()) for _ in range(min(ground.repeats, MOST_REPEATS))]
    ours, theirs = (median(seconds) for seconds in zip(*turns, strict=True))
    what = f"webhook POST to published marts, {orders:,} orders"
    memory = psutil.Process().memory_info().rss / MEGABYTE
    yield Comparison("freshness", what, "an empty Dagster job", ours, theirs, memory, "s")


class House:
    """A data folder with a shop in it, and the processes that serve it."""

    def __init__(self, folder: Path, url: str) -> None:
        self._paths, self._url = DataPaths(folder), url
        self._ports = {name: free_port() for name in ("HTTP", "DAGSTER")}
        self._sent = 0
        self._environment = process_environment(
            WOOCOMMERCE_URL=url,
            WOOCOMMERCE_CONSUMER_KEY="ck_bench",
            WOOCOMMERCE_CONSUMER_SECRET="cs_bench",
            WOOCOMMERCE_WEBHOOK_SECRET=SECRET,
            REGULARS_SHOP=SHOP,
            REGULARS_DATA=str(folder),
            REGULARS_SYNC_CRON="0 0 1 1 *",  # nothing but deliveries
            REGULARS_RECONCILE_CRON="0 0 1 1 *",
            DAGSTER_HOME=str(make_dagster_home(self._paths.dagster)),
            PYTHONDONTWRITEBYTECODE="",  # what is imported is compiled once, as everywhere where nobody forbids it
            **{f"REGULARS_{name}_PORT": str(port) for name, port in self._ports.items()},
        )

    def fill(self, orders: int) -> None:
        """Put a shop of so many orders into the warehouse, read to its end, and publish it."""
        warehouse, read = Warehouse(self._paths.warehouse(SHOP)), Mark(complete=True, counted=True)
        loader = Loader(warehouse.path, self._paths.dlt, SHOP)
        everything = (Batch(read, batch.rows) for batch in batches(orders))
        for part in slices(everything, Journal(self._paths.dlt / f"{SHOP}.journal"), loader.mark()):
            loader.load(part)
        now = datetime.now(UTC).isoformat()
        said = {"shop_name": "Bench", "timezone": "Europe/Berlin", "change_seq": 0, "synced_at": now, "sync": {}}
        warehouse.remember(url=self._url, **said)
        stage_shop(warehouse, nobody)
        command = ["-m", "pipelines.run", "derive", "--shop", SHOP]
        with (self._paths.root / "derive.log").open("wb") as log:
            process = start_process(command, self._environment, stdout=log, stderr=log)
        assert process.wait(PATIENCE) == 0, log.name

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run receiver and Dagster, with the empty job beside the product's."""
        home, dagster = "http://127.0.0.1", str(self._ports["DAGSTER"])
        with Children(self._paths.logs, self._environment) as children:
            receiver = children.start("http", ["-m", "webhook_receiver"])
            modules = ["-m", "pipelines.definitions", "-m", "benchmarks.empty_job"]
            server = children.start("dagster", ["-m", "dagster", "dev", *modules, "-h", "127.0.0.1", "-p", dagster])
            wait_for_http(receiver, f"{home}:{self._ports['HTTP']}/healthz", PATIENCE)
            wait_for_http(server, f"{home}:{dagster}/server_info", PATIENCE)
            yield

    def deliver(self) -> float:
        """Post a changed order and return the seconds until it is published."""
        self._sent += 1
        order = orjson.loads(next(order_pages(self._sent + 1)))[1]
        modified = datetime.now(UTC).isoformat(timespec="seconds").removesuffix("+00:00")
        number = FIRST_ID + 1_000_000_000 + self._sent
        body = json.dumps(
            {**order, "id": number, "customer_id": 0, "refunds": [], "date_modified_gmt": modified}
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "X-WC-Webhook-Topic": "order.created",
            "X-WC-Webhook-Resource": "order",
            "X-WC-Webhook-Event": "created",
            "X-WC-Webhook-ID": "1",
            "X-WC-Webhook-Delivery-ID": uuid4().hex,
            "X-WC-Webhook-Source": self._url,
            "X-WC-Webhook-Signature": base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode(),
        }
        before = self._published()
        address = f"http://127.0.0.1:{self._ports['HTTP']}/api/customers/webhooks"
        started = time.perf_counter()
        requests.post(address, data=body, headers=headers, timeout=30).raise_for_status()
        return waited(started, lambda: self._published() > before)

    def empty(self) -> float:
        """Ask for the empty job and return the seconds until its op has run."""
        (self._paths.root / DONE).unlink(missing_ok=True)
        started = time.perf_counter()
        file = self._paths.root / f"{ASKED}.new"
        file.write_text(uuid4().hex)
        file.replace(self._paths.root / ASKED)
        return waited(started, (self._paths.root / DONE).exists)

    def _published(self) -> int:
        manifest = current_manifest(self._paths.published(SHOP))
        return manifest.change_seq if manifest else -1


def waited(started: float, holds: Callable[[], bool]) -> float:
    """Return the seconds since `started` at which `holds()` became true."""
    assert wait_until(holds, PATIENCE, every=0.05), "nothing happened; the logs lie in the data folder"
    return time.perf_counter() - started


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
