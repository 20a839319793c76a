"""For every test: a real browser, and where it may not be missing, its absence is a failure."""

from collections.abc import Iterator
from typing import Any

import pytest

from regulars.settings import process_environment
from tests.chromium import CHROMIUM, missing

# Asks nobody for updates: the tests hold that the app itself asks only the loopback address.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def pytest_configure() -> None:
    """Refuse to start where REQUIRE_CHROMIUM is set and the browser tests would skip."""
    if process_environment().get("REQUIRE_CHROMIUM") and missing():
        raise pytest.UsageError(
            f"REQUIRE_CHROMIUM is set and Debian's {missing()} is missing: `make chromium` brings it."
        )


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
