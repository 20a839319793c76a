"""Segments that name one another: order, circles, what is broken with them, and what may be saved."""

import polars as pl
import pytest

from tests.transforms.rule_cases import AS_OF, BERLIN, a_person, people
from transforms.rules import (
    InSegment,
    RuleError,
    SegmentRule,
    by_id,
    evaluation_order,
    named_by,
    parse,
    refuse_circle,
    refuse_unknown,
    to_text,
    without_past,
    words,
)
from transforms.schemas import ORDERS
from transforms.segments import assign_segments, broken_segments


def saved(**rules):
    """Return segments whose names are their ids in capitals."""
    return [SegmentRule(each, each.upper(), rule) for each, rule in rules.items()]


def members(segments, *rows, tables=None):
    """Return who is in which segment, by id."""
    frames = assign_segments(
        people(*rows), segments, shop="s", as_of=AS_OF, timezone=BERLIN, hidden={"woo:9"}, tables=tables or {}
    )
    found = pl.collect_all(list(frames))[2]
    return {each: found.filter(pl.col("segment_id") == each)["customer_key"].to_list() for each, _, _ in segments}


def test_a_segment_sees_the_members_of_the_one_it_names():
    """The order of making does not matter, and a chain of segments is as good as one rule."""
    segments = saved(c='in_segment("B") and r = 5', b='not in_segment("a")', a="f >= 3")
    rows = [a_person(customer_key=f"woo:{number}", f=number, r=number + 3) for number in (1, 2, 3)]
    assert members(segments, *rows) == {"a": ["woo:3"], "b": ["woo:1", "woo:2"], "c": ["woo:2"]}


def test_members_are_those_who_are_still_here():
    """Somebody who was hidden is in no segment, so "not in it" is true of them in the rule and in no list."""
    segments = saved(a="f >= 1", b='not in_segment("a")', c='in_segment("a")')
    assert members(segments, a_person(customer_key="woo:9", f=5)) == {"a": [], "b": [], "c": []}


def test_segments_come_after_those_they_name():
    """Whoever evaluates them in this order never waits for one."""
    order = evaluation_order(saved(c='in_segment("b")', b='in_segment("a") or in_segment("d")', a="r = 5", d="f = 5"))
    assert list(order.rules) == ["a", "d", "b", "c"]
    assert order.broken == {}


def test_a_circle_breaks_its_segments_and_those_that_lead_into_it():
    """A circle has no meaning; each segment in it says who is in the circle, others go on."""
    segments = saved(
        a='in_segment("b")', b='in_segment("c") or r = 5', c='not in_segment("A")', d='in_segment("c")', e="r = 5"
    )
    broken = broken_segments(segments)
    assert list(broken) == ["a", "b", "c", "d"]
    assert broken["b"] == "“A”, “B”, “C” name each other in a circle."
    assert "“C”, which cannot be evaluated" in broken["d"]
    assert members(segments, a_person(r=5))["e"] == ["guest:1"]


def test_a_segment_that_names_itself_is_a_circle_of_one():
    """The shortest circle."""
    assert broken_segments(saved(a='r = 5 or in_segment("a")')) == {"a": "The segment “A” names itself."}


def test_what_names_a_broken_or_unknown_segment_is_broken_too():
    """Half of a rule must not decide who gets a letter."""
    broken = broken_segments(saved(a="gone = 1", b='not in_segment("a")', c='in_segment("nobody")', d="r = 5"))
    assert list(broken) == ["a", "b", "c"]
    assert "There is no segment “nobody”; there are: a, b, c, d." in broken["c"]


def test_a_long_chain_of_segments_needs_no_stack():
    """Each names the one before; a thousand of them end in an order, not in a crash."""
    segments = saved(**{f"s{number}": f'in_segment("s{number + 1}")' for number in range(1_000)}, s1000="r = 5")
    order = evaluation_order(segments)
    assert (len(order.rules), next(iter(order.rules))) == (1_001, "s1000")


def test_names_become_ids_so_that_a_rename_breaks_nothing():
    """People write names; what is stored is the id, and a card shows the name of today."""
    segments = [SegmentRule("vip", "Très chers", "r = 5")]
    rule = by_id(parse('not (in_segment("TRÈS CHERS") and r = 5)'), segments)
    assert to_text(rule) == 'not (in_segment("vip") and r = 5)'
    assert words(rule, {"vip": "Dear ones"}) == "not (in the segment “Dear ones” and recency score is 5)"


def test_an_id_comes_before_a_name_and_two_of_a_name_are_not_guessed():
    """A guess would write to the wrong people."""
    segments = [SegmentRule("a", "b", "r = 5"), SegmentRule("b", "x", "r = 4"), SegmentRule("c", "X", "r = 3")]
    assert to_text(by_id(parse('in_segment("b")'), segments)) == 'in_segment("b")'
    with pytest.raises(RuleError, match=r"Several segments are called “X”.* b or c"):
        by_id(parse('in_segment("X")'), segments)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ('in_segment("a")', "“A” names itself"),
        ('r = 5 and not in_segment("c")', "“A”, “C”, “B” name each other"),
        ('in_segment("zz")', "no segment “zz”"),
    ],
)
def test_saving_refuses_what_would_close_a_circle_or_name_nobody(rule, says):
    """It is told to the person who writes the rule, before it breaks the segments of others."""
    others = saved(a="r = 5", b='in_segment("a")', c='in_segment("b")')
    with pytest.raises(RuleError, match=says):
        refuse_circle("a", parse(rule), others)


def test_a_segment_that_is_misspelt_is_suggested():
    """By its name as by its id."""
    segments = [SegmentRule("s-1", "Frequent buyers", "r = 5"), SegmentRule("vip", "VIP", "r = 4")]
    for typed, right in (
        ("frequent buyer", "did you mean s-1?"),
        ("vipp", "did you mean vip?"),
        ("x", "are: s-1, vip."),
    ):
        with pytest.raises(RuleError, match="There is no segment") as caught:
            by_id(InSegment(typed), segments)
        assert right in caught.value.message


def test_saving_allows_what_leads_nowhere_back():
    """Two ways to one segment are no circle; a new segment has no id yet; an old rule of one's own is not looked at."""
    others = saved(a='in_segment("a")', b="r = 5", c='in_segment("b")')
    refuse_circle("a", parse('in_segment("b") and in_segment("c")'), others)
    refuse_circle("", parse('in_segment("c")'), others)


def test_a_segment_that_others_name_is_not_deleted():
    """The sentence says which rules to change first."""
    segments = saved(a="r = 5", b='in_segment("A")', c='r = 5 and not in_segment("a")', d="gone = 1")
    assert named_by("a", segments) == ("B", "C")
    assert named_by("b", segments) == ()
    with pytest.raises(RuleError, match="“B”, “C” names this segment"):
        refuse_unknown("a", segments)
    refuse_unknown("b", segments)


def test_a_segment_that_names_two_still_names_the_one_that_is_there():
    """That one of its names is gone must not make the other deletable."""
    segments = saved(a="r = 5", b='in_segment("gone") or in_segment("a")')
    assert named_by("a", segments) == ("B",)


def test_what_has_no_past_is_looked_for_in_the_segments_behind():
    """A list as of last year uses today's city also where a segment asks for it."""
    segments = saved(a='city = "Bonn"', b='in_segment("A") and tags is null', c='in_segment("c") or role is null')
    rule = parse('in_segment("b") and r = 5')
    assert without_past(rule) == ()
    assert without_past(rule, segments) == ("tags", "city")
    assert without_past(parse('in_segment("c") or in_segment("gone")'), segments) == ("role",)


def test_a_query_without_its_table_is_said_and_not_answered():
    """An empty segment would look like nobody."""
    with pytest.raises(ValueError, match="needs the table orders"):
        members(saved(a="orders(count >= 1)"), a_person())


def test_segments_ask_about_orders():
    """The tables of a run are what its segments look at."""
    order = dict.fromkeys(ORDERS) | {"order_id": 1, "customer_key": "guest:1", "counted": True, "created_at": AS_OF}
    orders = pl.LazyFrame([order], schema=dict(ORDERS)).with_columns(pl.col("created_at").dt.offset_by("-1d"))
    segments = saved(a="orders(count = 1)", b='not in_segment("a")', c="orders(count = 0)")
    found = members(segments, a_person(), a_person(customer_key="woo:2"), tables={"orders": orders})
    assert found == {"a": ["guest:1"], "b": ["woo:2"], "c": ["woo:2"]}
