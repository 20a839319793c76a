"""The adapters that the contract suite runs over, on real stores."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from regulars.mongo.records import MongoRecords
from regulars.mongo.rows import STATE, STATE_ID
from regulars.mongo.schema import VERSIONS
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


def on_mongo(request, tmp_path, name):
    """Return a function that opens the database of that name, emptied before the test opens it first."""
    mongod = request.getfixturevalue("mongod")
    database = f"contract_{name}"
    with mongod.admin() as client:
        for collection in client[database].list_collection_names():
            if collection not in (VERSIONS, STATE):  # to make a database anew takes ten times as long
                client[database][collection].delete_many({})
        client[database][STATE].replace_one({"_id": STATE_ID}, {"turn": 0, "change_token": 0})
    return lambda: MongoRecords(SecretStr(mongod.uri(database)), clock=Clock())


# How to open a store by its name: each takes the test's request, a folder, and a name that tells two stores apart.
ADAPTERS = {"sqlite": on_sqlite, "mongo": on_mongo}


@pytest.fixture
def stores(request, tmp_path):
    """A function that opens the store `name` of an adapter, as another process would; all are closed in the end."""
    opened, ways = [], {}

    def open_store(adapter, name):
        if (adapter, name) not in ways:
            ways[adapter, name] = ADAPTERS[adapter](request, tmp_path, name)
        opened.append(ways[adapter, name]())
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
