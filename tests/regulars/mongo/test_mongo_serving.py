"""Bringing the serving collections to a published version."""

import os
import secrets
import signal
import subprocess
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pymongo
import pytest
from bson.decimal128 import Decimal128
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from regulars.directory.layout import versions
from regulars.errors import DataFolderError, DirectoryUnavailable, SettingsError
from regulars.mongo import serving as module
from regulars.mongo.serving import CUSTOMERS, ORDERS, PART, SEGMENTS, STATE, MirrorOutcome, Serving, mirror
from regulars.settings import Settings
from tests.mongod import Mongod
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, a_line, a_person, a_refund, an_order, publish_people
from tests.regulars.mongo.crowd import a_crowd, bought_by, publish_crowd

ROOT = Path(__file__).parents[3]


def contents(uri: str, shop: str = SHOP) -> dict[str, list[dict[str, Any]]]:
    """Return the documents of a shop by collection, in the order of their `_id`."""
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        database = client.get_default_database()
        return {
            name: list(database[name].find({"_id": {"$regex": f"^{shop}/"}}, sort=[("_id", 1)]))
            for name in (CUSTOMERS, ORDERS, SEGMENTS)
        }


def mirrored(uri: str, folder: Path, version: str, shop: str = SHOP) -> MirrorOutcome:
    """Mirror a version and return the outcome."""
    with Serving(SecretStr(uri)) as serving:
        return serving.mirror(shop, folder, version)


def test_documents_hold_what_was_published(mongo_uri: str, tmp_path: Path) -> None:
    """Other programs read these collections: names, kinds of values and references are a contract."""
    buyer = a_buyer(1, net="12.5", billing={"city": "Ærø"}, segments=["vip"])
    order = an_order(7, "woo:1", total="40", coupons=["ten"])
    version = publish_people(
        tmp_path,
        [buyer, a_person(2)],
        orders=[order],
        order_lines=[a_line(7, 70)],
        refunds=[a_refund(9, 7, "woo:1", "1.5")],
        segments=[{"shop": SHOP, "segment_id": "vip", "name": "VIP", "rule": "net > 10", "people": 1}],
        segment_members=[{"shop": SHOP, "segment_id": "vip", "customer_key": "woo:1"}],
    )
    assert mirrored(mongo_uri, tmp_path, version).upserted == 4
    stored = contents(mongo_uri)
    first, second = stored[CUSTOMERS]
    assert (first["_id"], first["shop"], first["name"], first["email"]) == (
        "demo/woo:1",
        SHOP,
        "First1 Last1",
        "person1@example.com",
    )
    assert first["net"] == Decimal128("12.500000")
    assert first["last_order_at"].replace(tzinfo=AS_OF.tzinfo) == buyer["last_order_at"]
    assert (first["billing"]["city"], first["segments"], first["currencies"][0]["currency"]) == ("Ærø", ["vip"], "EUR")
    assert (second["currency"], second["currencies"], second["rfm_rank"]) == (None, [], None)
    [sold] = stored[ORDERS]
    assert (sold["_id"], sold["customer"], sold["coupons"]) == ("demo/7", "demo/woo:1", ["ten"])
    assert [line["name"] for line in sold["lines"]] == ["Green tea"]
    assert [refund["amount"] for refund in sold["refunds"]] == [Decimal128("1.500000")]
    [segment] = stored[SEGMENTS]
    assert (segment["_id"], segment["people"], segment["net"]) == (
        "demo/vip",
        1,
        [{"currency": "EUR", "net": Decimal128("12.500000")}],
    )


def test_only_what_changed_is_written(mongo_uri: str, tmp_path: Path) -> None:
    """Syncs come every few minutes, and a shop may have a million people."""
    people = [a_buyer(number) for number in range(1, 6)]
    orders = [an_order(number, "woo:1") for number in range(1, 6)]
    lines = [a_line(number, 10 * number) for number in range(1, 6)]
    first = publish_people(tmp_path, people, orders=orders, order_lines=lines)
    assert mirrored(mongo_uri, tmp_path, first).upserted == 10
    people[0] |= {"phone": "1"}
    lines[2] |= {"name": "Black tea"}
    second = publish_people(
        tmp_path, people[:4], orders=orders[:4], order_lines=lines[:4], refunds=[a_refund(1, 2, "woo:1", "1")]
    )
    outcome = mirrored(mongo_uri, tmp_path, second)
    assert (outcome.upserted, outcome.deleted) == (3, 2)
    stored = contents(mongo_uri)
    assert (stored[CUSTOMERS][0]["phone"], stored[ORDERS][2]["lines"][0]["name"]) == ("1", "Black tea")
    assert [document["_id"] for document in stored[ORDERS]] == [f"demo/{number}" for number in range(1, 5)]


def test_the_same_version_again_is_nothing_to_do(mongo_uri: str, tmp_path: Path) -> None:
    """A publish that was repeated after a failure asks again."""
    version = publish_crowd(tmp_path)
    mirrored(mongo_uri, tmp_path, version)
    outcome = mirrored(mongo_uri, tmp_path, version)
    assert (outcome.upserted, outcome.deleted) == (0, 0)


def test_shops_beside_each_other_are_left_alone(mongo_uri: str, tmp_path: Path) -> None:
    """One shop's name may begin like another's, and both have an order 1000."""
    for shop in ("demo", "demo2"):
        mirrored(mongo_uri, tmp_path / shop, publish_crowd(tmp_path / shop), shop)
    before = contents(mongo_uri, "demo2")
    mirrored(mongo_uri, tmp_path / "demo", publish_people(tmp_path / "demo", [a_person(1)]))
    assert contents(mongo_uri, "demo2") == before
    assert [document["_id"] for document in contents(mongo_uri)[CUSTOMERS]] == ["demo/woo:1"]


changes = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 30), st.booleans()), min_size=1, max_size=4)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=changes)
def test_any_way_to_a_version_ends_at_the_same_documents(mongod: Mongod, tmp_path: Path, steps: Any) -> None:
    """What was compared is as if everything had been written: nothing is forgotten, nothing left behind."""
    folder, name = tmp_path / secrets.token_hex(4), f"test_{secrets.token_hex(6)}"
    try:
        for seed, left_out, prune in steps:
            people = [person for person in a_crowd(seed) if person["woocommerce_id"] != 100 + left_out]
            version = publish_people(folder, people, keep=1 if prune else 9, **bought_by(people, seed))
            mirrored(mongod.uri(name), folder, version)
        mirrored(mongod.uri(f"{name}_fresh"), folder, version)
        assert contents(mongod.uri(name)) == contents(mongod.uri(f"{name}_fresh"))
    finally:
        with mongod.admin() as client:
            client.drop_database(name)
            client.drop_database(f"{name}_fresh")


@pytest.mark.parametrize("column", ["first_name", "billing", "segments", "currency", "created_at", "net", "deleted_at"])
def test_a_change_in_any_kind_of_column_is_seen(mongo_uri: str, tmp_path: Path, column: str) -> None:
    """Absent and empty are two things: an address of nothing but gaps, and none."""
    empty = {"billing": dict.fromkeys(("city", "email")), "segments": [], "first_name": "", "net": Decimal(0)}
    values = [None, empty.get(column)] if column in ("billing", "segments", "first_name") else [None]
    more = {"billing": {"city": "x"}, "segments": ["a"], "first_name": "x", "currency": "SEK", "net": Decimal(1)}
    values.append(more.get(column, AS_OF - timedelta(seconds=1)))
    if column == "net":
        values[0] = Decimal(0)
    for value in values:
        version = publish_people(tmp_path, [a_buyer(1, **{column: value})])
        assert mirrored(mongo_uri, tmp_path, version).upserted >= 1, value


def test_a_mirror_that_fails_half_way_is_repaired_by_the_next(
    mongo_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes in the middle of it; readers keep to the files until everything is right again."""
    first, second = publish_crowd(tmp_path, seed=1), publish_crowd(tmp_path, seed=2)
    mirrored(mongo_uri, tmp_path, first)

    def broken(*_: object) -> Any:
        raise pymongo.errors.AutoReconnect("connection closed")

    with monkeypatch.context() as patched:
        patched.setattr(module, "order_chunks", broken)
        with pytest.raises(DirectoryUnavailable):
            mirrored(mongo_uri, tmp_path, second)
    with Serving(SecretStr(mongo_uri)) as serving:
        assert serving.mirrored(SHOP) is None
        third = publish_crowd(tmp_path, seed=1)
        serving.mirror(SHOP, tmp_path, third)
        assert serving.mirrored(SHOP) == third
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        repaired = contents(mongo_uri)
        client.drop_database(client.get_default_database().name)
    mirrored(mongo_uri, tmp_path, third)
    assert contents(mongo_uri) == repaired


MIRROR = (
    "import sys; from pathlib import Path; from pydantic import SecretStr; from regulars.mongo import serving, "
    "serving_chunks; serving.WRITE_AT_ONCE = 5; serving_chunks.PEOPLE_AT_ONCE = serving_chunks.ORDERS_AT_ONCE = 10; "
    "serving.Serving(SecretStr(sys.argv[1])).mirror('demo', Path(sys.argv[2]), sys.argv[3])"
)


def killed_again_and_again(uri: str, folder: Path, kills: int) -> None:
    """Kill mirrors of ever other versions at some moment of their writing, then let one end."""
    for kill in range(kills):
        version = publish_crowd(folder, seed=kill)
        process = subprocess.Popen([sys.executable, "-c", MIRROR, uri, str(folder), version], cwd=ROOT)
        with pymongo.MongoClient[dict[str, Any]](uri) as client:
            states = client.get_default_database()[STATE]
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if (states.find_one({"_id": SHOP}) or {}).get("writing") == version:
                    break
        time.sleep(0.02 * (kill % 5))  # some moment: not the same each time
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
    version = publish_crowd(folder, seed=kills)
    mirrored(uri, folder, version)
    ended = contents(uri)
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(client.get_default_database().name)
    mirrored(uri, folder, version)
    assert contents(uri) == ended


def test_killed_mirrors_are_repaired(mongo_uri: str, tmp_path: Path) -> None:
    """Runs are stopped and machines lose their power."""
    killed_again_and_again(mongo_uri, tmp_path, kills=2)


@pytest.mark.deep
def test_twenty_killed_mirrors_are_repaired(mongo_uri: str, tmp_path: Path) -> None:
    """The same, for what happens once in twenty."""
    killed_again_and_again(mongo_uri, tmp_path, kills=20)


def test_a_version_that_was_pruned_is_said(mongo_uri: str, tmp_path: Path) -> None:
    """A slow mirror and quick publishes: the newest one follows."""
    first = publish_crowd(tmp_path, keep=1)
    publish_crowd(tmp_path, keep=1)
    assert first not in versions(tmp_path)
    with pytest.raises(DataFolderError, match="newer one follows"):
        mirrored(mongo_uri, tmp_path, first)


def test_without_an_address_there_is_nothing_to_mirror_to(tmp_path: Path) -> None:
    """Whoever calls it asks the settings first; who forgets is told which one."""
    with pytest.raises(SettingsError, match="MONGODB_URI"):
        mirror(Settings(data_dir=tmp_path, _env_file=None), SHOP, tmp_path, "20260101T000000Z")


def test_the_collections_have_the_ordered_indexes(mongo_uri: str, tmp_path: Path) -> None:
    """E-mail (which is not unique: guests share addresses), the shop's id, created, last order."""
    mirrored(mongo_uri, tmp_path, publish_crowd(tmp_path))
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        indexes = client.get_default_database()[CUSTOMERS].index_information()
    fields = {index["key"][-2][0] if name.endswith("ending") else index["key"][0][0] for name, index in indexes.items()}
    assert fields >= {"email", "woocommerce_id", "created_at", "last_order_at"}
    assert not any(index.get("unique") for index in indexes.values())
    assert set(PART.collections) == {CUSTOMERS, ORDERS, SEGMENTS, STATE}
