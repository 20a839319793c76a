"""Assigning people to segments: counts, members, deleted people, and a rule that is broken."""

from datetime import timedelta

import polars as pl

from tests.transforms.rule_cases import AS_OF, BERLIN, a_person, people
from transforms.rules import STARTING_SEGMENTS
from transforms.schemas import CUSTOMERS, SEGMENT_MEMBERS, SEGMENTS
from transforms.segments import SegmentRule, assign_segments, broken_segments

STARTING = [SegmentRule(segment.id, segment.name, segment.rule) for segment in STARTING_SEGMENTS]


def days_ago(days):
    """Return an instant that many shop days before as-of, well inside the day."""
    return AS_OF - timedelta(days=days) + timedelta(hours=12)


def assigned(segments, *rows):
    """Return the three frames, collected."""
    return pl.collect_all(list(assign_segments(people(*rows), segments, shop="s", as_of=AS_OF, timezone=BERLIN)))


def test_the_five_starting_segments_find_their_people():
    """They are what a new shop sees first."""
    rows = [
        a_person(
            customer_key="woo:1", orders_count=9, m=5, f=4, last_order_at=days_ago(3), first_order_at=days_ago(900)
        ),
        a_person(
            customer_key="woo:2", orders_count=1, m=1, f=1, last_order_at=days_ago(30), first_order_at=days_ago(30)
        ),
        a_person(customer_key="woo:3", orders_count=2, last_order_at=days_ago(91), first_order_at=days_ago(400)),
        a_person(customer_key="woo:4", orders_count=1, last_order_at=days_ago(181), first_order_at=days_ago(181)),
        a_person(customer_key="woo:5"),
    ]
    customers, _, _ = assigned(STARTING, *rows)
    assert customers["segments"].to_list() == [["frequent-buyers", "vip"], ["new"], ["slipping"], ["inactive"], []]


def test_counts_and_members_agree_with_the_lists():
    """The same number must stand on the card, in the list and in the members table."""
    rules = [SegmentRule("many", "Many", "orders_count >= 2"), SegmentRule("all", "All", "orders_count >= 0")]
    rows = [a_person(customer_key=f"woo:{i}", orders_count=i) for i in range(5)]
    customers, segments, members = assigned(rules, *rows)
    assert segments["people"].to_list() == [3, 5]
    assert members.group_by("segment_id").len().sort("segment_id").rows() == [("all", 5), ("many", 3)]
    assert customers["segments"].to_list() == [["all"]] * 2 + [["all", "many"]] * 3


def test_a_persons_segments_are_sorted_by_id():
    """Two runs over the same data must publish the same rows, whatever the order of making."""
    rules = [SegmentRule(name, name, "orders_count >= 0") for name in ("b", "c", "a", "d")]
    customers, segments, members = assigned(rules, a_person())
    assert customers["segments"].to_list() == [["a", "b", "c", "d"]]
    assert members["segment_id"].to_list() == ["a", "b", "c", "d"]
    assert segments["segment_id"].to_list() == ["b", "c", "a", "d"]


def test_deleted_people_are_in_no_segment():
    """Nobody writes to somebody who is gone."""
    rule = SegmentRule("all", "All", "orders_count >= 0 or email is null")
    customers, segments, members = assigned([rule], a_person(deleted_at=AS_OF), a_person(customer_key="woo:2"))
    assert customers["segments"].to_list() == [[], ["all"]]
    assert segments["people"].to_list() == [1]
    assert members["customer_key"].to_list() == ["woo:2"]


def test_people_hidden_here_are_in_no_segment():
    """Whoever was deleted in the app must not turn up in a mailing list that is made of a segment."""
    rule = SegmentRule("all", "All", "orders_count >= 0 or email is null")
    rows = people(a_person(), a_person(customer_key="woo:2"))
    frames = assign_segments(rows, [rule], shop="s", as_of=AS_OF, timezone=BERLIN, hidden={"woo:2"})
    customers, segments, members = pl.collect_all(list(frames))
    assert customers["customer_key"].to_list() == ["guest:1", "woo:2"]
    assert segments["people"].to_list() == [1]
    assert members["customer_key"].to_list() == ["guest:1"]


def test_a_broken_rule_empties_its_own_segment_only():
    """A field that is gone must not stop the nightly run; it must not look like nobody either."""
    rules = [SegmentRule("old", "Old", "gone_field = 3"), SegmentRule("some", "Some", "orders_count > 99")]
    customers, segments, members = assigned(rules, a_person(orders_count=1))
    assert segments.select("segment_id", "people").rows() == [("old", None), ("some", 0)]
    assert customers["segments"].to_list() == [[]]
    assert members.height == 0
    assert "gone_field" in broken_segments(rules)["old"]
    assert list(broken_segments(rules)) == ["old"]


def test_shapes_hold_without_segments_and_without_people():
    """A new shop has neither; readers must find the same columns."""
    for segments, rows in (([], [a_person()]), (STARTING, []), ([], [])):
        frames = assigned(segments, *rows)
        assert [frame.schema for frame in frames] == [pl.Schema(s) for s in (CUSTOMERS, SEGMENTS, SEGMENT_MEMBERS)]
        assert frames[1].height == len(segments)


def test_tags_decide_membership_and_are_left_out_of_the_table():
    """Published customers have the columns of the contract, tags live in the records."""
    rule = SegmentRule("tagged", "Tagged", 'tags contains "vip"')
    customers, segments, _ = assigned([rule], a_person(tags=["Vip"]), a_person(tags=None))
    assert customers["segments"].to_list() == [["tagged"], []]
    assert "tags" not in customers.columns
    assert segments["people"].to_list() == [1]
