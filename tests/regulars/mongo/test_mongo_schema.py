"""Versions of the database's parts: made once, migrated after a copy, refused where newer."""

import threading

import pytest
from pydantic import SecretStr
from pymongo import ASCENDING, IndexModel

from regulars.errors import NewerSchema, RecordsUnavailable
from regulars.mongo.records import MongoRecords
from regulars.mongo.rows import PART
from regulars.mongo.schema import VERSIONS, Part
from regulars.mongo.store import MongoStore

BY_SHOP = IndexModel([("shop", ASCENDING)], name="by_shop")


class Things(MongoStore):
    """A part of the tests' own: `things` with a `size`."""

    def __init__(self, uri, part):
        super().__init__(SecretStr(uri), part, RecordsUnavailable)

    def rows(self, name="things"):
        """Return the documents of a collection."""
        return list(self._database[name].find({}, {"_id": 0}))

    def put(self, *rows):
        """Insert documents."""
        self._database["things"].insert_many([dict(row) for row in rows])

    def version(self):
        """Return what the database says its version is."""
        return self._database[VERSIONS].find_one({"_id": "things"})["version"]


def twice(database, session):
    """Double every size."""
    database["things"].update_many({}, {"$mul": {"size": 2}}, session=session)


def fails(database, session):
    """Do half of something."""
    database["things"].update_many({}, {"$set": {"size": -1}}, session=session)
    raise ZeroDivisionError


OLD = Part("things", 1, {"things": ()})
NEW = Part("things", 2, {"things": (BY_SHOP,), "boxes": ()}, {1: twice})


@pytest.fixture
def old_uri(mongo_uri):
    """The address of a database whose part is of version 1 and has two documents."""
    with Things(mongo_uri, OLD) as things:
        things.put({"shop": "s", "size": 1}, {"shop": "s", "size": 2})
    return mongo_uri


def test_an_older_part_is_migrated_after_a_copy(old_uri):
    """Nothing old breaks, and the way back stays open; what the new version has besides is made."""
    with Things(old_uri, NEW) as things:
        assert things.version() == 2
        assert [row["size"] for row in things.rows()] == [2, 4]
        assert [row["size"] for row in things.rows("things_v1")] == [1, 2]
        assert "by_shop" in things._database["things"].index_information()
        assert set(things._database.list_collection_names()) == {VERSIONS, "things", "things_v1", "boxes"}


def test_several_steps_lead_from_the_oldest_version(old_uri):
    """Who skipped a release must arrive all the same."""
    with Things(old_uri, Part("things", 3, {"things": ()}, {1: twice, 2: twice})) as things:
        assert (things.version(), [row["size"] for row in things.rows()]) == (3, [4, 8])


def test_a_migration_that_fails_leaves_the_old_version(old_uri):
    """The next start, or the older Regulars, goes on from where it was."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            Things(old_uri, Part("things", 2, {"things": ()}, {1: fails}))
    with Things(old_uri, OLD) as things:
        assert (things.version(), [row["size"] for row in things.rows()]) == (1, [1, 2])


def test_processes_that_start_at_once_migrate_once(old_uri):
    """App, API and Dagster start together; a step that ran twice would be wrong."""
    opened, barrier = [], threading.Barrier(4)

    def start():
        barrier.wait()
        with Things(old_uri, NEW) as things:
            opened.append((things.version(), sorted(row["size"] for row in things.rows())))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert opened == [(2, [2, 4])] * 4
    with Things(old_uri, NEW) as things:
        assert sorted(row["size"] for row in things.rows("things_v1")) == [1, 2]
        assert not [name for name in things._database.list_collection_names() if "_copy_" in name]


def test_a_newer_part_is_refused_untouched(mongo_uri):
    """An older Regulars must not write into what it does not understand."""
    with MongoRecords(SecretStr(mongo_uri)) as records:
        records._database[VERSIONS].update_one({"_id": "records"}, {"$set": {"version": 99}})
        with pytest.raises(NewerSchema, match=r"records in MongoDB .* newer Regulars .* 99"):
            MongoRecords(SecretStr(mongo_uri))
        assert records._database["notes"].count_documents({}) == 0


def test_parts_have_versions_of_their_own(old_uri):
    """Records must not be migrated because the serving collections changed."""
    with MongoRecords(SecretStr(old_uri)) as records, Things(old_uri, NEW) as things:
        versions = {row["_id"]: row["version"] for row in records._database[VERSIONS].find()}
        assert versions == {"records": PART.version, "things": 2}
        assert things.rows("things_v1")
