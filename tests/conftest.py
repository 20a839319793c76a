"""For every test: a real browser, a real mongod, and where they may not be missing, their absence is a failure."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from regulars.settings import Settings, load_settings, process_environment
from tests.chromium import CHROMIUM, missing
from tests.mongod import Mongod, running_mongod, why_not

# Asks nobody for updates: the tests hold that the app itself asks only the loopback address.
# Making a database writes dozens of files to disk, one after the other: three times as long as in memory.
MEMORY = Path("/dev/shm")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def pytest_configure() -> None:
    """Refuse to start where REQUIRE_CHROMIUM or REQUIRE_MONGOD is set and the tests that need them would skip."""
    if process_environment().get("REQUIRE_CHROMIUM") and missing():
        raise pytest.UsageError(
            f"REQUIRE_CHROMIUM is set and Debian's {missing()} is missing: `make chromium` brings it."
        )
    if process_environment().get("REQUIRE_MONGOD") and why_not():
        raise pytest.UsageError(f"REQUIRE_MONGOD is set. {why_not()}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Debian's Chromium, driven by Playwright."""
    if missing():
        pytest.skip(f"Debian's {missing()} is missing: `apt-get install {missing()}` brings it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def mongod() -> Iterator[Mongod]:
    """Return the one MongoDB of this run. Who kills it takes a server of its own: `own_mongod`."""
    if why_not():
        pytest.skip(why_not())
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2**30  # containers have 64 MB there
    place = MEMORY if roomy else None
    for left in MEMORY.glob("regulars-mongod-*"):  # of a run that was killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    with (
        TemporaryDirectory(dir=place, prefix=f"regulars-mongod-{os.getpid()}-") as folder,
        running_mongod(Path(folder)) as server,
    ):
        yield server


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Mongod]:
    """Return a MongoDB for this test alone, to kill, stop and start."""
    if why_not():
        pytest.skip(why_not())
    with running_mongod(tmp_path / "mongod") as server:
        yield server


@pytest.fixture
def mongo_uri(mongod: Mongod) -> Iterator[str]:
    """Return the address of an empty database; it and others whose names begin alike are dropped after the test."""
    prefix = f"test_{secrets.token_hex(6)}"
    yield mongod.uri(prefix)
    with mongod.admin() as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


@pytest.fixture
def mongo_settings(mongo_uri: str, tmp_path: Path) -> Settings:
    """Return settings that keep records and change rows in an empty database."""
    return load_settings(mongodb_uri=mongo_uri, data_dir=tmp_path / "data", _env_file=None)
