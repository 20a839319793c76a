"""kill -9 at any moment of a sync, then run again: what is published equals what an unbroken sync publishes."""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from regulars.paths import DataPaths
from regulars.progress import read_progress
from regulars.records import open_records
from regulars.settings import load_settings
from tests.e2e.running import KEY, SECRET, Place, connected

pytestmark = pytest.mark.e2e
SHOP = "shop"
TODAY, AS_OF = date(2026, 11, 20), "2026-11-21"


@pytest.fixture(scope="module")
def shop_url() -> Iterator[str]:
    """Serve one shop that does not change, to the unbroken sync and to the broken ones."""
    with serve(create_app(generate(60, 5, TODAY, keys=(ApiKey(KEY, SECRET),)))) as url:
        yield url


@pytest.fixture(scope="module")
def unbroken(shop_url: str, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return the place of a sync that nobody disturbed."""
    place = Place(tmp_path_factory.mktemp("unbroken"), **connected(shop_url, REGULARS_AS_OF=AS_OF))
    place.data.mkdir()
    with open_records(load_settings(REGULARS_DATA=place.data)) as records:
        records.guest_key()
    shutil.copyfile(DataPaths(place.data).records, place.folder / "records.db")
    assert start(place).wait(120) == 0
    return place


def broken_place(unbroken: Place, folder: Path) -> Place:
    """Return an empty place with the records of the unbroken one: guests' keys are hashed with a key in there."""
    place = Place(folder, **connected(unbroken.environment["WOOCOMMERCE_URL"], REGULARS_AS_OF=AS_OF))
    place.data.mkdir()
    shutil.copyfile(unbroken.folder / "records.db", DataPaths(place.data).records)
    return place


def start(place: Place) -> subprocess.Popen[bytes]:
    """Start the process that `regulars sync` starts."""
    DataPaths(place.data).progress(SHOP).unlink(missing_ok=True)
    command = [sys.executable, "-m", "pipelines.run", "sync", "--shop", SHOP]
    return subprocess.Popen(command, env=place.environment, cwd=place.folder, stdout=subprocess.DEVNULL)


def kill_when(place: Place, moment: Callable[[], bool]) -> int:
    """Start a sync, kill it at the moment, and return its code: -9 where it did not end before."""
    process = start(place)
    while process.poll() is None and not moment():
        time.sleep(0.002)
    process.kill()
    return process.wait(30)


def at_stage(place: Place, stage: str) -> Callable[[], bool]:
    """Return whether the sync has said that it is there."""
    file = DataPaths(place.data).progress(SHOP)

    def there() -> bool:
        progress = read_progress(file)
        return progress is not None and progress.stage == stage

    return there


def assert_same(place: Place, unbroken: Place) -> None:
    """Compare whole tables."""
    ours, theirs = place.tables(SHOP), unbroken.tables(SHOP)
    for name in theirs:
        assert ours[name].equals(theirs[name]), name
    assert place.manifest(SHOP).rows == unbroken.manifest(SHOP).rows


@pytest.mark.deep
def test_killed_while_it_copies(unbroken: Place, tmp_path: Path) -> None:
    """A laptop that is closed, a machine that runs out of memory: the next run must simply go on."""
    place = broken_place(unbroken, tmp_path)

    assert kill_when(place, at_stage(place, "customers")) == -9
    assert not place.published(SHOP).exists()
    assert start(place).wait(120) == 0

    assert_same(place, unbroken)


@pytest.mark.deep
@pytest.mark.parametrize(
    "stage", ["orders", "products", "refunds", "staging orders", "staging customers", "marts", "publishing"]
)
def test_killed_at_each_stage(unbroken: Place, tmp_path: Path, stage: str) -> None:
    """Each stage has its own half-done state to be forgotten or resumed."""
    place = broken_place(unbroken, tmp_path)

    kill_when(place, at_stage(place, stage))
    assert start(place).wait(120) == 0

    assert_same(place, unbroken)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(4))
def test_killed_again_and_again_at_any_moment(unbroken: Place, tmp_path: Path, seed: int) -> None:
    """Nobody chooses the moment; and a run after a kill may be killed as well."""
    place, chance = broken_place(unbroken, tmp_path), random.Random(seed)

    for _ in range(5):
        ends = time.monotonic() + chance.uniform(1.0, 9.0)
        if kill_when(place, lambda ends=ends: time.monotonic() > ends) == 0:
            break
    assert start(place).wait(120) == 0

    assert_same(place, unbroken)
