"""A real browser for the end-to-end tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import CHROMIUM


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Debian's Chromium, driven by Playwright, asking nobody for updates."""
    if not CHROMIUM.exists():
        pytest.skip("chromium is missing: `apt-get install chromium` brings it")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=quiet)
        yield chromium
        chromium.close()
