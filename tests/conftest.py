"""For every test: a real browser, a real mongod, and where they may not be missing, their absence is a failure."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regulars.settings import Settings, load_settings, process_environment
from tests.chromium import CHROMIUM, missing
from tests.mongod import Mongod, running_mongod, why_not

# Asks nobody for updates: the tests hold that the app itself asks only the loopback address.
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
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """Return the one MongoDB of this run. Who kills it takes a server of its own: `own_mongod`."""
    if why_not():
        pytest.skip(why_not())
    with running_mongod(tmp_path_factory.mktemp("mongod")) as server:
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
    """Return the address of an empty database, dropped after the test."""
    name = f"test_{secrets.token_hex(6)}"
    yield mongod.uri(name)
    with mongod.admin() as client:
        client.drop_database(name)


@pytest.fixture
def mongo_settings(mongo_uri: str, tmp_path: Path) -> Settings:
    """Return settings that keep records and change rows in an empty database."""
    return load_settings(mongodb_uri=mongo_uri, data_dir=tmp_path / "data", _env_file=None)
