"""What every store guarantees of segments whose rules name one another, whichever way they are written."""

import threading

import pytest

from regulars.errors import RecordInvalid
from tests.regulars.records.builders import a_segment


def edit(records, segment_id, rule, version=1):
    """Give a segment another rule."""
    return records.edit_segment(
        "s", segment_id, name=segment_id, rule=rule, author="ana", expected_version=version, description=""
    )


def test_a_rule_names_segments_by_their_ids(records):
    """People write names; a name may change, and the rule must mean the same segment afterwards."""
    a_segment(records, "Big spenders")
    made = a_segment(records, "Few big", 'in_segment("BIG spenders") and orders_count < 3')
    assert made.rule == 'in_segment("big-spenders") and orders_count < 3'
    records.edit_segment("s", "big-spenders", name="Whales", rule="r = 5", author="ana", expected_version=1)
    again = edit(records, "few-big", 'in_segment("Whales")')
    assert again.rule == 'in_segment("big-spenders")'


def test_a_rule_that_names_no_segment_is_not_saved(records):
    """It would be empty for ever; and a segment of another shop is none of this one."""
    records.create_segment("t", "Elsewhere", "r = 5", "ana")
    a_segment(records, "One")
    for unknown in ("elsewhere", "nowhere"):
        with pytest.raises(RecordInvalid, match="no segment"):
            a_segment(records, "Two", f'in_segment("{unknown}")')
        with pytest.raises(RecordInvalid, match="no segment"):
            edit(records, "one", f'in_segment("{unknown}")')
    assert [segment.rule for segment in records.segments("s")] == ["total_spent >= 200"]


def test_a_circle_is_not_saved(records):
    """Nobody could say who is in it."""
    a_segment(records, "One")
    a_segment(records, "Two", 'in_segment("one")')
    a_segment(records, "Three", 'not in_segment("two")')
    for rule in ('in_segment("three")', 'r = 5 or in_segment("two")', 'in_segment("one")'):
        with pytest.raises(RecordInvalid, match=r"itself|circle"):
            edit(records, "one", rule)
    assert records.segment("s", "one").version == 1
    assert len(records.segment_history("s", "one")) == 1


def test_a_segment_that_others_name_is_not_deleted(records):
    """The sentence says which, so that they can be changed first."""
    a_segment(records, "One")
    a_segment(records, "Two", 'in_segment("one")')
    with pytest.raises(RecordInvalid, match="Two"):
        records.delete_segment("s", "one")
    edit(records, "two", "r = 5")
    records.delete_segment("s", "one")
    with pytest.raises(RecordInvalid, match="no segment"):
        edit(records, "two", 'in_segment("one")', 2)
    assert [segment.id for segment in records.segments("s")] == ["two"]


def test_of_two_who_close_a_circle_from_both_ends_one_is_told(records, open_again):
    """Each of the two edits is fine alone; what decides is the store, in the transaction of the edit."""
    a_segment(records, "One")
    a_segment(records, "Two")
    refused, barrier = [], threading.Barrier(2)

    def name(which, other):
        store = open_again()
        barrier.wait(30)
        try:
            edit(store, which, f'in_segment("{other}")')
        except RecordInvalid as error:
            refused.append(error.message)

    threads = [threading.Thread(target=name, args=pair) for pair in (("one", "two"), ("two", "one"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 1
    assert "circle" in refused[0]
