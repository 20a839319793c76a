"""For every test: where no browser may be missing, its absence is a failure."""

from pathlib import Path

import pytest

from regulars.settings import process_environment

CHROMIUM = Path("/usr/bin/chromium")


def pytest_configure() -> None:
    """Refuse to start where REQUIRE_CHROMIUM is set and the browser tests would skip."""
    if process_environment().get("REQUIRE_CHROMIUM") and not CHROMIUM.exists():
        raise pytest.UsageError(f"REQUIRE_CHROMIUM is set and {CHROMIUM} is missing: `make chromium` brings it.")
