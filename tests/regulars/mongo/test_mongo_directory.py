"""One suite over both directories: whatever is asked, the server's answer is the files' answer."""

import secrets
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pydantic import SecretStr

from regulars.directory import open_directory
from regulars.directory.published import Directory
from regulars.directory.query import SORTS, PeopleQuery
from regulars.errors import DirectoryUnavailable, RecordNotFound
from regulars.models import Hidden
from regulars.mongo.directory import MongoDirectory
from regulars.mongo.serving import CUSTOMERS, ORDERS, STATE, Serving, sort_fields, sort_index
from regulars.settings import Settings
from tests.mongod import Mongod
from tests.regulars.directory.builders import AS_OF, SHOP, a_person, an_order, publish_people
from tests.regulars.directory.test_directory_reads import WrittenDown
from tests.regulars.mongo.crowd import a_crowd, publish_crowd
from transforms.rfm import RFM_GROUPS
from transforms.rules import parse

NOTHING = [pl.lit([], dtype=pl.List(pl.String())).alias(name) for name in ("categories", "coupons")]
KEYS = [person["customer_key"] for person in a_crowd(1)]
NOW = datetime(2026, 11, 12, tzinfo=UTC)
RULES = (
    "orders_count >= 2",
    "country is null",
    "orders(total >= 20)",
    'bought(product contains "tea", pieces >= 2)',
    'in_segment("spenders") and not in_segment("tagged")',
    'median_days_between between 5 and 20 or categories contains "ærø"',
)
SAVED = (("spenders", "net >= 10"), ("tagged", "tags contains 'gold'"))


class Both:
    """A shop on a server, and its files."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, SecretStr(uri)
        self.version = publish_crowd(folder)
        with Serving(self.uri) as serving:
            serving.mirror(SHOP, folder, self.version)

    def open(self, records: WrittenDown | None = None) -> tuple[MongoDirectory, Directory]:
        """Return the directory on the server and the one on files."""
        live = records or WrittenDown(saved=SAVED)
        return (
            MongoDirectory(self.uri, self.folder, shop=SHOP, records=live),
            Directory(self.folder, shop=SHOP, records=live),
        )


@pytest.fixture(scope="module")
def both(mongod: Mongod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Return a crowd on the run's server, and its files. Not to be changed."""
    name = f"test_{secrets.token_hex(6)}"
    yield Both(tmp_path_factory.mktemp("both"), mongod.uri(name))
    with mongod.admin() as client:
        client.drop_database(name)


some_keys = st.lists(st.sampled_from(KEYS), max_size=4, unique=True)
queries = st.builds(
    PeopleQuery,
    search=st.sampled_from(["", "", "anna", "ærø", "example.com", "1001", "nobody at all"]),
    rfm_groups=st.lists(st.sampled_from(RFM_GROUPS), max_size=2, unique=True).map(tuple),
    segments=st.sampled_from([(), (), ("spenders",), ("tagged", "spenders")]),
    tags=st.sampled_from([(), (), ("gold",)]),
    rule=st.sampled_from([None, None, *(parse(rule) for rule in RULES)]),
    sort=st.sampled_from(sorted(SORTS)),
    descending=st.booleans(),
    page=st.integers(1, 9),
    page_size=st.sampled_from([1, 7, 25, 200]),
    hidden=st.sampled_from([False, False, False, True]),
)
plain_queries = st.builds(
    PeopleQuery,
    rfm_groups=st.lists(st.sampled_from(RFM_GROUPS), max_size=2, unique=True).map(tuple),
    sort=st.sampled_from(sorted(SORTS)),
    descending=st.booleans(),
    page=st.integers(1, 9),
    page_size=st.sampled_from([1, 7, 25, 200]),
)
written = st.builds(
    WrittenDown,
    tagged=st.dictionaries(st.sampled_from(KEYS), st.sampled_from([("gold",), ("gold", "new")]), max_size=5),
    saved=st.just(SAVED),
    known_as=st.sampled_from([{}, {"guest:old": "woo:1"}]),
    put_away=some_keys.map(lambda keys: {key: Hidden(customer_key=key, at=NOW, author="ana") for key in keys}),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.one_of(queries, plain_queries), records=written)
def test_a_list_is_the_same_from_server_and_files(both: Both, query: PeopleQuery, records: WrittenDown) -> None:
    """Analysts compare figures with colleagues whose deployment has the other store."""
    served, filed = both.open(records)
    there, here = served.people(query), filed.people(query)
    assert_frame_equal(there.rows, here.rows)
    assert (there.total, there.everyone, there.net, there.page, there.pages) == (
        here.total,
        here.everyone,
        here.net,
        here.page,
        here.pages,
    )
    assert served.keys(query).to_list() == filed.keys(query).to_list()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", sorted(SORTS))
def test_all_pages_of_a_sort_are_the_same(both: Both, sort: str, descending: bool) -> None:
    """Nobody twice, nobody missing, absent values last either way: each stretch begins where the last one ended."""
    served, filed = both.open()
    pages = range(1, served.people(PeopleQuery(page_size=7)).pages + 1)
    asked = [PeopleQuery(sort=sort, descending=descending, page=page, page_size=7) for page in pages]
    assert_frame_equal(
        pl.concat([served.people(query).rows for query in asked]),
        filed.people(PeopleQuery(sort=sort, descending=descending, page_size=1000)).rows,
    )


def test_profiles_are_the_same(both: Both) -> None:
    """Every value, to the microsecond and the last decimal, of people with and without an address."""
    served, filed = both.open(WrittenDown(saved=SAVED, tagged={"woo:1": ("gold",)}, known_as={"guest:old": "woo:1"}))
    for key in (*KEYS, "guest:old"):
        there, here = served.person(key), filed.person(key)
        assert (there.row, there.segments, there.hidden) == (here.row, here.segments, here.hidden)
        assert repr(there.row) == repr(here.row)
        assert_frame_equal(there.currencies, here.currencies)
        assert_frame_equal(served.orders_of(key), filed.orders_of(key))
        assert_frame_equal(served.refunds_of(key), filed.refunds_of(key))
        orders = filed.orders_of(key)["order_id"].to_list()
        assert_frame_equal(served.lines_of(orders), filed.lines_of(orders))


def test_nobody_and_nothing_are_the_same(both: Both) -> None:
    """An old link, or an address made up by somebody who tries operators."""
    served, filed = both.open()
    for key in ("woo:999999", "$where", '{"$ne": null}', "", "woo:1/../woo:2"):
        with pytest.raises(RecordNotFound):
            served.person(key)
        assert_frame_equal(served.orders_of(key), filed.orders_of(key))
        assert_frame_equal(served.refunds_of(key), filed.refunds_of(key))
    assert_frame_equal(served.lines_of([]), filed.lines_of([]))
    assert_frame_equal(served.lines_of([5, 5, -1]), filed.lines_of([5, 5, -1]))


def test_counts_and_their_samples_are_the_same(both: Both) -> None:
    """The builder shows ten people beside its count."""
    served, filed = both.open()
    there, here = served.count(parse("net >= 0")), filed.count(parse("net >= 0"))
    assert (there.people, there.net) == (here.people, here.net)
    assert_frame_equal(there.sample, here.sample)


def test_far_pages_and_many_hidden_people_are_found_in_memory(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stepping over a million entries of an index takes the server a second."""
    monkeypatch.setattr("regulars.mongo.directory.NEAR", 0)
    served, filed = both.open()
    query = PeopleQuery(page=2, page_size=7)
    assert_frame_equal(served.people(query).rows, filed.people(query).rows)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", sorted(SORTS))
def test_every_sort_is_read_off_an_index(both: Both, sort: str, descending: bool, there: bool) -> None:
    """A sort in memory fails at a hundred megabytes, and a look through everybody takes seconds."""
    served, _ = both.open()
    query = PeopleQuery(sort=sort, descending=descending, rfm_groups=("Champions",))
    steps = served._steps(query, served._overlay(), 0, there=there)
    asked = {"aggregate": CUSTOMERS, "pipeline": [*steps, {"$limit": 25}], "cursor": {}}
    for hint in ({}, {"hint": sort_index(sort, descending=descending)}):
        plan = served._serving._database.command({"explain": {**asked, **hint}, "verbosity": "queryPlanner"})
        stages = str(plan["queryPlanner"]["winningPlan"])
        assert "'IXSCAN'" in stages
        assert "'COLLSCAN'" not in stages
        assert "'SORT'" not in stages
        assert "$sort" not in stages
    assert sort_fields(sort)[-1] in stages


@pytest.mark.parametrize("field", ["email", "woocommerce_id"])
def test_people_are_found_by_what_the_shop_knows_them_by(both: Both, field: str) -> None:
    """Ordered, and what other programs will ask the collections for."""
    served, _ = both.open()
    plan = served._serving._database[CUSTOMERS].find({field: {"$eq": 1}, "shop": {"$eq": SHOP}}).explain()
    assert f"'indexName': '{field}'" in str(plan["queryPlanner"]["winningPlan"])


def test_the_settings_choose_the_directory(both: Both, tmp_path: Path) -> None:
    """One variable moves a deployment; app and API know no more than this function."""
    plain = Settings(data_dir=tmp_path, _env_file=None)
    served = Settings(data_dir=tmp_path, mongodb_uri=both.uri, _env_file=None)
    assert type(open_directory(plain, SHOP)) is Directory
    assert type(open_directory(served, SHOP)) is MongoDirectory


def test_while_a_version_is_written_rows_come_from_the_files(both: Both) -> None:
    """Half of one version and half of another would be nobody's truth; and nobody should have to wait."""
    served, filed = both.open()
    database = served._serving._database
    query = PeopleQuery(page_size=3)
    database[CUSTOMERS].update_many({}, {"$set": {"name": "not yet"}})
    try:
        for state in ({"writing": "20990101T000000Z"}, {"writing": None, "version": "20200101T000000Z"}):
            database[STATE].update_one({"_id": SHOP}, {"$set": state})
            assert_frame_equal(served.people(query).rows, filed.people(query).rows)
            assert served.person("woo:1").row == filed.person("woo:1").row
            assert_frame_equal(served.orders_of("woo:1"), filed.orders_of("woo:1"))
        database[STATE].update_one({"_id": SHOP}, {"$set": {"writing": None, "version": both.version}})
        assert served.people(query).rows["name"].to_list() == ["not yet"] * 3
    finally:
        database[STATE].delete_one({"_id": SHOP})
        with Serving(both.uri) as serving:
            serving.mirror(SHOP, both.folder, both.version)


def test_while_a_first_load_has_no_indexes_yet_rows_come_from_the_files(mongo_uri: str, tmp_path: Path) -> None:
    """A large shop's first load takes minutes; the server refuses to read by an index that is not there."""
    both = Both(tmp_path, mongo_uri)
    served, filed = both.open()
    for name in (CUSTOMERS, ORDERS):
        served._serving._database[name].drop_indexes()
    assert_frame_equal(served.people(PeopleQuery()).rows, filed.people(PeopleQuery()).rows)
    assert_frame_equal(served.orders_of("woo:1"), filed.orders_of("woo:1"))
    assert_frame_equal(served.refunds_of("woo:1"), filed.refunds_of("woo:1"))


def test_orders_and_refunds_of_a_person_are_of_the_version_that_is_published(mongo_uri: str, tmp_path: Path) -> None:
    """What was read for a profile is kept: for as long as that version is the one, and no longer."""
    both = Both(tmp_path, mongo_uri)
    served, filed = both.open()
    before = [served.orders_of(key) for key in KEYS[-8:]]
    version = publish_crowd(tmp_path, seed=2)
    with Serving(both.uri) as serving:
        serving.mirror(SHOP, tmp_path, version)
    after = [served.orders_of(key) for key in KEYS[-8:]]
    for key, orders in zip(KEYS[-8:], after, strict=True):
        assert_frame_equal(orders, filed.orders_of(key))
        assert_frame_equal(served.refunds_of(key), filed.refunds_of(key))
    assert not pl.concat(before).equals(pl.concat(after))


@pytest.mark.parametrize("search", ["", "example.com"])
def test_documents_deleted_by_hand_leave_no_gap_in_a_list(both: Both, search: str) -> None:
    """Somebody tidies up the collections: the files still know everybody, and paging must not lose its way."""
    served, filed = both.open()
    query = PeopleQuery(search=search, page_size=200)
    people = served._serving._database[CUSTOMERS]
    taken = people.find_one_and_delete({"_id": {"$eq": f"{SHOP}/woo:1"}})
    assert taken is not None
    try:
        assert_frame_equal(served.people(query).rows, filed.people(query).rows)
    finally:
        people.insert_one(taken)


def test_readers_beside_a_mirror_never_see_two_versions(mongo_uri: str, tmp_path: Path) -> None:
    """A page that was read while it was written over must be wholly of one version."""
    uri, done = SecretStr(mongo_uri), threading.Event()
    versions = [publish_crowd(tmp_path, about={"as_of": NOW.replace(day=day)}) for day in (12, 13)]
    with Serving(uri) as serving:
        serving.mirror(SHOP, tmp_path, versions[-1])

    def look() -> int:
        looks = 0
        served, filed = MongoDirectory(uri, tmp_path, shop=SHOP), Directory(tmp_path, shop=SHOP)
        while not done.is_set() or not looks:
            assert_frame_equal(
                served.people(PeopleQuery(page_size=200)).rows, filed.people(PeopleQuery(page_size=200)).rows
            )
            looks += 1
        return looks

    looking = threading.Thread(target=look)
    failed: list[BaseException] = []
    threading.excepthook, before = lambda args: failed.append(args.exc_value or AssertionError()), threading.excepthook
    try:
        looking.start()
        with Serving(uri) as serving:
            for _ in range(3):
                serving._database[STATE].update_one({"_id": SHOP}, {"$set": {"version": None}})
                serving._database[CUSTOMERS].update_many({}, {"$set": {"name": "being written"}})
                serving.mirror(SHOP, tmp_path, versions[-1])
    finally:
        done.set()
        looking.join()
        threading.excepthook = before
    assert not failed


def test_a_server_that_is_away_is_said_and_one_that_is_back_works(own_mongod: Mongod, tmp_path: Path) -> None:
    """Screens show one sentence, and need no restart."""
    uri = SecretStr(own_mongod.uri("shop", serverSelectionTimeoutMS="500"))
    with Serving(uri) as serving:
        serving.mirror(SHOP, tmp_path, publish_crowd(tmp_path))
    served = MongoDirectory(uri, tmp_path, shop=SHOP)
    before = served.people(PeopleQuery()).rows
    own_mongod.kill()
    for call in (lambda: served.people(PeopleQuery()), lambda: served.person("woo:1"), lambda: served.lines_of([1001])):
        began = time.monotonic()
        with pytest.raises(DirectoryUnavailable, match="MongoDB at"):
            call()
        assert time.monotonic() - began < 15
    own_mongod.start()
    assert_frame_equal(served.people(PeopleQuery()).rows, before)
    served.close()


def test_past_days_and_small_tables_are_the_same_from_server_and_files(both: Both) -> None:
    """They are read from the files in both modes; a history or a past day must not depend on where lists come from."""
    served, filed = both.open()
    rule = parse("orders_count >= 1")
    since = AS_OF - timedelta(days=2)
    assert served.count_as_of(rule, since).people == filed.count_as_of(rule, since).people
    assert_frame_equal(served.migration(since, AS_OF), filed.migration(since, AS_OF))
    assert_frame_equal(served.identities_of("woo:1"), filed.identities_of("woo:1"))
    assert_frame_equal(served.segment_events("vip"), filed.segment_events("vip"))


def test_documents_of_an_earlier_release_say_what_they_can(mongod: Mongod, tmp_path: Path) -> None:
    """After an update the server still holds documents without the new figures, until they change: they are unknown."""
    uri = SecretStr(mongod.uri(f"test_{secrets.token_hex(6)}"))
    publish_people(tmp_path, [a_person(1)], orders=[an_order(1, "woo:1")])
    version = Directory(tmp_path, shop=SHOP).manifest().version
    with Serving(uri) as serving:
        serving.mirror(SHOP, tmp_path, version)
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri.get_secret_value())
    with client:
        database = client.get_default_database()
        database[CUSTOMERS].update_many(
            {}, {"$unset": dict.fromkeys(("median_days_between", "categories", "coupons"), 1)}
        )
        database[ORDERS].update_many({}, {"$unset": {"identity": 1}})
        served, filed = MongoDirectory(uri, tmp_path, shop=SHOP), Directory(tmp_path, shop=SHOP)
        assert_frame_equal(served.people(PeopleQuery()).rows, filed.people(PeopleQuery()).rows.with_columns(*NOTHING))
        assert served.person("woo:1").row["median_days_between"] is None
        assert served.person("woo:1").row["categories"] == []
        assert_frame_equal(served.orders_of("woo:1"), filed.orders_of("woo:1"))
        client.drop_database(database.name)
