"""Decisions on who is who, from the records through a run to what people see, and back."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.assets.checks import hidden_then
from pipelines.assets.published import publish_shop
from pipelines.assets.staging import stage_shop
from pipelines.derive import derive_marts
from pipelines.snapshot import KnownLinks, Snapshot, place
from pipelines.warehouse import Warehouse
from regulars.directory import open_directory, who_is_who
from regulars.directory.overlay import read_overlay, same_address
from regulars.directory.written import events_of, notes_of
from regulars.settings import load_settings
from tests.pipelines.shop_house import NAME
from tests.regulars.directory.builders import SHOP
from tests.regulars.directory.test_directory_hidden import put_away
from tests.regulars.directory.test_directory_reads import WrittenDown
from transforms.identity import LINKED_ALIASES, LINKS
from transforms.schemas import MARTS


@pytest.fixture
def records(house):
    """The records of the house."""
    with house.records() as records:
        yield records


@pytest.fixture
def directory(records):
    """The people of the house, as app and API read them."""
    directory = open_directory(load_settings(), NAME, records)
    yield directory
    directory.close()


def derive(house):
    """Run what a decision triggers."""
    assert house.run("derive").success


def marts(house):
    """Return every published mart, sorted by all columns that can be."""
    return {name: house.published(name) for name in MARTS}


def assert_same(left, right):
    """Hold two versions to the same rows, cell by cell."""
    for name, frame in left.items():
        assert frame.equals(right[name]), name


def two_buyers(house):
    """Return the rows of a guest and of an account, both with orders in one currency."""
    buyers = house.published("customers").filter(pl.col("orders_count") > 0, pl.col("deleted_at").is_null())
    guest = buyers.filter(pl.col("customer_key").str.starts_with("guest:")).row(0, named=True)
    accounts = buyers.filter(pl.col("woocommerce_id").is_not_null(), pl.col("currency") == guest["currency"])
    return guest, accounts.row(0, named=True)


def test_a_merge_moves_the_orders_with_the_next_marts(house, records, directory):
    """The quick look at what the long tests below see through whole runs: the decision reaches the figures."""
    guest, account = two_buyers(house)
    who_is_who.merge(directory, records, NAME, [guest, account], "ana")
    derive_marts(house.deployment, house.warehouse, NAME, None)
    customers, orders = (house.warehouse.marts()[name].collect() for name in ("customers", "orders"))
    merged = customers.filter(customer_key=account["customer_key"]).row(0, named=True)
    assert merged["net"] == guest["net"] + account["net"]
    assert orders.filter(identity=guest["customer_key"])["customer_key"].unique().to_list() == [account["customer_key"]]


KEYS = [f"guest:{letter}" for letter in "abcdef"]
LINKED = st.dictionaries(
    st.sampled_from(KEYS), st.tuples(st.sampled_from(KEYS), st.sampled_from(["registered", "merged", "separated"]))
)


class Linked(WrittenDown):
    """Live records with links of every kind, by alias."""

    def identity_links(self, shop):
        """Return `known_as`, as it is."""
        return self.known_as


@given(
    LINKED,
    st.dictionaries(st.sampled_from(KEYS), st.tuples(st.sampled_from(KEYS), st.sampled_from(sorted(LINKS)))),
    st.dictionaries(st.sampled_from(KEYS), st.just(("vip",))),
    st.sets(st.sampled_from(KEYS)),
)
@settings(deadline=None)
def test_a_run_places_what_was_written_as_readers_of_its_version_will(links, made, tags, hidden):
    """The app shows live records over a version: whom it shows as deleted must be whom the run left out of segments."""
    links = {key: (key if why == "separated" else to, why) for key, (to, why) in links.items()}
    rows = [(identity, key, link) for identity, (key, link) in sorted(made.items())]
    identities = pl.DataFrame(rows, ["identity", "customer_key", "link"], orient="row").cast(pl.String)
    linked = pl.DataFrame([(key, *why) for key, why in links.items()], dict(LINKED_ALIASES), orient="row")
    snapshot = Snapshot(1, "", b"", KnownLinks("", linked), tags, [], frozenset(hidden), ())
    placed = place(snapshot, lambda keys: identities.lazy().filter(pl.col("identity").is_in(list(keys))))
    live = Linked(tagged=tags, known_as=links, put_away=put_away(*hidden))
    shown = read_overlay(live, SHOP, same_address(identities.lazy()))
    assert (dict(placed.tags), placed.hidden) == (dict(shown.tags), shown.hidden.keys())


def observed(house, table, number, **changed):
    """Observe a record with other values, and stage it."""
    house.execute(
        f"UPDATE raw.{table} SET body = json_merge_patch(body::JSON, $body::JSON)::TEXT, "
        "observed_at = observed_at + INTERVAL 1 SECOND WHERE id = $id",
        {"id": number, "body": json.dumps(changed)},
    )
    stage_shop(house.warehouse, lambda *_: None)


def next_version(house):
    """Derive and publish."""
    done = derive_marts(house.deployment, house.warehouse, NAME, None)
    publish_shop(house.deployment, house.warehouse, NAME, "next")
    return done


@pytest.mark.parametrize("by", ["account", "setting"])
def test_tags_and_who_is_hidden_go_with_a_guest_in_the_very_run_that_moves_them(
    house, records, directory, monkeypatch, by
):
    """A version late, somebody deleted here would join segments, and the event that says so would stay for ever.

    An account that comes is a run after a few changes; a setting makes a run that derives everything.
    """
    buyers = house.published("customers").filter(pl.col("orders_count") == 1)
    orders = house.published("orders").join(buyers, on="customer_key", how="semi")
    guests = orders.filter(pl.col("identity").str.starts_with("guest:"))["order_id"][:2]
    accounts = sorted(buyers["woocommerce_id"].drop_nulls()[:2], key=str)
    for number, email in zip(guests, ("an.na@gmail.com", "be.n@gmail.com"), strict=True):
        observed(house, "orders", number, billing={"email": email})

    def register():
        for number, email in zip(accounts, ("anna@gmail.com", "ben@gmail.com"), strict=True):
            observed(house, "customers", number, email=email)

    def ignore_dots():
        monkeypatch.setenv("REGULARS_EMAIL_IGNORE_DOTS", "true")

    first, then = (ignore_dots, register) if by == "account" else (register, ignore_dots)
    first()
    next_version(house)
    anna, ben = (house.one("identities", email=email)["identity"] for email in ("an.na@gmail.com", "be.n@gmail.com"))
    records.create_segment(NAME, "Tagged", 'tags contains "vip"', "ana")
    records.create_segment(NAME, "Bought", "orders_count >= 1", "ana")
    records.set_tags(NAME, anna, ["vip"], "ana")
    records.set_tags(NAME, ben, ["vip"], "ana")
    records.hide(NAME, ben, "ana")
    next_version(house)
    seen = house.published("segment_events").height

    then()
    assert next_version(house).whole == (by == "setting")
    of_anna, of_ben = (f"woo:{number}" for number in accounts)
    assert [house.one("identities", identity=key)["customer_key"] for key in (anna, ben)] == [of_anna, of_ben]
    assert house.published("person_tags").select("customer_key", "tags").rows() == [
        (of_anna, ["vip"]),
        (of_ben, ["vip"]),
    ]
    members = house.published("segment_members")
    assert {"tagged", "bought"} <= {*members.filter(customer_key=of_anna)["segment_id"]}
    assert members.filter(customer_key=of_ben).is_empty()
    assert house.published("segment_events")[seen:].filter(customer_key=of_ben, kind="joined").is_empty()
    assert hidden_then(house.warehouse) == {of_ben}
    assert directory.person(of_ben).hidden is not None
    made = {name: frame.collect() for name, frame in Warehouse(house.warehouse.path).marts().items()}
    derive_marts(house.deployment, house.warehouse, NAME, None, whole=True)
    assert_same(made, {name: frame.collect() for name, frame in Warehouse(house.warehouse.path).marts().items()})


@pytest.mark.deep
def test_a_merge_moves_orders_and_undoing_it_restores_every_cell(house, records, directory):
    """Notes, tags and hidden marks of both show on the one person, and are back where they were after the undo."""
    derive(house)
    before, (guest, account) = marts(house), two_buyers(house)
    key, into = guest["customer_key"], account["customer_key"]
    records.add_note(NAME, key, "Pays late.", "ana")
    records.add_note(NAME, into, "Likes letters.", "ana")
    records.set_tags(NAME, key, ["late"], "ana")
    records.set_tags(NAME, into, ["vip"], "ana")
    (decision,) = who_is_who.merge(directory, records, NAME, [guest, account], "ana")
    about = directory.manifest()
    assert who_is_who.is_waiting(decision, about, records.change_token())
    assert [part.identity for part in who_is_who.parts_of(directory, records, NAME, into) if part.waits] == [key]

    derive(house)
    merged = house.one("customers", customer_key=into)
    assert merged["net"] == guest["net"] + account["net"]
    assert merged["orders_count"] == guest["orders_count"] + account["orders_count"]
    assert house.published("customers").filter(customer_key=key).is_empty()
    assert house.one("identities", identity=key)["link"] == "merged"
    assert not any(part.waits for part in who_is_who.parts_of(directory, records, NAME, into))
    assert not who_is_who.is_waiting(decision, directory.manifest(), records.change_token())
    person = directory.person(key)
    assert (person.row["customer_key"], person.row["tags"]) == (into, ["late", "vip"])
    assert [note.text for note in notes_of(records, NAME, directory.known_as(into))] == ["Likes letters.", "Pays late."]
    assert [event.kind for event in events_of(records, NAME, directory.known_as(into))][:2] == ["merged", "merged"]

    records.undo_identity_decision(NAME, decision.id, "ana")
    records.set_tags(NAME, key, [], "ana")
    records.set_tags(NAME, into, [], "ana")
    derive(house)
    assert [note.text for note in notes_of(records, NAME, directory.known_as(key))] == ["Pays late."]
    assert [note.text for note in notes_of(records, NAME, directory.known_as(into))] == ["Likes letters."]
    assert_same(before, marts(house))


@pytest.mark.deep
def test_a_hidden_guest_hides_whom_they_are_merged_into_until_the_undo(house, records, directory):
    """Whoever was deleted here stays so under any key: nobody may come back by a merge."""
    guest, account = two_buyers(house)
    records.hide(NAME, guest["customer_key"], "ana")
    (decision,) = who_is_who.merge(directory, records, NAME, [guest, account], "ana")
    derive(house)
    assert directory.person(account["customer_key"]).hidden is not None
    records.undo_identity_decision(NAME, decision.id, "ana")
    derive(house)
    assert directory.person(account["customer_key"]).hidden is None
    assert directory.person(guest["customer_key"]).hidden is not None


@pytest.mark.deep
def test_a_separated_identity_is_a_person_until_the_undo(house, records, directory):
    """The orders that a rule gave to an account stand alone, and are back in every cell after the undo."""
    derive(house)
    before = marts(house)
    joined = house.published("identities").filter(pl.col("customer_key") != pl.col("identity"), pl.col("orders") > 0)
    row = joined.row(0, named=True)
    decision = records.separate(NAME, row["identity"], "ana", of=row["customer_key"])
    derive(house)
    alone = house.one("identities", identity=row["identity"])
    assert (alone["customer_key"], alone["link"]) == (row["identity"], "separated")
    mine = house.published("orders").filter(customer_key=row["identity"])
    assert mine.height == row["orders"]
    assert directory.person(row["identity"]).row["customer_key"] == row["identity"]
    assert [part.waits for part in who_is_who.parts_of(directory, records, NAME, row["identity"])] == [False]
    records.undo_identity_decision(NAME, decision.id, "ana")
    derive(house)
    assert_same(before, marts(house))


@pytest.mark.deep
def test_a_shared_address_leaves_the_list_by_either_answer(house, records, directory):
    """Strangers who share an address are listed until somebody says what they are, in the app and in the next version."""
    desk = next(order.billing for order in house.shop.orders.values() if order.billing.email)
    for name in ("Abel", "Baker", "Carter"):
        house.shop.place_order(billing=desk._replace(email="desk@office.example", last_name=name))
    assert house.run().success
    (review,) = who_is_who.reviews(directory, records, NAME)
    assert (review.email, review.reason, len(review.customer_keys), review.orders) == (
        "desk@office.example",
        "names",
        3,
        3,
    )
    rows = [directory.person(key).row for key in review.customer_keys]
    merged = who_is_who.merge(directory, records, NAME, rows, "ana")
    assert who_is_who.reviews(directory, records, NAME) == []
    derive(house)
    assert house.published("identity_reviews").is_empty()
    for decision in reversed(merged):
        records.undo_identity_decision(NAME, decision.id, "ana")
    derive(house)
    assert who_is_who.reviews(directory, records, NAME) == [review]
    who_is_who.keep_apart(records, NAME, review.customer_keys, "ana")
    assert who_is_who.reviews(directory, records, NAME) == []
    derive(house)
    assert who_is_who.reviews(directory, records, NAME) == []
    assert {house.one("identities", identity=key)["link"] for key in review.customer_keys} == {"separated"}


@pytest.mark.deep
def test_what_was_written_about_a_stranger_stays_theirs_whoever_registers_the_address(house, records, directory):
    """Ada orders alone, Ben registers her mailbox, others order under it: notes on Ada must never end on Ben's page.

    While there are two names they are one household, and the page of both shows the notes. From the third name on they
    are strangers; what the run recorded in between is passed over, also in a run that derives everything.
    """
    desk = next(order.billing for order in house.shop.orders.values() if order.billing.email)
    desk = desk._replace(email="desk@office.example", first_name="A")
    house.shop.place_order(billing=desk._replace(last_name="Abel"))
    assert house.run().success
    (key,) = house.published("identities").filter(email=desk.email)["identity"]
    records.add_note(NAME, key, "About Abel.", "ana")
    records.set_tags(NAME, key, ["abel"], "ana")
    ben = f"woo:{house.shop.add_customer(desk.email, 'B', 'Baker').id}"
    assert house.run().success
    assert records.identity_links(NAME)[key] == (ben, "registered")
    assert notes_of(records, NAME, directory.known_as(ben))

    for name in ("Carter", "Dunn"):
        house.shop.place_order(billing=desk._replace(last_name=name))
        assert house.run().success
        assert house.published("person_tags")["customer_key"].to_list() == [key]
        person = directory.person(key)
        assert (person.row["customer_key"], person.row["tags"], person.row["orders_count"]) == (key, ["abel"], 1)
        assert [note.text for note in notes_of(records, NAME, directory.known_as(key))] == ["About Abel."]
        assert notes_of(records, NAME, directory.known_as(ben)) == []
        assert directory.person(ben).row["tags"] == []
    (review,) = who_is_who.reviews(directory, records, NAME)
    assert {key, ben} < {*review.customer_keys}
    derive(house)
    before = marts(house)
    derive_marts(house.deployment, house.warehouse, NAME, None, whole=True)
    people = house.warehouse.marts()["customers"].collect().sort("customer_key")
    assert people.equals(before["customers"].sort("customer_key").select(people.columns))


@pytest.mark.deep
def test_a_hidden_guest_of_a_folded_address_blocks_no_publish(house, records, monkeypatch):
    """The blocking check must leave out whom the run left out; else one person deleted here ends all publishes."""
    guests = house.published("identities").filter(link="guest").sort("first_order_at", "identity")["identity"]
    orders = house.published("orders").filter(pl.col("identity").is_in(guests[:2].to_list()))
    for number, guest in orders.select("order_id", "identity").iter_rows():
        email = "anna@gmail.com" if guest == guests[0] else "an.na@gmail.com"
        observed(house, "orders", number, billing={"email": email})
    derive(house)
    (hidden,) = house.published("identities").filter(email="an.na@gmail.com")["identity"]
    records.hide(NAME, hidden, "ana")
    monkeypatch.setenv("REGULARS_EMAIL_IGNORE_DOTS", "true")
    derive(house)
    derive(house)
    assert house.one("identities", identity=hidden)["link"] == "same address"
