"""A first import that is killed asks the shop for little more than one that is not, however often it is killed."""

import random
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.woocommerce.sync import SyncOutcome, sync_shop
from regulars.shop.client import ShopClient
from tests.pipelines.woocommerce.listed_shop import Listed, listed_shop
from tests.pipelines.woocommerce.synced_shop import config, nothing

AT_ONCE = 4
RUN = """
import sys
from pathlib import Path
from tests.pipelines.woocommerce.test_backfill_kills import backfill
backfill(sys.argv[1], Path(sys.argv[2]))
"""


def backfill(url: str, folder: Path) -> SyncOutcome:
    """Sync the shop at `url` into `folder`."""
    with ShopClient(config(url).model_copy(update={"most_at_once": AT_ONCE})) as client:
        return sync_shop(
            client,
            warehouse=folder / "warehouse" / "shop.duckdb",
            pipelines_dir=folder / "dlt",
            shop="shop",
            overlap=timedelta(minutes=10),
            report=nothing,
        )


def killed(shop: Listed, folder: Path, requests: int, seconds: float) -> bool:
    """Start a backfill, kill it -9 `seconds` after so many requests; return whether it was still running."""
    shop.kill_at(requests)
    child = subprocess.Popen([sys.executable, "-c", RUN, shop.url, str(folder)], cwd=Path(__file__).parents[3])
    try:
        while child.poll() is None and not shop.reached.wait(0.05):
            pass
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False
    finally:
        child.kill()
        assert child.wait(30) in (0, -signal.SIGKILL)


def asked_for(shop: Listed, folder: Path) -> int:
    """Sync to the end and return how many requests it took."""
    before = shop.asked
    backfill(shop.url, folder)
    return shop.asked - before


def held(folder: Path) -> list[tuple[int, int, int]]:
    """Return count, distinct ids and highest id of the orders held."""
    with duckdb.connect(str(folder / "warehouse" / "shop.duckdb")) as connection:
        return connection.execute("SELECT count(*), count(DISTINCT id), max(id) FROM raw.orders").fetchall()


def check(folder: Path, *, orders: int, kills: int, seed: int) -> None:
    """Kill a backfill of so many orders at random points, finish it, and compare what both ways asked for."""
    luck = random.Random(seed)
    with listed_shop(orders=orders, customers=250, products=20) as shop:
        unbroken = asked_for(shop, folder / "unbroken")
        before, done = shop.asked, 0
        while done < kills:
            after = luck.randrange(2, max(3, 17 * unbroken // (10 * kills + 10)))
            if not killed(shop, folder / "broken", after, luck.choice([0.0, 0.0, luck.random()])):
                break
            done += 1
        asked_for(shop, folder / "broken")
        broken = shop.asked - before

    assert done >= max(1, kills - 2)  # the last ones may find it at its end
    assert broken <= unbroken + done * (AT_ONCE + 5)
    assert held(folder / "broken") == held(folder / "unbroken") == [(orders, orders, orders)]


def test_a_killed_first_import_asks_for_little_again(tmp_path: Path) -> None:
    """A shop is slow and others shop there: what it answered once must not be asked for again after a power cut."""
    check(tmp_path, orders=1_500, kills=2, seed=1)


@pytest.mark.deep
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [5])
def test_a_large_first_import_may_be_killed_twenty_times(tmp_path: Path, seed: int) -> None:
    """An import of hours on a laptop that is closed, a machine that updates itself, a process that is out of memory."""
    check(tmp_path, orders=100_000, kills=20, seed=seed)
