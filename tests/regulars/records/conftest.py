"""The adapters that the contract suite runs over, on real files."""

from datetime import UTC, datetime, timedelta

import pytest

from regulars.records.sql import SqlRecords


class Clock:
    """A clock that moves one minute with each look."""

    def __init__(self):
        self.at = datetime(2026, 11, 22, 9, tzinfo=UTC)

    def __call__(self):
        """Return the next minute."""
        self.at += timedelta(minutes=1)
        return self.at


@pytest.fixture(params=["sqlite"])
def open_again(request, tmp_path):
    """A function that opens the same store anew, as another process would."""
    stores = []

    def opened():
        stores.append({"sqlite": SqlRecords}[request.param](tmp_path / "records.db", clock=Clock()))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def records(open_again):
    """An empty store."""
    return open_again()
