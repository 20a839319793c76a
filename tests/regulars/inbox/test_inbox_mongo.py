"""The inbox on a server: away and back, and reading through its indexes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from regulars.errors import InboxUnavailable, NewerSchema, SettingsError
from regulars.inbox import open_inbox
from regulars.inbox.rows import KEY
from regulars.mongo.inbox import MongoInbox
from regulars.mongo.inbox_writing import ROWS
from regulars.settings import Settings
from tests.mongod import Mongod
from tests.regulars.inbox.deliveries import a_delivery, of_order

# The driver gives up after five seconds; slow machines need some more.
GIVEN_UP_SECONDS = 9
SOON = {"serverSelectionTimeoutMS": "500"}


def test_it_opens_while_the_server_is_away_and_works_once_it_is_back(own_mongod: Mongod) -> None:
    """A receiver that ended with the server would have to be started by hand; shops switch such webhooks off."""
    own_mongod.kill()
    with MongoInbox(SecretStr(own_mongod.uri("shop", user="anna:whsec_1", **SOON))) as inbox:
        for call in (inbox.probe, lambda: inbox.commit([of_order(1)]), lambda: inbox.pending("shop", 0)):
            with pytest.raises(InboxUnavailable, match="Is it running") as caught:
                call()
            assert "whsec_1" not in str(caught.value) + repr(inbox)
    with MongoInbox(SecretStr(own_mongod.uri("shop", **SOON))) as inbox:
        with pytest.raises(InboxUnavailable):
            inbox.probe()
        own_mongod.start()
        assert inbox.commit([of_order(1)]) == ["processed"]


def test_a_server_that_goes_and_comes_back_needs_no_new_inbox(own_mongod: Mongod) -> None:
    """Servers are restarted for updates; what was committed before is there, and numbers go on."""
    with MongoInbox(SecretStr(own_mongod.uri("shop"))) as inbox:
        inbox.commit([of_order(1)])
        own_mongod.kill()
        began = time.monotonic()
        with pytest.raises(InboxUnavailable):
            inbox.commit([of_order(2)])
        assert time.monotonic() - began < GIVEN_UP_SECONDS
        own_mongod.start()
        assert inbox.commit([of_order(1), of_order(2)]) == ["duplicate", "processed"]
        assert [row.resource_id for row in inbox.pending("shop", 0)] == [1, 2]


def test_a_server_killed_under_load_lost_nothing_it_acknowledged(own_mongod: Mongod) -> None:
    """With the driver's defaults one write in forty was lost so."""
    acknowledged: list[int] = []
    enough = threading.Event()

    def write(part: int) -> None:
        with MongoInbox(SecretStr(own_mongod.uri("shop", **SOON))) as inbox:
            for number in range(part, 4000, 4):
                try:
                    inbox.commit([of_order(number + 1)])
                except InboxUnavailable:
                    return
                acknowledged.append(number + 1)
                if len(acknowledged) > 100:
                    enough.set()

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, part) for part in range(4)]
        assert enough.wait(60)
        own_mongod.kill()
        for one in writing:
            one.result()
    own_mongod.start()
    with MongoInbox(SecretStr(own_mongod.uri("shop"))) as inbox:
        stored = [row.resource_id for row in inbox.pending("shop", 0)]
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))


def test_an_address_that_cannot_be_read_is_said_at_once() -> None:
    """A typing mistake ends the receiver with a sentence, in place of 503 for ever."""
    with pytest.raises(SettingsError, match="MONGODB_URI"):
        open_inbox(Settings(mongodb_uri=SecretStr("postgres://nowhere"), _env_file=None))


def test_rows_of_a_newer_version_are_refused(mongo_settings: Settings, mongod: Mongod) -> None:
    """We would spoil them."""
    with open_inbox(mongo_settings) as inbox:
        inbox.probe()
    database = str(mongo_settings.mongodb_uri and mongo_settings.mongodb_uri.get_secret_value()).rpartition("/")[2]
    with mongod.admin() as client:
        client[database]["schema_versions"].update_one({"_id": "inbox"}, {"$set": {"version": 99}})
    with open_inbox(mongo_settings) as inbox, pytest.raises(NewerSchema, match="newer"):
        inbox.commit([of_order(1)])


def test_rows_of_version_1_get_the_new_index_after_a_copy(mongo_settings: Settings, mongod: Mongod) -> None:
    """Repeats are asked for by it: without, every batch would fail."""
    with open_inbox(mongo_settings) as inbox:
        inbox.commit([of_order(1, webhook_id="3", delivery_id="d1")])
    name = str(mongo_settings.mongodb_uri and mongo_settings.mongodb_uri.get_secret_value()).rpartition("/")[2]
    with mongod.admin() as client:
        database = client[name]
        database[ROWS].drop_index("delivery")
        database["schema_versions"].update_one({"_id": "inbox"}, {"$set": {"version": 1}})
        with open_inbox(mongo_settings) as inbox:
            assert inbox.commit([of_order(1, webhook_id="3", delivery_id="d1"), of_order(2)]) == [
                "duplicate",
                "processed",
            ]
        assert database[f"{ROWS}_v1"].count_documents({}) == 1
        assert "delivery" in database[ROWS].index_information()


def test_no_list_reads_the_whole_collection(mongo_settings: Settings) -> None:
    """A sensor asks every five seconds, and a month of rows may lie there."""
    assert mongo_settings.mongodb_uri
    with MongoInbox(mongo_settings.mongodb_uri) as inbox:
        inbox.commit([*(of_order(number) for number in range(200)), a_delivery(b"null")])
        rows = inbox._database[ROWS]
        for wanted in (
            {"dead": False, "shop": {"$eq": "shop"}, "_id": {"$gt": 100}},
            {"dead": True, "shop": {"$eq": "shop"}},
            {"object": {"$eq": "shop/order/5"}, "_id": {"$gt": 0}, "dead": False},
            {"received_at": {"$lt": 0}},
        ):
            plan = rows.find(wanted, sort=[("_id", 1)] if "received_at" not in wanted else None).explain()
            stages = str(plan["queryPlanner"]["winningPlan"])
            assert "IXSCAN" in stages, wanted
            assert "COLLSCAN" not in stages, wanted
            assert "'SORT'" not in stages, wanted


def test_repeats_by_their_ids_are_told_by_the_index_alone(mongo_settings: Settings) -> None:
    """The same for what has a webhook's and a delivery's id."""
    assert mongo_settings.mongodb_uri
    with MongoInbox(mongo_settings.mongodb_uri) as inbox:
        inbox.commit([of_order(number, webhook_id="3", delivery_id=f"d{number % 7}") for number in range(1, 100)])
        inbox.commit([of_order(number) for number in range(100, 200)])
        wanted = {"delivery_id": {"$in": ["d1", "d2"]}, "body_sha256": {"$in": [b"1" * 32]}}
        found = inbox._database[ROWS].find(wanted, {"_id": 0, **dict.fromkeys(KEY, 1)}, hint="delivery")
        told = str(found.explain())
        assert "'totalDocsExamined': 0" in told
        assert "COLLSCAN" not in told


def test_repeats_are_told_by_the_index_alone(mongo_settings: Settings) -> None:
    """A batch that had to read the bodies of what an order was before would be slow under load."""
    assert mongo_settings.mongodb_uri
    with MongoInbox(mongo_settings.mongodb_uri) as inbox:
        for minute in range(30):
            inbox.commit([of_order(number, f"2026-11-22T08:{minute:02}:00") for number in range(1, 11)])
        steps = [
            {"$match": {"object": {"$in": ["shop/order/1", "shop/order/2"]}}},
            {"$sort": {"object": 1, "_id": -1}},
            {"$group": {"_id": "$object", "topic": {"$first": "$topic"}, "digest": {"$first": "$body_sha256"}}},
        ]
        told = inbox._database.command(
            "explain",
            {"aggregate": ROWS, "pipeline": steps, "cursor": {}, "hint": "object"},
            verbosity="executionStats",
        )
        assert "COLLSCAN" not in str(told)
        assert "'totalDocsExamined': 0" in str(told)
