"""What every store guarantees of tags of many people at once."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.errors import RecordInvalid, RecordNotFound, StaleVersion

FIFTY = [f"tag {number}" for number in range(50)]
KEYS = ("woo:1", "woo:2", "woo:3")


def test_many_people_get_one_tag(records, open_again):
    """A whole segment is tagged with one click; who has the tag is not counted again."""
    records.add_tag("s", "woo:2", "VIP", "ana")
    change = records.tag_people("s", ["woo:1", "woo:2", "woo:3", "woo:1"], " vip ", "ben")
    assert (change.tag, change.action, change.people, change.author, change.undone_at) == ("VIP", "add", 2, "ben", None)
    again = open_again()
    assert again.tags("s") == dict.fromkeys(KEYS, ("VIP",))
    assert again.tag_changes("s") == [change]
    assert [(event.kind, event.detail, event.author) for event in again.events("s", "woo:1")] == [
        ("tag_added", "VIP", "ben")
    ]
    assert [event.author for event in again.events("s", "woo:2")] == ["ana"]


def test_many_people_lose_one_tag(records):
    """Who does not have it is passed over; other tags stay."""
    for key in ("woo:1", "woo:2"):
        records.set_tags("s", key, ["vip", "b2b"], "ana")
    change = records.untag_people("s", KEYS, "VIP", "ben")
    assert (change.tag, change.action, change.people) == ("vip", "remove", 2)
    assert records.tags("s") == {"woo:1": ("b2b",), "woo:2": ("b2b",)}
    assert records.tag_counts("s") == {"b2b": 2}
    assert records.events("s", "woo:3") == []
    assert records.events("s", "woo:1")[0].kind == "tag_removed"


def test_who_has_fifty_tags_is_passed_over(records):
    """One person's fifty tags must not stop the other thousand from getting theirs."""
    records.set_tags("s", "woo:1", FIFTY, "ana")
    assert records.tag_people("s", KEYS, "vip", "ana").people == 2
    assert "vip" not in records.tags_of("s", "woo:1")


def test_a_change_of_nobody_is_one_too(records):
    """It shows in the history as what it was, and can be undone without harm."""
    change = records.untag_people("s", [], "vip", "ana")
    assert (change.people, records.tag_changes("s")) == (0, [change])
    assert records.undo_tag_change("s", change.id, "ana").undone_at is not None
    assert records.tag_counts("s") == {}


@pytest.mark.parametrize("call", ["tag_people", "untag_people"])
def test_a_bad_key_or_tag_stops_the_whole_change(records, call):
    """Half of a bulk change could not be told from all of it."""
    act = getattr(records, call)
    for keys, tag in ((["woo:1", "\0"], "vip"), (["woo:1"], ""), ("woo:1", "vip")):
        with pytest.raises(RecordInvalid):
            act("s", keys, tag, "ana")
    assert (records.tags("s"), records.tag_changes("s")) == ({}, [])


def test_an_undo_spares_who_changed_since(records):
    """What people did by hand after the bulk change is theirs."""
    change = records.tag_people("s", KEYS, "vip", "ana")
    records.remove_tag("s", "woo:1", "vip", "ben")
    records.remove_tag("s", "woo:2", "vip", "ben")
    records.add_tag("s", "woo:2", "vip", "ben")
    undone = records.undo_tag_change("s", change.id, "cem")
    assert undone == change.model_copy(update={"undone_at": undone.undone_at})
    assert undone.undone_at is not None
    assert records.tags("s") == {"woo:2": ("vip",)}
    assert records.tag_changes("s") == [undone]
    assert [(event.kind, event.author) for event in records.events("s", "woo:3")] == [
        ("tag_removed", "cem"),
        ("tag_added", "ana"),
    ]
    assert len(records.events("s", "woo:1")) == 2


def test_an_undone_removal_gives_the_tag_back_as_it_was(records):
    """As it was shown, by whom it was given; but nobody gets a fifty-first."""
    records.set_tags("s", "woo:1", ["VIP"], "ana")
    records.set_tags("s", "woo:2", ["VIP"], "ana")
    before = [row for row in records.dump() if row["table"] == "person_tags" and row["customer_key"] == "woo:1"]
    change = records.untag_people("s", KEYS, "vip", "ben")
    records.set_tags("s", "woo:2", FIFTY, "ana")
    records.undo_tag_change("s", change.id, "cem")
    assert records.tags_of("s", "woo:1") == ("VIP",)
    assert len(records.tags_of("s", "woo:2")) == 50
    assert before == [row for row in records.dump() if row["table"] == "person_tags" and row["customer_key"] == "woo:1"]


def test_a_change_is_undone_once(records):
    """The second click, or the second person, must hear that it happened."""
    change = records.tag_people("s", KEYS, "vip", "ana")
    records.undo_tag_change("s", change.id, "ana")
    records.add_tag("s", "woo:1", "vip", "ana")
    with pytest.raises(StaleVersion, match="undone already"):
        records.undo_tag_change("s", change.id, "ana")
    assert records.tags("s") == {"woo:1": ("vip",)}


@pytest.mark.parametrize("number", [0, -1, 99, 2**63, 2**64])
def test_a_change_that_never_was_cannot_be_undone(records, number):
    """Ids come from addresses and old tabs; another shop's change is none of this one's."""
    other = records.tag_people("t", KEYS, "vip", "ana")
    for change_id in (number, other.id):
        with pytest.raises(RecordNotFound):
            records.undo_tag_change("s", change_id, "ana")
    assert len(records.tags("t")) == 3


def test_a_change_follows_its_tag_to_another_name(records):
    """A rename in between must not leave the tag behind, and a merge must not cost anybody the tag they had."""
    records.add_tag("s", "woo:3", "top", "ana")
    change = records.tag_people("s", KEYS, "vip", "ana")
    records.rename_tag("s", "vip", "VIPs", "ben")
    assert records.tag_changes("s")[0].tag == "VIPs"
    records.rename_tag("s", "vips", "top", "ben")
    records.undo_tag_change("s", change.id, "ana")
    assert records.tags("s") == {"woo:3": ("top",)}


def test_a_merge_keeps_the_tag_that_was_given_first(records):
    """Undoing what a bulk change added must not take what somebody had before under the other name."""
    records.add_tag("s", "woo:1", "big", "ana")
    change = records.tag_people("s", KEYS, "vip", "ana")
    records.rename_tag("s", "big", "vip", "ben")
    records.undo_tag_change("s", change.id, "ana")
    assert records.tags("s") == {"woo:1": ("vip",)}


def test_the_newest_hundred_changes_are_kept(records):
    """Whom each change concerned is kept for its undo; that must not grow for ever."""
    first = records.tag_people("s", KEYS, "vip", "ana")
    other = records.tag_people("t", KEYS, "vip", "ana")
    last = [records.untag_people("s", ["woo:9"], "x", "ana").id for _ in range(100)]
    assert [change.id for change in records.tag_changes("s", limit=500)] == list(reversed(last))
    assert records.tag_changes("t") == [other]
    assert records.tag_changes("s", limit=0) == []
    with pytest.raises(RecordNotFound):
        records.undo_tag_change("s", first.id, "ana")
    assert not [row for row in records.dump() if row["table"] == "tag_change_people" and row["change_id"] == first.id]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(KEYS), st.sets(st.sampled_from("abc"))),
    st.lists(
        st.tuples(
            st.sampled_from(["tag_people", "untag_people"]), st.sets(st.sampled_from(KEYS)), st.sampled_from("abcd")
        )
    ),
)
def test_bulk_changes_undone_in_turn_restore_everything(records, given_tags, changes):
    """Whatever was there and whatever was changed: undone one by one, all is exactly as before, givers and dates too."""
    for key in KEYS:
        records.set_tags("s", key, given_tags.get(key, ()), "ana")

    def state():
        return [row for row in records.dump() if row["table"] in ("tags", "person_tags")]

    before = state()
    done = [getattr(records, call)("s", keys, tag, "ben") for call, keys, tag in changes]
    for change in reversed(done):
        records.undo_tag_change("s", change.id, "ben")
    assert state() == before
