"""A shop that fails: one clear message, exit code 1, and the last published data stay as they were."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

from demo_shop.changes import Shop
from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from tests.e2e.running import KEY, SECRET, Place, connected

pytestmark = pytest.mark.e2e
SHOP = "shop"
PAGE = b"<!doctype html><html><head><title>Just a moment</title></head><body>Checking your browser</body></html>"


class Outcome(NamedTuple):
    """What a sync did: the place it ran in, how it ended, how long it took."""

    place: Place
    done: subprocess.CompletedProcess[str]
    seconds: float


def a_shop() -> Shop:
    """Return a small shop that answers to our key."""
    return generate(12, 3, date(2026, 11, 20), keys=(ApiKey(KEY, SECRET),))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a place where a sync went well."""
    with serve(create_app(a_shop())) as url:
        place = Place(tmp_path_factory.mktemp("good"), **connected(url))
        assert place.run("sync").returncode == 0
    return place


@contextmanager
def failing(fault: str | None = None, **options: int | str) -> Iterator[str]:
    """Serve a shop with a fault."""
    shop = a_shop()
    if fault:
        shop.faults.add(fault, times=1_000, **options)
    with serve(create_app(shop)) as url:
        yield url


@contextmanager
def untidy() -> Iterator[str]:
    """Serve a shop that asks to be left alone for a second, once, and then writes a warning before every answer."""
    shop = a_shop()
    shop.faults.add("maintenance", path="wc/v3/orders", retry_after=1)
    shop.faults.add("warning", times=1_000)
    with serve(create_app(shop)) as url:
        yield url


@contextmanager
def nobody() -> Iterator[str]:
    """Give an address at which nothing listens, and keep others from listening there."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=UTF-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def page_for_people() -> Iterator[str]:
    """Serve a page for people at every address, as a firewall in front of a shop does."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# The one that waits longest comes first: they run three at a time.
FAULTS: dict[str, tuple[Callable[[], object], str, str]] = {
    "unreachable": (nobody, "", SECRET),
    "wrong secret": (failing, "", "cs_wrong"),
    "long maintenance": (lambda: failing("maintenance", retry_after=3_600, path="wc/v3"), "", SECRET),
    "a page for people": (page_for_people, "", SECRET),
    "untidy": (untidy, "", SECRET),
    "wrong path": (failing, "/blog", SECRET),
}


@pytest.fixture(scope="module")
def outcomes(good: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Sync against every failing shop, each on a copy of the good data."""

    def sync(name: str) -> Outcome:
        serving, path, secret = FAULTS[name]
        folder = tmp_path_factory.mktemp("fault")
        shutil.copytree(good.data, folder / "data")
        with serving() as url:
            place = Place(folder, **connected(url + path, WOOCOMMERCE_CONSUMER_SECRET=secret))
            started = time.monotonic()
            return Outcome(place, place.run("sync", seconds=200), time.monotonic() - started)

    with ThreadPoolExecutor(3) as pool:
        return dict(zip(FAULTS, pool.map(sync, FAULTS), strict=True))


MESSAGES = {
    "unreachable": ("cannot be reached: no connection", "Trying again may help."),
    "wrong secret": ("The shop refused", "401", "The key, its secret or its permission"),
    "long maintenance": ("503", "it wants us back in 3600 s"),
    "a page for people": ("is not JSON", 'text/html titled "Just a moment"'),
    "wrong path": ("No WooCommerce REST API answers", "404", "Check that WOOCOMMERCE_URL is the shop's home address"),
}


@pytest.mark.parametrize("fault", MESSAGES)
def test_the_message_says_what_is_wrong_in_one_line_and_the_code_is_1(outcomes: dict[str, Outcome], fault: str) -> None:
    """A shop owner must be able to act on it; a traceback helps nobody, and a secret in it harms."""
    done = outcomes[fault].done

    assert done.returncode == 1
    assert done.stdout.count("Traceback") == done.stderr.count("Traceback") == 0
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    for part in MESSAGES[fault]:
        assert part in lines[0]
    assert not [secret for secret in (KEY, SECRET, "cs_wrong", "oauth_") if secret in done.stdout + done.stderr]


@pytest.mark.parametrize("fault", MESSAGES)
def test_what_was_published_stays_readable_as_it_was(outcomes: dict[str, Outcome], good: Place, fault: str) -> None:
    """A shop that is down must not take the customer list with it."""
    place = outcomes[fault].place

    assert place.manifest(SHOP) == good.manifest(SHOP)
    for name, table in place.tables(SHOP).items():
        assert table.equals(good.table(SHOP, name)), name


def test_what_passes_or_can_be_skipped_does_not_stop_a_sync(outcomes: dict[str, Outcome]) -> None:
    """A plugin's warning before the JSON and a moment's maintenance are everyday life in a shop."""
    outcome = outcomes["untidy"]

    assert outcome.done.returncode == 0, outcome.done.stderr
    assert "Traceback" not in outcome.done.stderr
    assert outcome.place.manifest(SHOP).rows["orders"] == len(a_shop().orders)


def test_a_shop_that_names_a_late_hour_is_not_waited_for(outcomes: dict[str, Outcome]) -> None:
    """Waiting an hour would hold the shop's warehouse; the next scheduled pull comes by itself."""
    assert outcomes["long maintenance"].seconds < 30
