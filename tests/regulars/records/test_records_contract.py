"""What every store guarantees of keys of all kinds: refused ones, aliases, the guest key; and of the change token."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from regulars.directory.query import Watched
from regulars.errors import RecordInvalid
from regulars.records.ports import Records
from tests.regulars.records.builders import a_check, a_segment, a_sync
from transforms.rules import STARTING_SEGMENTS


def test_the_adapter_is_what_the_port_says(records):
    """The type checker sees one adapter at a time; this line makes it compare."""
    port: Records = records
    assert port.change_token() == 0
    assert isinstance(records, Watched)


@pytest.mark.parametrize("wrong", ["", "\0", "\ud800", "x" * 201])
def test_keys_that_are_no_keys_are_refused(records, wrong):
    """Keys come from addresses too; each call checks them before it asks the store."""
    for attempt in (
        lambda: records.add_note(wrong, "woo:1", "x", "ana"),
        lambda: records.notes("s", wrong),
        lambda: records.tags_of("s", wrong),
        lambda: records.tags(wrong),
        lambda: records.add_tag("s", wrong, "x", "ana"),
        lambda: records.segments(wrong),
        lambda: records.segment("s", wrong),
        lambda: records.ensure_shop(wrong, []),
        lambda: records.aliases(wrong),
        lambda: records.add_aliases("s", {wrong: "woo:1"}),
        lambda: records.add_aliases("s", {"woo:1": wrong}),
        lambda: records.tag_people("s", ["woo:1", wrong], "x", "ana"),
        lambda: records.untag_people(wrong, ["woo:1"], "x", "ana"),
        lambda: records.tag_changes(wrong),
        lambda: records.tag_counts(wrong),
        lambda: records.hide("s", wrong, "ana"),
        lambda: records.show(wrong, "woo:1", "ana"),
        lambda: records.hidden(wrong),
        lambda: records.events("s", wrong),
        lambda: records.add_event("s", wrong, "edited", "ana"),
        lambda: records.segment_history("s", wrong),
        lambda: records.add_sync(a_sync(wrong)),
        lambda: records.syncs(wrong),
        lambda: records.set_checks("s", "orders", [a_check(wrong)]),
        lambda: records.checks(wrong),
    ):
        with pytest.raises(RecordInvalid):
            attempt()


def test_messages_hold_nothing_of_what_was_written(records):
    """Errors go to logs, and logs hold no personal data."""
    with pytest.raises(RecordInvalid) as caught:
        records.add_note("s", "woo:1", "secret\0", "ana")
    assert "secret" not in caught.value.sentence()


def test_aliases_are_recorded_by_shop(records, open_again):
    """A guest who registers keeps notes and tags through the alias."""
    assert records.add_aliases("s", {"guest:a": "woo:1", "guest:b": "woo:1"}) == 2
    assert records.add_aliases("s", {"guest:a": "woo:1", "woo:1": "woo:2"}) == 1
    assert records.add_aliases("s", {"guest:b": "woo:3"}) == 1
    assert open_again().aliases("s") == {"guest:a": "woo:1", "guest:b": "woo:3", "woo:1": "woo:2"}
    assert records.aliases("t") == {}


@pytest.mark.parametrize("circle", [{"a": "a"}, {"b": "a"}, {"x": "p", "p": "q", "q": "p"}, {"c": "d", "d": "a"}])
def test_aliases_in_a_circle_are_refused_as_a_whole(records, circle):
    """Nobody could say who such a person is; the good ones beside them are not half-saved."""
    records.add_aliases("s", {"a": "b", "b": "c"})
    with pytest.raises(RecordInvalid, match="circle"):
        records.add_aliases("s", {"fine": "woo:1", **circle})
    assert records.aliases("s") == {"a": "b", "b": "c"}


def test_the_guest_key_is_made_once(records, open_again):
    """With another key every guest would become another person."""
    key_id, key = records.guest_key()
    assert (len(key), records.guest_key(), open_again().guest_key()) == (32, (key_id, key), (key_id, key))


def test_the_token_moves_with_what_marts_depend_on_and_with_nothing_else(records):
    """A sensor starts a run for each move: a missed one leaves old segments, a needless one never ends."""
    moves = []

    def moved(act):
        before = records.change_token()
        act()
        moves.append(records.change_token() > before)

    moved(lambda: records.ensure_shop("s", STARTING_SEGMENTS))
    moved(lambda: records.add_aliases("s", {"guest:a": "woo:1"}))
    moved(lambda: a_segment(records, "New one"))
    moved(lambda: records.edit_segment("s", "new-one", name="N", rule="r = 5", author="a", expected_version=1))
    moved(lambda: records.delete_segment("s", "new-one"))
    moved(lambda: records.hide("s", "woo:1", "ana"))
    moved(lambda: records.show("s", "woo:1", "ana"))
    assert moves == [True] * 7
    moves.clear()
    moved(lambda: records.ensure_shop("s", STARTING_SEGMENTS))
    moved(lambda: records.add_aliases("s", {"guest:a": "woo:1"}))
    moved(lambda: records.add_aliases("s", {}))
    moved(lambda: records.add_note("s", "woo:1", "x", "ana"))
    moved(lambda: records.add_tag("s", "woo:1", "x", "ana"))
    moved(lambda: records.tag_people("s", ["woo:1", "woo:2"], "y", "ana"))
    moved(lambda: records.show("s", "woo:1", "ana"))
    moved(lambda: records.add_event("s", "woo:1", "edited", "ana"))
    moved(lambda: records.add_sync(a_sync()))
    moved(lambda: records.add_token("cron"))
    moved(records.guest_key)
    assert moves == [False] * 11


def writes_of(store, name):
    """Return a call of each kind that changes what readers lay over published data."""
    return [
        lambda: store.add_tag("s", "woo:1", name, "ana"),
        lambda: store.tag_people("s", ["woo:2", "woo:3"], name, "ana"),
        lambda: store.undo_tag_change("s", store.tag_changes("s")[0].id, "ana"),
        lambda: store.rename_tag("s", name, f"{name} now", "ana"),
        lambda: store.set_tags("s", "woo:1", [], "ana"),
        lambda: a_segment(store, name),
        lambda: store.edit_segment("s", name, name="N", rule="r = 5", author="a", expected_version=1),
        lambda: store.delete_segment("s", name),
        lambda: store.add_aliases("s", {f"guest:{name}": "woo:1"}),
        lambda: store.hide("s", "woo:1", "ana"),
        lambda: store.show("s", "woo:1", "ana"),
        lambda: store.load(list(store.dump()), replace=True),
    ]


def test_whoever_looks_sees_that_somebody_wrote(records, open_again):
    """Readers keep what they read for as long as nobody wrote: a write that is not told would never be shown."""
    seen = [records.written("s")]
    for act in (*writes_of(records, "here"), *writes_of(open_again(), "elsewhere")):
        act()
        seen.append(records.written("s"))
    assert len(set(seen)) == len(seen) == 25


def test_as_long_as_nobody_writes_everybody_sees_the_same_value(records, open_again):
    """Then nothing is read again, which for a large shop's tags takes longer than all the rest."""
    records.add_tag("s", "woo:1", "vip", "ana")
    seen = [records.written("s")]
    for read in (records.tags, records.segments, records.aliases, records.hidden):
        read("s")
    open_again().tags("s")
    with ThreadPoolExecutor(4) as pool:
        seen += pool.map(lambda _: records.written("s"), range(20))
    assert set(seen) == {seen[0]}


def test_a_store_that_was_closed_in_between_still_tells(records, open_again):
    """What was written while nobody looked must not be taken for what was there before."""
    before = records.written("s")
    records.close()
    open_again().add_tag("s", "woo:1", "vip", "ana")
    assert records.written("s") != before


def test_tags_move_the_token_once_a_segment_asks_for_tags(records):
    """Then the published members depend on them."""
    records.create_segment("s", "Tagged", 'tags contains "vip"', "ana")
    before = records.change_token()
    records.add_tag("t", "woo:1", "vip", "ana")
    assert records.change_token() == before
    records.add_tag("s", "woo:1", "vip", "ana")
    after = records.change_token()
    assert after > before
    records.add_tag("s", "woo:1", "VIP", "ana")
    assert records.change_token() == after
    moves = []
    for act in (
        lambda: records.tag_people("s", ["woo:1", "woo:2"], "vip", "ana"),
        lambda: records.untag_people("s", ["woo:2"], "vip", "ana"),
        lambda: records.undo_tag_change("s", records.tag_changes("s")[0].id, "ana"),
        lambda: records.rename_tag("s", "vip", "top", "ana"),
        lambda: records.rename_tag("s", "top", "top", "ana"),
        lambda: records.tag_people("s", ["woo:1"], "top", "ana"),
    ):
        before = records.change_token()
        act()
        moves.append(records.change_token() > before)
    assert moves == [True, True, True, True, False, False]
