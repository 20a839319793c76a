"""What every store of records guarantees, on every adapter."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.errors import RecordInvalid, RecordNotFound, StaleVersion
from regulars.records.ports import Records
from transforms.rules import STARTING_SEGMENTS

WOMAN_ON_LAPTOP = "👩🏽‍💻"
HOSTILE_TEXTS = [
    "<script>alert(1)</script> [x](javascript:alert(1)) $\\LaTeX$ {{ template }}",
    "'; DROP TABLE notes; --",
    "\u202eright to left override\u202c",
    WOMAN_ON_LAPTOP,
    "e" + "\u0301" * 5_000,
    "Zoë\r\nsecond line\ttab \x1b[31mred",
    "שלום עולם",
    "x" * 10_000,
]


def a_segment(records, name="Big spenders", rule="total_spent >= 200"):
    """Return a new segment of the shop `s`."""
    return records.create_segment("s", name, rule, "ana")


def test_the_adapter_is_what_the_port_says(records):
    """The type checker sees one adapter at a time; this line makes it compare."""
    port: Records = records
    assert port.change_token() == 0


# Notes


def test_a_note_comes_back_as_written(records, open_again):
    """Notes are the one thing nobody can fetch again; another process must see them at once."""
    note = records.add_note("s", "woo:1", "  Prefers phone.\n", "ana")
    assert (note.text, note.author, note.version, note.edited_at) == ("Prefers phone.", "ana", 1, None)
    assert note.created_at == datetime(2026, 11, 22, 9, 1, tzinfo=UTC)
    assert open_again().notes("s", "woo:1") == [note]


def test_notes_are_listed_newest_first_and_by_person(records):
    """A profile shows its own notes; the same key in another shop is another person."""
    first = records.add_note("s", "woo:1", "one", "ana")
    second = records.add_note("s", "woo:1", "two", "ana")
    records.add_note("s", "woo:2", "other person", "ana")
    records.add_note("t", "woo:1", "other shop", "ana")
    records.edit_note(first.id, "one, edited", "ana", 1)
    assert [note.id for note in records.notes("s", "woo:1")] == [second.id, first.id]


def test_the_keys_of_those_who_have_notes_are_found(records):
    """A key with a note must be recognised when its guest registers, though nobody of that key is published any more."""
    note = records.add_note("s", "guest:a", "one", "ana")
    records.add_note("s", "woo:2", "two", "ana")
    records.add_note("t", "woo:3", "other shop", "ana")
    assert records.keys_with_notes("s") == {"guest:a", "woo:2"}
    records.delete_note(note.id, 1)
    assert records.keys_with_notes("s") == {"woo:2"}


def test_an_edit_keeps_every_earlier_version(records):
    """Who wrote what must stay answerable after an edit."""
    note = records.add_note("s", "woo:1", "one", "ana")
    edited = records.edit_note(note.id, "two", "ben", expected_version=1)
    again = records.edit_note(note.id, "three", "cem", expected_version=2)
    assert (again.text, again.author, again.version, again.created_at) == ("three", "cem", 3, note.created_at)
    assert records.note_history(note.id) == [note, edited, again]
    assert records.notes("s", "woo:1") == [again]


def test_an_edit_of_an_old_version_changes_nothing(records):
    """Two people have the note open; the second to save must not wipe out the first."""
    note = records.add_note("s", "woo:1", "one", "ana")
    saved = records.edit_note(note.id, "two", "ben", 1)
    with pytest.raises(StaleVersion, match="ben"):
        records.edit_note(note.id, "lost?", "ana", 1)
    with pytest.raises(StaleVersion):
        records.delete_note(note.id, 1)
    assert records.notes("s", "woo:1") == [saved]
    assert len(records.note_history(note.id)) == 2


def test_a_deleted_note_is_gone_and_its_id_is_not_used_again(records):
    """An old tab that still edits note 1 must not hit somebody else's note."""
    note = records.add_note("s", "woo:1", "one", "ana")
    records.edit_note(note.id, "two", "ana", 1)
    records.delete_note(note.id, 2)
    assert records.notes("s", "woo:1") == []
    assert records.add_note("s", "woo:1", "three", "ana").id > note.id
    for attempt in (
        lambda: records.note_history(note.id),
        lambda: records.edit_note(note.id, "x", "ana", 2),
        lambda: records.delete_note(note.id, 2),
    ):
        with pytest.raises(RecordNotFound):
            attempt()


@pytest.mark.parametrize("number", [0, -1, 2**63, 2**64])
def test_ids_beyond_any_store_are_not_found(records, number):
    """Ids come from addresses that people can type."""
    with pytest.raises(RecordNotFound):
        records.note_history(number)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_hostile_text_comes_back_unharmed(records, text):
    """Text is data: nothing in it is run, cut or rewritten."""
    records.add_note("s", "woo:1", text, "ana")
    assert records.notes("s", "woo:1")[0].text == text


@pytest.mark.parametrize("text", ["", "  \n\t ", "x" * 1_000_000, "x" * 10_001, "a\0b", "a\ud800b", None, 3, b"x"])
def test_what_is_no_note_is_refused_and_leaves_nothing(records, text):
    """A megabyte, a NUL or half a character must end in a sentence, before anything is written."""
    note = records.add_note("s", "woo:1", "kept", "ana")
    with pytest.raises(RecordInvalid, match="The note"):
        records.add_note("s", "woo:1", text, "ana")
    with pytest.raises(RecordInvalid, match="The note"):
        records.edit_note(note.id, text, "ana", 1)
    assert records.notes("s", "woo:1") == [note]


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
    ):
        with pytest.raises(RecordInvalid):
            attempt()


def test_messages_hold_nothing_of_what_was_written(records):
    """Errors go to logs, and logs hold no personal data."""
    with pytest.raises(RecordInvalid) as caught:
        records.add_note("s", "woo:1", "secret\0", "ana")
    assert "secret" not in caught.value.sentence()


# Tags


def test_tags_are_kept_shown_and_listed(records, open_again):
    """The list shows tags of everybody, the profile those of one."""
    assert records.set_tags("s", "woo:1", ["wholesale", "VIP"], "ana") == ("VIP", "wholesale")
    assert records.add_tag("s", "woo:2", "VIP", "ana") == ("VIP",)
    records.add_tag("t", "woo:1", "other shop", "ana")
    again = open_again()
    assert again.tags("s") == {"woo:1": ("VIP", "wholesale"), "woo:2": ("VIP",)}
    assert again.tags_of("s", "woo:1") == ("VIP", "wholesale")
    assert again.tags_of("s", "woo:3") == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("café", "cafe\u0301"),
        ("VIP", "vip"),
        ("ＶＩＰ", "VIP"),
        ("Straße", "STRASSE"),
        ("big  spender", " big\u00a0spender\n"),
        ("ﬁne", "fine"),
        ("v\u200bip", "vip"),
        ("ΟΔΟΣ", "οδος"),
    ],
)
def test_tags_that_differ_only_in_form_are_one_tag(records, first, second):
    """Otherwise a filter by tag silently misses half of the people."""
    records.add_tag("s", "woo:1", first, "ana")
    assert len(records.add_tag("s", "woo:1", second, "ben")) == 1
    assert records.add_tag("s", "woo:2", second, "ben") == records.tags_of("s", "woo:1")
    assert records.remove_tag("s", "woo:1", second, "ben") == ()


def test_a_tag_is_shown_as_first_written_until_nobody_has_it(records):
    """One spelling everywhere; a wrong one can be mended by taking it away and writing it anew."""
    records.set_tags("s", "woo:1", ["Vip", "VIP"], "ana")
    assert records.add_tag("s", "woo:2", "VIP", "ana") == ("Vip",)
    records.remove_tag("s", "woo:1", "vip", "ana")
    records.set_tags("s", "woo:2", [], "ana")
    assert records.add_tag("s", "woo:2", "VIP", "ana") == ("VIP",)


def test_giving_and_taking_twice_changes_nothing(records):
    """A double click is no error."""
    records.add_tag("s", "woo:1", "vip", "ana")
    assert records.add_tag("s", "woo:1", "vip", "ana") == ("vip",)
    assert records.remove_tag("s", "woo:1", "other", "ana") == ("vip",)
    assert records.remove_tag("s", "woo:1", "vip", "ana") == ()
    assert records.remove_tag("s", "woo:1", "vip", "ana") == ()


@pytest.mark.parametrize(
    "tag", ["", "   ", "x" * 41, "ﷺ" * 10, "a\0b", "a\x1bb", "\ud800", "\u200b", "\u202e\u2066", None]
)
def test_what_is_no_tag_is_refused_and_leaves_nothing(records, tag):
    """Forty characters count as they are shown; a tag nobody can see helps nobody."""
    records.add_tag("s", "woo:1", "kept", "ana")
    for attempt in (
        lambda: records.add_tag("s", "woo:1", tag, "ana"),
        lambda: records.set_tags("s", "woo:1", ["new", tag], "ana"),
    ):
        with pytest.raises(RecordInvalid, match="tag"):
            attempt()
    assert records.tags("s") == {"woo:1": ("kept",)}


def test_emoji_and_scripts_are_tags_too(records):
    """Shops sort their people by a heart as well."""
    for tag in (WOMAN_ON_LAPTOP, "❤️", "оптовик", "卸売", "جملة"):
        assert tag in records.add_tag("s", "woo:1", tag, "ana")


def test_fifty_tags_are_enough(records):
    """A runaway import must not fill the store; the limit holds for one more and for all at once."""
    many = [f"tag {number}" for number in range(50)]
    assert len(records.set_tags("s", "woo:1", many, "ana")) == 50
    with pytest.raises(RecordInvalid, match="50"):
        records.add_tag("s", "woo:1", "one more", "ana")
    with pytest.raises(RecordInvalid, match="50"):
        records.set_tags("s", "woo:2", (f"tag {number}" for number in range(10**9)), "ana")
    with pytest.raises(RecordInvalid, match="list"):
        records.set_tags("s", "woo:2", "vip", "ana")
    assert records.tags("s").keys() == {"woo:1"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["a", "A", "b", " B ", "ß", "SS", "c"])))
def test_setting_tags_leaves_exactly_those(records, wanted):
    """Whatever was there before: the result is the set that was given, each once."""
    shown = records.set_tags("s", "woo:1", wanted, "ana")
    assert sorted(tag.strip().casefold() for tag in shown) == sorted({tag.strip().casefold() for tag in wanted})
    assert records.tags_of("s", "woo:1") == shown


# Segments


def test_a_shop_begins_with_its_starting_segments_once(records, open_again):
    """A deleted starting segment must not come back with the next start; another shop still gets its own."""
    records.ensure_shop("s", STARTING_SEGMENTS)
    assert [s.id for s in records.segments("s")] == ["vip", "frequent-buyers", "new", "slipping", "inactive"]
    records.delete_segment("s", "vip")
    again = open_again()
    again.ensure_shop("s", STARTING_SEGMENTS)
    again.ensure_shop("t", STARTING_SEGMENTS)
    assert [s.id for s in again.segments("s")] == ["frequent-buyers", "new", "slipping", "inactive"]
    assert len(again.segments("t")) == 5


def test_a_starting_segment_gives_way_to_one_that_people_made(records):
    """Somebody may have saved a segment called VIP before the first start of the app."""
    mine = a_segment(records, "VIP", "total_spent >= 9")
    records.ensure_shop("s", STARTING_SEGMENTS)
    assert records.segment("s", "vip") == mine
    assert len(records.segments("s")) == 5


def test_a_segment_is_saved_with_its_canonical_rule(records, open_again):
    """The text is what people copy from one place to another; it must read the same everywhere."""
    made = records.create_segment("s", " Big spenders ", "NET>=200 AND (r = 5)", "ana", " They pay. ")
    assert (made.id, made.name, made.version, made.edited_at) == ("big-spenders", "Big spenders", 1, None)
    assert (made.rule, made.description) == ("total_spent >= 200 and r = 5", "They pay.")
    assert open_again().segments("s") == [made]


def test_an_edit_keeps_id_and_place(records):
    """Links and filters hold the id; a new name must not break them."""
    first, second = a_segment(records, "One"), a_segment(records, "Two")
    edited = records.edit_segment(
        "s", first.id, name="Other", rule="r = 5", author="ben", expected_version=1, description="x"
    )
    assert (edited.id, edited.name, edited.rule, edited.description, edited.version) == (
        "one",
        "Other",
        "r = 5",
        "x",
        2,
    )
    assert edited.created_at == first.created_at < edited.edited_at
    assert records.segments("s") == [edited, second]


def test_an_old_version_of_a_segment_is_not_saved_over_a_new_one(records):
    """Two people edit one rule; the second one must be told."""
    segment = a_segment(records)
    saved = records.edit_segment("s", segment.id, name="B", rule="r = 4", author="ben", expected_version=1)
    with pytest.raises(StaleVersion, match="ben"):
        records.edit_segment("s", segment.id, name="C", rule="r = 3", author="ana", expected_version=1)
    with pytest.raises(StaleVersion):
        records.delete_segment("s", segment.id, expected_version=1)
    assert records.segment("s", segment.id) == saved


def test_a_deleted_segments_id_is_never_given_again(records):
    """A bookmark to a deleted segment must lead to a sentence, not to other people."""
    first = a_segment(records, "Best")
    records.delete_segment("s", first.id, expected_version=1)
    second = a_segment(records, "Best")
    assert (first.id, second.id) == ("best", "best-2")
    with pytest.raises(RecordNotFound):
        records.segment("s", "best")
    with pytest.raises(RecordNotFound):
        records.delete_segment("s", "best")
    with pytest.raises(RecordNotFound):
        records.edit_segment("s", "best", name="x", rule="r = 5", author="ana", expected_version=1)


def test_ids_are_slugs_of_any_name(records):
    """Ids stand in addresses; names are in any script."""
    names = ["Grüße & Co.", "Große Kunden", "оптовики", "卸売", "../../etc", "Großekunden!" * 6]
    assert [a_segment(records, name).id for name in names] == [
        "grusse-co",
        "grosse-kunden",
        "segment",
        "segment-2",
        "etc",
        "grossekunden-grossekunden-grossekunden-g",
    ]


def test_two_segments_of_one_name_are_refused(records):
    """Two cards that read the same cannot be told apart."""
    first, second = a_segment(records, "Best"), a_segment(records, "Other")
    for attempt in (
        lambda: a_segment(records, "  BEST "),
        lambda: records.edit_segment("s", second.id, name="best", rule="r = 5", author="a", expected_version=1),
    ):
        with pytest.raises(RecordInvalid, match="name"):
            attempt()
    assert records.edit_segment("s", first.id, name="BEST", rule="r = 5", author="a", expected_version=1).name == "BEST"


@pytest.mark.parametrize(
    ("name", "rule", "says"),
    [
        ("Good", "order_count > 3", "did you mean orders_count"),
        ("Good", "", "where a field"),
        ("Good", "(" * 5_000, "at most"),
        ("", "r = 5", "The name"),
        ("x" * 81, "r = 5", "The name"),
        ("two\nlines", "r = 5", "one line"),
        ("\u200b\u2066", "r = 5", "seen"),
        ("a\0", "r = 5", "The name"),
    ],
)
def test_what_is_no_segment_is_refused_with_a_sentence(records, name, rule, says):
    """The sentence stands beside the form; the store stays as it was."""
    token = records.change_token()
    with pytest.raises(RecordInvalid, match=says):
        a_segment(records, name, rule)
    assert (records.segments("s"), records.change_token()) == ([], token)


def test_a_broken_starting_segment_gives_none_of_them(records):
    """Half of a beginning would never be completed."""
    bad = SimpleNamespace(id="bad", name="Bad", rule="nonsense", description="")
    with pytest.raises(RecordInvalid):
        records.ensure_shop("s", [*STARTING_SEGMENTS, bad])
    assert records.segments("s") == []
    records.ensure_shop("s", STARTING_SEGMENTS)
    assert len(records.segments("s")) == 5


# Aliases, keys, the token


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
    assert moves == [True] * 5
    moves.clear()
    moved(lambda: records.ensure_shop("s", STARTING_SEGMENTS))
    moved(lambda: records.add_aliases("s", {"guest:a": "woo:1"}))
    moved(lambda: records.add_aliases("s", {}))
    moved(lambda: records.add_note("s", "woo:1", "x", "ana"))
    moved(lambda: records.add_tag("s", "woo:1", "x", "ana"))
    moved(records.guest_key)
    assert moves == [False] * 6


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
