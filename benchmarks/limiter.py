"""Reading a listing with a level found on the way, beside every fixed number of requests at once.

The shops here have so many cores and need so long a page; what waits for a core makes the others wait, as PHP does. All
ways to read one shop run side by side, each against a shop of its own, so that what else the machine does meets all of
them. The fixed ones are plain threads that ask for page after page; ours is the client and the walk that syncs use, with
its first steps at one request at a time counted in.
"""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import requests
from pydantic import SecretStr

from benchmarks.comparison import MEGABYTE, Comparison
from benchmarks.ground import Ground
from pipelines.woocommerce.listings import ORDERS, resumed
from regulars.models import ShopConfig
from regulars.shop.client import ShopClient

SECONDS = 12.0
WORK = 0.2
FIXED = (1, 2, 4, 8)
TIMEOUT = 60


@dataclass(frozen=True)
class Host:
    """A shop's host: its cores, and by how much each request beyond them slows all of them (swapping, locks)."""

    what: str
    cores: int
    thrashing: float = 0.0


HOSTS = (
    Host("1 core", 1),
    Host("2 cores", 2),
    Host("4 cores", 4),
    Host("2 cores that too many requests slow down", 2, 0.2),
)


def cases(ground: Ground) -> Iterator[Comparison]:  # noqa: ARG001 - nothing of the made-up shop is needed
    """Yield our milliseconds a page beside those of the best fixed level, for each host."""
    for host in HOSTS:
        fixed = {f"{level} at once": by_threads(level) for level in FIXED}
        taken = side_by_side(host, {"ours": ours, **fixed})
        best = min(fixed, key=taken.__getitem__)
        memory = psutil.Process().memory_info().rss / MEGABYTE
        yield Comparison("limiter", f"a page from {host.what}", best, taken["ours"], taken[best], memory)


Read = Callable[[str, float], int]


def side_by_side(host: Host, ways: dict[str, Read]) -> dict[str, float]:
    """Return the milliseconds a page that each way took, all of them reading for `SECONDS`."""

    def one(read: Read) -> float:
        with serving(host) as url:
            return 1000 * SECONDS / max(1, read(url, time.monotonic() + SECONDS))

    with ThreadPoolExecutor(len(ways)) as pool:
        return dict(zip(ways, pool.map(one, ways.values()), strict=True))


def ours(url: str, until: float) -> int:
    """Return how many pages the walk of a sync reads until then."""
    keys = {"consumer_key": SecretStr("ck_bench"), "consumer_secret": SecretStr("cs_bench")}
    shop = ShopConfig(name="bench", url=url, most_at_once=max(FIXED), **keys)
    with ShopClient(shop) as client, closing(resumed(client, ORDERS, 0, None)) as pages:
        return sum(1 for _ in itertools.takewhile(lambda _: time.monotonic() < until, pages))


def by_threads(level: int) -> Read:
    """Return a way to read with so many threads, each with its own connection."""

    def read(url: str, until: float) -> int:
        def pages(first: int) -> int:
            done = 0
            with requests.Session() as session:
                for number in itertools.count(first, level):
                    query = {"per_page": 100, "page": number}
                    session.get(f"{url}/wp-json/wc/v3/orders", params=query, timeout=TIMEOUT).json()
                    if time.monotonic() >= until:
                        return done
                    done += 1
            return done

        with ThreadPoolExecutor(level) as pool:
            return sum(pool.map(pages, range(1, level + 1)))

    return read


@contextmanager
def serving(host: Host) -> Iterator[str]:
    """Serve an endless listing of orders from a host like that on a free port; yield its address."""
    core, lock, under_way = threading.BoundedSemaphore(host.cores), threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in two packets would wait for each other.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            with lock:
                under_way[0] += 1
            with core:
                time.sleep(WORK * (1.0 + host.thrashing * max(0, under_way[0] - host.cores)))
            with lock:
                under_way[0] -= 1
            body = json.dumps([{"id": 1}]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-WP-Total", "1000000")
            self.send_header("X-WP-TotalPages", "10000")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
