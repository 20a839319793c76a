"""What every store guarantees of one person's tags, and of tags under another name."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regulars.errors import RecordInvalid, RecordNotFound, StaleVersion
from tests.regulars.records.builders import WOMAN_ON_LAPTOP


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


def test_tags_are_replaced_only_where_they_are_as_expected(records):
    """Two people have the profile open; the second to save must not take away what the first one gave."""
    records.set_tags("s", "woo:1", ["b2b"], "ana", expected=[])
    assert records.set_tags("s", "woo:1", ["vip"], "ana", expected=["B2B "]) == ("vip",)
    for expected in (["b2b"], [], ["vip", "b2b"]):
        with pytest.raises(StaleVersion, match="tags"):
            records.set_tags("s", "woo:1", ["lost"], "ben", expected=expected)
    assert records.tags_of("s", "woo:1") == ("vip",)


def test_tags_write_what_was_done(records):
    """The timeline says who gave and took which tag; what changed nothing is no event."""
    records.set_tags("s", "woo:1", ["VIP", "b2b"], "ana")
    records.set_tags("s", "woo:1", ["vip", "b2b"], "ben")
    records.remove_tag("s", "woo:1", "B2B", "ben")
    records.add_tag("s", "woo:1", "vip", "ben")
    events = [(event.kind, event.detail, event.author) for event in reversed(records.events("s", "woo:1"))]
    assert sorted(events[:2]) == [("tag_added", "VIP", "ana"), ("tag_added", "b2b", "ana")]
    assert events[2:] == [("tag_removed", "b2b", "ben")]


def test_the_people_of_each_tag_are_counted(records):
    """The filter shows how many each tag would find, of this shop alone."""
    records.set_tags("s", "woo:1", ["vip", "B2B"], "ana")
    records.add_tag("s", "woo:2", "VIP", "ana")
    records.add_tag("t", "woo:1", "other", "ana")
    assert list(records.tag_counts("s").items()) == [("B2B", 1), ("vip", 2)]
    assert records.tag_counts("u") == {}


def test_a_tag_is_renamed_for_everybody(records):
    """One wrong spelling is mended in one place; other shops and other tags stay."""
    for key in ("woo:1", "woo:2"):
        records.add_tag("s", key, "wholsale", "ana")
    records.add_tag("s", "woo:1", "vip", "ana")
    records.add_tag("t", "woo:1", "wholsale", "ana")
    assert records.rename_tag("s", "WHOLSALE", "Wholesale", "ben") == 2
    assert records.tags("s") == {"woo:1": ("vip", "Wholesale"), "woo:2": ("Wholesale",)}
    assert records.tags("t") == {"woo:1": ("wholsale",)}
    assert records.rename_tag("s", "wholesale", "WHOLESALE", "ben") == 2
    assert records.tags_of("s", "woo:2") == ("WHOLESALE",)
    assert records.add_tag("s", "woo:3", "wholsale", "ana") == ("wholsale",)


def test_renaming_to_a_tag_in_use_merges_the_two(records):
    """Two tags that mean one thing become one; nobody has it twice, and its spelling stays."""
    records.set_tags("s", "woo:1", ["big", "VIP"], "ana")
    records.set_tags("s", "woo:2", ["big"], "ana")
    records.set_tags("s", "woo:3", ["VIP"], "ana")
    assert records.rename_tag("s", "big", "vip", "ben") == 2
    assert records.tags("s") == {"woo:1": ("VIP",), "woo:2": ("VIP",), "woo:3": ("VIP",)}
    assert records.tag_counts("s") == {"VIP": 3}


def test_a_tag_that_nobody_has_cannot_be_renamed(records):
    """Somebody else may have renamed it a moment ago: that must be said, and a bad name refused."""
    records.add_tag("s", "woo:1", "kept", "ana")
    with pytest.raises(RecordNotFound, match="Nobody"):
        records.rename_tag("s", "gone", "new", "ana")
    with pytest.raises(RecordInvalid, match="tag"):
        records.rename_tag("s", "kept", " ", "ana")
    assert records.tag_counts("s") == {"kept": 1}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(["woo:1", "woo:2", "woo:3"]), st.sets(st.sampled_from("abcd"))),
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcdE")), max_size=4),
)
def test_renames_and_merges_are_a_mapping_of_sets(records, given_tags, renames):
    """However tags are renamed and merged: each person has the set that the names now say, nobody gains or loses."""
    for key in ("woo:1", "woo:2", "woo:3"):
        given_tags.setdefault(key, set())
        records.set_tags("s", key, given_tags[key], "ana")
    for old, new in renames:
        having = [key for key, tags in given_tags.items() if old in tags]
        if having:
            assert records.rename_tag("s", old, new, "ben") == len(having)
        for key in having:
            given_tags[key] = given_tags[key] - {old} | {new.lower()}
    shown = {key: {tag.lower() for tag in tags} for key, tags in records.tags("s").items()}
    assert shown == {key: tags for key, tags in given_tags.items() if tags}
    assert all(len(tags) == len(shown[key]) for key, tags in records.tags("s").items())
