"""Several shops in one `up`: the broken ones are named and hold up nobody."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.running import Place, foreign_shop, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.deep, pytest.mark.timeout(600)]

SHOPS = """
[shops.{name}]
url = "{url}"
consumer_key = "{key}"
consumer_secret = "SOME_SECRET"
webhook_secret = "SOME_HOOK"
"""


@contextmanager
def hanging_port() -> Iterator[str]:
    """Take connections and never answer: the worst way for a shop to be broken."""
    taken: list[socket.socket] = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)

        def take() -> None:
            while True:
                try:
                    taken.append(listening.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for connection in taken:
        connection.close()


def place_of(folder: Path, **urls: str) -> Place:
    """Return a place whose shops.toml has these shops; `half` gets a key that no variable holds."""
    place = Place(folder, SOME_KEY="ck_e2e", SOME_SECRET="cs_e2e", SOME_HOOK="whsec_e2e")
    tables = [
        SHOPS.format(name=name, url=url, key="NO_SUCH_KEY" if name == "half" else "SOME_KEY")
        for name, url in urls.items()
    ]
    (folder / "shops.toml").write_text("".join(tables))
    return place


def test_a_shop_that_hangs_and_half_a_shop_hold_up_nobody(tmp_path: Path) -> None:
    """Two healthy shops are served, synced again and listed while a third hangs and a fourth lacks its key."""
    options = ("--people", "40")
    with (
        foreign_shop(tmp_path / "one", *options, "--seed", "7") as north,
        foreign_shop(tmp_path / "two", *options, "--seed", "8") as south,
        hanging_port() as hanging,
    ):
        place = place_of(tmp_path / "ours", hanging=hanging, half=north, north=north, south=south)
        place.environment["REGULARS_SYNC_CRON"] = "* * * * *"
        with place.running("up") as up:
            up.wait_until_said("Ctrl-C ends everything.", 240)
            assert "'half' has an address but no NO_SUCH_KEY" in up.said()
            wait_for(
                "both are published",
                lambda: all((place.published(one) / "CURRENT").exists() for one in ("north", "south")),
                150,
            )
            before = {shop: place.manifest(shop).version for shop in ("north", "south")}
            wait_for(
                "the minute's pull published both again",
                lambda: all(place.manifest(shop).version != version for shop, version in before.items()),
                240,
            )
            shops = requests.get(place.url("REGULARS_HTTP_PORT", "/api/shops"), timeout=10)
            customers = requests.get(
                place.url("REGULARS_HTTP_PORT", "/api/customers"), params={"shop": "south"}, timeout=10
            )
            assert customers.status_code == 200, shops.text
            assert up.end() == 0
    assert not (place.published("hanging") / "CURRENT").exists()


def test_a_doctor_sees_all_shops_and_a_sync_asks_for_one(tmp_path: Path) -> None:
    """One look tells which of them needs somebody, a hanging one included, in about a minute."""
    with foreign_shop(tmp_path / "one", "--people", "40") as north, hanging_port() as hanging:
        place = place_of(tmp_path / "ours", hanging=hanging, half=north, north=north)
        started = time.monotonic()
        done = place.run("doctor", seconds=100)
        took = time.monotonic() - started
        unnamed = place.run("sync")
        synced = place.run("sync", "--shop", "north")
    assert done.returncode == 1
    assert "north\n" in done.stdout
    assert "no  address: The shop at 127.0.0.1" in done.stdout
    assert "NO_SUCH_KEY" in done.stdout
    assert took < 75
    assert unnamed.returncode == 2
    assert "name one of: half, hanging, north (--shop NAME)" in unnamed.stderr
    assert synced.returncode == 0, synced.stderr
