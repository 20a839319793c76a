"""Who is who on the screens: why each part belongs to a person, merging, separating, undoing; shared addresses."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import reads
from tests.app_streamlit.test_app_profile import events_of, opened
from tests.app_streamlit.test_app_views import Open, Publish, no_failure, said
from tests.regulars.directory.builders import SHOP, a_buyer, tricky_people
from tests.webhook_receiver.api.test_api_identity import a_review, an_identity

GUEST = "guest:0f3a9c2b11d04e77"
PARTS = [
    an_identity("woo:1", "woo:1", "account", 2),
    an_identity("guest:aa11bb22", "woo:1", "account e-mail", 3),
    an_identity(GUEST, GUEST, "guest", email="gustav@example.com"),
]


@pytest.fixture
def told(app: Open, published: Publish) -> Open:
    """The app over a version that tells of identities and of a shared address."""
    published(tricky_people(), identities=PARTS, identity_reviews=[a_review("woo:2", GUEST)])
    return app


def labels(test: AppTest) -> list[str]:
    """Return the labels of all buttons."""
    return [button.label for button in test.button]


def fine(test: AppTest) -> AppTest:
    """Return the test where nothing failed."""
    no_failure(test)
    return test


def press(test: AppTest, key: str) -> AppTest:
    """Press a button; nothing may fail."""
    return fine(test.button(key).click().run())


def still_open(test: AppTest) -> AppTest:
    """Open the dialog again in the next run: here every click runs the whole page, which closes it."""
    test.session_state["_merge_asked"] = True
    return test


def decisions() -> list[tuple[str, str, str, bool]]:
    """Return kind, identity and into of all decisions, and whether each is in force, the newest first."""
    found = reads.records().identity_decisions(SHOP)
    return [(each.kind, each.identity, each.into, each.undone_at is None) for each in found]


def test_a_profile_tells_what_it_is_made_of_and_why(told: Open) -> None:
    """Whoever doubts a total sees whose orders are in it, and by which rule."""
    test = fine(opened(told, "Identity"))
    words = said(test).replace("\\", "").replace("\u2060", "")
    for part in ("Account 1", "Guest aa11bb", "mueller@example.com", "3 orders", "The account itself."):
        assert part in words, part
    assert "Ordered as a guest with the e-mail of the account." in words
    assert labels(test).count("Separate") == 1, "an account is not separated from itself"


def test_what_is_separated_says_so_and_can_be_taken_back(told: Open) -> None:
    """One click each way, and the timeline tells of both."""
    test = press(opened(told, "Identity"), "separate-guest:aa11bb22")
    assert decisions() == [("separated", "guest:aa11bb22", "guest:aa11bb22", True)]
    assert "Figures follow with the next run" in said(test)
    test = press(test, "undo-part-guest:aa11bb22")
    assert decisions() == [("separated", "guest:aa11bb22", "guest:aa11bb22", False)]
    assert "Separate" in labels(test)
    assert "Undone by" in said(test)
    told_of = events_of(opened(told, "Timeline"))
    assert any("Separated: account 1 and guest aa11bb are two people" in line for line in told_of)
    assert any("Together again: account 1 and guest aa11bb" in line for line in told_of)


def test_merging_finds_the_other_shows_both_and_keeps_the_account(told: Open) -> None:
    """Whoever opens the guest merges it into the account, and not the other way round."""
    test = press(opened(told, "Identity", GUEST), "merge-with")
    test = fine(still_open(test).text_input("merge-search").set_value("Müller").run())
    test = fine(still_open(test).radio("merge-other").set_value("woo:1").run())
    words = said(test).replace("\\", "")
    assert "account 1, this key stays" in words
    assert "1,318.40 EUR net" in words
    press(still_open(test), "merge-do")
    assert decisions() == [("merged", GUEST, "woo:1", True)]
    test = fine(opened(told, "Identity"))
    assert "Guest 0f3a9c" in said(test)
    assert "changes with the next run" in said(test)
    merged = [line for line in events_of(opened(told, "Timeline")) if "Merged" in line]
    assert len(merged) == 1, "one decision is one line, though both people were told"


def test_a_merge_is_undone_where_it_is_seen(told: Open) -> None:
    """Both are back, with the notes that each had."""
    records = reads.records()
    records.add_note(SHOP, GUEST, "Pays late.", "ana")
    records.merge_people(SHOP, GUEST, "woo:1", "ana")
    assert "Pays late." in " ".join(each.value for each in opened(told, "Notes").text)
    press(opened(told, "Identity"), f"undo-part-{GUEST}")
    assert decisions() == [("merged", GUEST, "woo:1", False)]
    assert "Pays late." not in " ".join(each.value for each in opened(told, "Notes").text)
    assert "Pays late." in " ".join(each.value for each in opened(told, "Notes", GUEST).text)


def test_a_decision_that_somebody_undid_meanwhile_is_told(told: Open) -> None:
    """Two tabs, one button each."""
    decision = reads.records().merge_people(SHOP, GUEST, "woo:1", "ana")
    test = opened(told, "Identity")
    reads.records().undo_identity_decision(SHOP, decision.id, "ben")
    test = test.button(f"undo-{decision.id}").click().run()
    assert [error.value.replace("\\", "") for error in test.error] == ["This decision was undone already."]


def test_shared_addresses_are_found_from_the_list_and_kept_apart(told: Open) -> None:
    """The count leads there; what is decided leaves it."""
    test = fine(told("customers"))
    assert "1 shared address" in labels(test)
    test = fine(told("shared-addresses"))
    words = said(test).replace("\\", "").replace("\u2060", "")
    for part in ("office", "9 orders by guests", "several last names", "Gustav Guest"):
        assert part in words, part
    test = press(test, "apart-office@example.com")
    assert "No address waits" in test.info[0].value
    assert {each[:2] for each in decisions()} == {("separated", "woo:2"), ("separated", GUEST)}
    assert "1 shared address" not in labels(told("customers"))


def test_everybody_under_an_address_is_made_one_person(app: Open, published: Publish) -> None:
    """One click for a household of three, one click back; the account that came first stays."""
    people = [a_buyer(number) for number in (1, 2, 3)]
    published(people, identity_reviews=[a_review("woo:1", "woo:2", "woo:3", reason="accounts")])
    test = press(app("shared-addresses"), "one-office@example.com")
    assert {each[1:] for each in decisions()} == {("woo:2", "woo:1", True), ("woo:3", "woo:1", True)}
    assert "3 people made one" in said(test)
    test = press(test, "shared-undo")
    assert {each[1:] for each in decisions()} == {("woo:2", "woo:1", False), ("woo:3", "woo:1", False)}
    assert "one-office@example.com" in [button.key for button in test.button]


@pytest.mark.parametrize("reviews", [[], [a_review("woo:1", "gone:1")]])
def test_the_page_of_shared_addresses_stands_in_any_shop(app: Open, published: Publish, reviews: list[Any]) -> None:
    """Where nothing is shared it says so; who is in no version any more breaks nothing."""
    published([a_buyer(1)], identity_reviews=reviews)
    fine(app("shared-addresses"))


def test_whoever_was_just_separated_has_a_page_that_says_what_follows(told: Open) -> None:
    """A page that is not there until the next run looks as if a click had lost somebody."""
    press(opened(told, "Identity"), "separate-guest:aa11bb22")
    for key, waits in (("guest:aa11bb22", True), ("woo:1", True), ("woo:2", False)):
        test = fine(told("customer", customer=key))
        assert test.title[0].value, key
        assert ("follow with the next run" in said(test)) == waits, key
    for tab in ("Orders", "Spend", "Notes", "Identity"):
        fine(opened(told, tab, "guest:aa11bb22"))
