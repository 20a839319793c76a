"""A sync that is killed at any moment, then run again, ends where an unbroken one ends."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from regulars.errors import WarehouseBusy
from tests.pipelines.woocommerce.synced_shop import KEY, Synced, differences, synced_shop

RUN = """
import sys
from datetime import timedelta
from pathlib import Path
from pydantic import SecretStr
from pipelines.woocommerce import progress
from pipelines.woocommerce.sync import sync_shop
from regulars.models import ShopConfig
from regulars.shop.client import ShopClient
progress.SLICE_PAGES = 1
url, key, secret, warehouse, pipelines_dir = sys.argv[1:]
shop = ShopConfig(name="shop", url=url, consumer_key=SecretStr(key), consumer_secret=SecretStr(secret))
with ShopClient(shop) as client:
    sync_shop(client, warehouse=Path(warehouse), pipelines_dir=Path(pipelines_dir), shop="shop",
              overlap=timedelta(minutes=10), report=lambda *_: None)
"""


def start(synced: Synced) -> subprocess.Popen[bytes]:
    """Start a sync in a process of its own, committing after every page."""
    places = [str(synced.warehouse), str(synced.pipelines_dir)]
    command = [sys.executable, "-c", RUN, synced.client._shop.url, KEY.consumer_key, KEY.consumer_secret, *places]
    return subprocess.Popen(command, cwd=Path(__file__).parents[3])


def kill_after(synced: Synced, requests: int, seconds: float) -> bool:
    """Kill a sync -9 `seconds` after its `requests`th request; return whether it was still running."""
    goal, deadline = len(synced.shop.requests_served) + requests, time.monotonic() + 120
    child = start(synced)
    while child.poll() is None and len(synced.shop.requests_served) < goal:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    at = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < at:
        time.sleep(0.01)
    running = child.poll() is None
    if running:
        os.kill(child.pid, signal.SIGKILL)
    assert child.wait(30) in (0, -signal.SIGKILL)
    return running


def check(synced: Synced) -> None:
    """Finish the sync and compare the copy with the shop."""
    synced.sync()
    assert differences(synced.held(), synced.truth()) == {}
    for table in ("orders", "customers", "refunds", "products"):
        assert synced.rows(f"SELECT count(*) - count(DISTINCT id) FROM raw.{table}") == [(0,)]
    assert synced.sync().rows == {}


def test_a_killed_first_sync_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    """Power fails; nobody should have to know what a half-loaded package is."""
    with synced_shop(tmp_path, people=60) as synced:
        assert kill_after(synced, requests=3, seconds=0.6)
        assert kill_after(synced, requests=2, seconds=0.3)
        check(synced)


def test_a_warehouse_that_another_process_has_open_is_named_busy(tmp_path: Path) -> None:
    """DuckDB lets nobody in beside a writer, and says so with a path and a process number in the middle."""
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with synced_shop(tmp_path, people=5) as synced:
        synced.warehouse.parent.mkdir(parents=True)
        command = [sys.executable, "-c", hold, str(synced.warehouse)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(WarehouseBusy) as raised:
                synced.sync()
            assert raised.value.retry
            holder.communicate(b"")
        synced.sync()
        assert differences(synced.held(), synced.truth()) == {}


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_kills_changes_nothing(tmp_path: Path, seed: int) -> None:
    """The shop goes on selling between the kills, and the moment of each is left to chance."""
    luck = random.Random(seed)
    with synced_shop(tmp_path, people=120, seed=seed) as synced:
        for _ in range(10):
            kill_after(synced, requests=luck.randrange(1, 8), seconds=luck.random() * 2)
            orders = [number for number, order in synced.shop.orders.items() if order.status != "trash"]
            synced.shop.edit_order(luck.choice(orders), status="on-hold")
            synced.shop.trash_order(luck.choice(orders))
            synced.shop.place_order(0)
        check(synced)
