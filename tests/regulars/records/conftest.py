"""The adapters that the contract suite runs over, on real stores."""

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


def on_sqlite(request, tmp_path, name):
    """Return a function that opens the file of that name."""
    return lambda: SqlRecords(tmp_path / f"{name}.db", clock=Clock())


# How to open a store by its name: each takes the test's request, a folder, and a name that tells two stores apart.
ADAPTERS = {"sqlite": on_sqlite}


@pytest.fixture
def stores(request, tmp_path):
    """A function that opens the store `name` of an adapter, as another process would; all are closed in the end."""
    opened = []

    def open_store(adapter, name):
        opened.append(ADAPTERS[adapter](request, tmp_path, name)())
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture(params=ADAPTERS)
def open_again(request, stores):
    """A function that opens the same store anew."""
    return lambda: stores(request.param, "records")


@pytest.fixture
def records(open_again):
    """An empty store."""
    return open_again()


@pytest.fixture(params=ADAPTERS)
def other(request, stores):
    """An empty store of any adapter beside `records`."""
    return stores(request.param, "other")
