"""What was written about a guest is theirs after they registered, on the real store."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.directory.layout import scan_table
from regulars.directory.overlay import same_address
from regulars.directory.published import Directory
from regulars.directory.query import PeopleQuery
from regulars.directory.who_is_who import merge, parts_of, reviews
from regulars.directory.written import events_of, notes_of, show_again, take_tag
from regulars.records.sql import SqlRecords
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, publish_people
from transforms.rules import parse


def a_clock() -> Callable[[], datetime]:
    """Return a clock that is a minute further at each look."""
    now = datetime(2026, 11, 11, tzinfo=UTC)

    def look() -> datetime:
        nonlocal now
        now += timedelta(minutes=1)
        return now

    return look


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SqlRecords]:
    """Return a store in which the guests `ab` and, before that, `aa` have become account 1."""
    with SqlRecords(tmp_path / "records.db", clock=a_clock()) as store:
        store.add_aliases(SHOP, {"guest:aa": "guest:ab", "guest:ab": "woo:1", "guest:cc": "woo:2"})
        yield store


@pytest.fixture
def directory(tmp_path: Path, records: SqlRecords) -> Directory:
    """Return the directory of the shop; nothing is published yet."""
    return Directory(tmp_path / "published", shop=SHOP, records=records)


def test_a_person_is_known_by_all_keys_that_lead_to_theirs(directory: Directory) -> None:
    """A chain of aliases is followed; others' keys are not theirs."""
    for key in ("woo:1", "guest:aa"):
        assert directory.known_as(key)[0] == "woo:1"
        assert set(directory.known_as(key)) == {"woo:1", "guest:aa", "guest:ab"}
    assert directory.known_as("woo:3") == ["woo:3"]
    assert directory.all_keys(["woo:1", "woo:3"]) == ["guest:aa", "guest:ab", "woo:1", "woo:3"]


def test_notes_and_events_of_all_keys_stand_in_one_order(records: SqlRecords, directory: Directory) -> None:
    """Whoever reads from the top must find the latest there, whatever key it was written under."""
    for key, text in (("guest:aa", "one"), ("woo:1", "two"), ("guest:ab", "three"), ("woo:2", "of somebody else")):
        records.add_note(SHOP, key, text, "ana")
        records.add_tag(SHOP, key, text, "ana")

    assert [note.text for note in notes_of(records, SHOP, directory.known_as("woo:1"))] == ["three", "two", "one"]
    assert [event.detail for event in events_of(records, SHOP, directory.known_as("woo:1"))] == ["three", "two", "one"]


def test_a_tag_of_an_earlier_key_can_be_taken_away(records: SqlRecords, directory: Directory) -> None:
    """It shows on the profile: it must not come back after a click on its cross."""
    for key in ("guest:aa", "woo:1", "woo:2"):
        records.add_tag(SHOP, key, "tea", "ana")

    take_tag(records, SHOP, directory.known_as("woo:1"), "tea", "ana")

    assert records.tags(SHOP) == {"woo:2": ("tea",)}


def test_somebody_deleted_under_an_earlier_key_can_be_shown_again(records: SqlRecords, directory: Directory) -> None:
    """Deleted as a guest, registered since: the button must bring them back."""
    for key in ("guest:aa", "woo:2"):
        records.hide(SHOP, key, "ana")

    show_again(records, SHOP, directory.known_as("woo:1"), "ben")

    assert list(records.hidden(SHOP)) == ["woo:2"]


def an_identity(identity: str, key: str, link: str) -> dict[str, object]:
    """Return a row of `identities`."""
    about = {"shop": SHOP, "email": "a@mail.example", "orders": 1, "first_order_at": AS_OF, "last_order_at": AS_OF}
    return {**about, "identity": identity, "customer_key": key, "link": link}


def publish_guests(folder: Path, *, folded: bool) -> None:
    """Publish the guests `dot` and `ted`; where addresses fold, `dot` has the orders of the guest `d.ot` too."""
    guests = [
        ("guest:dot", "guest:dot"),
        ("guest:ted", "guest:ted"),
        ("guest:d.ot", "guest:dot" if folded else "guest:d.ot"),
    ]
    people = [a_buyer(number, customer_key=key) for number, key in enumerate(sorted({key for _, key in guests}), 1)]
    identities = [an_identity(one, key, "guest" if one == key else "same address") for one, key in guests]
    publish_people(folder, people, identities=identities)


def test_what_was_written_on_a_guest_follows_the_address_while_addresses_fold(
    tmp_path: Path, records: SqlRecords, directory: Directory
) -> None:
    """With dots ignored two guests are one, without a record of it: notes and tags show there, and are back without."""
    for key in ("guest:dot", "guest:d.ot"):
        records.add_note(SHOP, key, key, "ana")
        records.add_tag(SHOP, key, key, "ana")

    def told(key: str) -> tuple[str, list[str], set[str]]:
        person = directory.person(key).row
        notes = notes_of(records, SHOP, directory.known_as(key))
        return person["customer_key"], person["tags"], {note.text for note in notes}

    for folded in (False, True, False):
        publish_guests(tmp_path / "published", folded=folded)
        of_both = {"guest:dot", "guest:d.ot"}
        if folded:
            assert told("guest:d.ot") == told("guest:dot") == ("guest:dot", sorted(of_both), of_both)
            assert directory.count(parse('tags contains "guest:d.ot"')).people == 1
        else:
            assert [told(key) for key in sorted(of_both)] == [(key, [key], {key}) for key in sorted(of_both)]


def test_a_guest_of_a_shared_address_whose_orders_are_an_accounts_now_is_followed_there(tmp_path: Path) -> None:
    """No record tells of it, since strangers share the address; orders under another name stay a person of their own."""
    links = ("account e-mail", "deleted account", "own name", "registered", "merged")
    identities = [an_identity(f"guest:{n}", "woo:9", link) for n, link in enumerate(links)]
    version = publish_people(tmp_path, [a_buyer(9)], identities=identities)

    assert same_address(scan_table(tmp_path / version, "identities")) == {"guest:0": "woo:9", "guest:1": "woo:9"}


def test_a_stranger_who_was_recorded_as_an_accounts_keeps_what_was_written_about_them(
    tmp_path: Path, records: SqlRecords, directory: Directory
) -> None:
    """A run recorded Ada's key for the account of her household; it has become an office, and the version knows better.

    Her notes must not stand on the account's page, and merging her with somebody must not merge the account.
    """
    records.add_note(SHOP, "guest:cc", "about Ada", "ana")
    records.add_tag(SHOP, "guest:cc", "ada", "ana")
    people = [
        a_buyer(1, customer_key="guest:cc", woocommerce_id=None),
        a_buyer(2, customer_key="woo:2"),
        a_buyer(3, customer_key="woo:3"),
    ]
    identities = [an_identity("guest:cc", "guest:cc", "first name"), an_identity("woo:2", "woo:2", "account")]
    review = {"shop": SHOP, "email": "a@mail.example", "reason": "names", "orders": 2, "last_order_at": AS_OF}
    reviewed = [{**review, "customer_keys": ["guest:cc", "woo:2"]}]
    publish_people(tmp_path / "published", people, identities=identities, identity_reviews=reviewed)

    person = directory.person("guest:cc").row
    assert (person["customer_key"], person["tags"]) == ("guest:cc", ["ada"])
    assert directory.person("woo:2").row["tags"] == []
    assert directory.known_as("woo:2") == ["woo:2"]
    assert [part.waits for part in parts_of(directory, records, SHOP, "guest:cc")] == [False]
    assert [found.customer_keys for found in reviews(directory, records, SHOP)] == [("guest:cc", "woo:2")]

    rows = [directory.person(key).row for key in ("guest:cc", "woo:3")]
    made = merge(directory, records, SHOP, rows, "ana")
    assert (directory.known_as("guest:cc")[0], directory.known_as("woo:2")) == ("woo:3", ["woo:2"])
    for decision in reversed(made):
        records.undo_identity_decision(SHOP, decision.id, "ana")
    assert directory.known_as("guest:cc") == ["guest:cc"]


def test_a_guest_whom_a_run_just_found_to_be_an_account_is_merged_as_that_account(
    tmp_path: Path, records: SqlRecords, directory: Directory
) -> None:
    """A list that was opened before still has the guest's row: parting them from their account would be nobody's wish."""
    people = [a_buyer(1, customer_key="guest:dd", woocommerce_id=None), a_buyer(3, customer_key="woo:3")]
    identities = [an_identity("guest:dd", "guest:dd", "guest"), an_identity("woo:3", "woo:3", "account")]
    publish_people(tmp_path / "published", people, identities=identities)
    rows = [directory.person(key).row for key in ("guest:dd", "woo:3")]
    records.add_aliases(SHOP, {"guest:dd": "woo:9"})

    assert len(merge(directory, records, SHOP, rows, "ana")) == 1
    assert directory.known_as("guest:dd")[0] == directory.known_as("woo:9")[0] == "woo:3"


def test_whoever_was_deleted_under_a_folded_address_is_hidden(
    tmp_path: Path, records: SqlRecords, directory: Directory
) -> None:
    """Somebody asked to be left alone; another spelling of the same address must not bring them back."""
    records.hide(SHOP, "guest:d.ot", "ana")
    publish_guests(tmp_path / "published", folded=True)

    assert directory.people(PeopleQuery()).rows["customer_key"].to_list() == ["guest:ted"]
    assert directory.person("guest:dot").hidden is not None

    show_again(records, SHOP, directory.known_as("guest:dot"), "ana")
    assert directory.people(PeopleQuery()).total == 2


def test_what_people_decided_counts_before_a_folded_address(
    tmp_path: Path, records: SqlRecords, directory: Directory
) -> None:
    """A separation or a merge holds at once, though the version still says otherwise."""
    publish_guests(tmp_path / "published", folded=True)
    assert directory.known_as("guest:d.ot")[0] == "guest:dot"

    separated = records.separate(SHOP, "guest:d.ot", "ana", of="guest:dot")
    assert directory.known_as("guest:d.ot") == ["guest:d.ot"]
    records.undo_identity_decision(SHOP, separated.id, "ana")

    elsewhere = records.merge_people(SHOP, "guest:d.ot", "guest:ted", "ana")
    assert directory.known_as("guest:d.ot")[0] == "guest:ted"
    records.undo_identity_decision(SHOP, elsewhere.id, "ana")

    records.merge_people(SHOP, "guest:dot", "guest:d.ot", "ana")
    assert directory.known_as("guest:dot") == ["guest:d.ot", "guest:dot"]


def test_who_others_were_merged_into_is_decided_too(tmp_path: Path, records: SqlRecords, directory: Directory) -> None:
    """Of three under one address two were made one and the third was kept apart: nothing is left to ask."""
    keys = ["woo:1", "woo:2", "woo:3"]
    review = {"shop": SHOP, "email": "desk@x", "reason": "names", "customer_keys": keys, "orders": 3}
    publish_people(
        tmp_path / "published",
        [a_buyer(number) for number in (1, 2, 3)],
        identity_reviews=[review | {"last_order_at": AS_OF}],
    )

    records.merge_people(SHOP, "woo:2", "woo:1", "ana")
    assert len(reviews(directory, records, SHOP)) == 1
    records.separate(SHOP, "woo:3", "ana")
    assert reviews(directory, records, SHOP) == []
