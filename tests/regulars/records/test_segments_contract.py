"""What every store guarantees of segments."""

from types import SimpleNamespace

import pytest

from regulars.errors import RecordInvalid, RecordNotFound, StaleVersion
from tests.regulars.records.builders import a_segment
from transforms.rules import STARTING_SEGMENTS


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
        ("Good", "", "a field such as"),
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


def test_every_version_of_a_segment_is_kept(records):
    """Who was in a segment last month depends on the rule of last month."""
    first = a_segment(records, "One")
    second = records.edit_segment("s", "one", name="Two", rule="r = 5", author="ben", expected_version=1)
    third = records.edit_segment(
        "s", "one", name="Two", rule="r = 4", author="cem", expected_version=2, description="x"
    )
    assert records.segment_history("s", "one") == [first, second, third]
    records.delete_segment("s", "one")
    assert records.segment_history("s", "one") == [first, second, third]


def test_a_segment_that_never_was_has_no_history(records):
    """An address with a typing error must not look like an empty history, nor lead into another shop."""
    a_segment(records, "One")
    for shop, segment_id in (("s", "two"), ("t", "one")):
        with pytest.raises(RecordNotFound):
            records.segment_history(shop, segment_id)
