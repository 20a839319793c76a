"""Deriving only what a change touches gives the same cells as deriving everything."""

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.transforms.histories import History, in_full, note_registered, patched
from tests.transforms.staged_builders import a_deletion, a_guest_order, an_account


def walked(seed: int, rounds: int, most_steps: int) -> None:
    """Let a shop change and hold each patched version against one derived whole."""
    history = History(seed)
    for _ in range(history.chance.randint(0, 25)):
        history.step()
    note_registered(history)
    marts = in_full(history)
    links, hidden = history.link_frame(), frozenset(history.hidden)
    for turn in range(rounds):
        history.settle()
        history.last_keys = marts["customers"]["customer_key"].to_list()
        for _ in range(history.chance.randint(1, most_steps)):
            history.step()
        marts = patched(history, marts, links, hidden)
        links, hidden = history.link_frame(), frozenset(history.hidden)
        for name, whole in in_full(history).items():
            note(f"{name}, turn {turn}")
            assert_frame_equal(marts[name], whole)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**9))
def test_a_patched_version_equals_a_whole_one_in_every_cell(seed: int) -> None:
    """Whoever reads a version must not be able to tell which way it was derived."""
    walked(seed, rounds=2, most_steps=3)


@pytest.mark.deep
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_long_histories_stay_equal(seed: int) -> None:
    """Orders move between people, addresses are shared and parted, decisions are taken and undone, time after time."""
    walked(seed, rounds=6, most_steps=5)


def test_an_account_that_came_back_leaves_an_address_to_another() -> None:
    """Two deleted accounts claim one billing address, so nobody owns it; once one of them lives again, the other does."""
    history = History(1)
    for number in (1, 2):
        history.rows["customers"][number] = an_account(number, billing={"email": "shared@mail.example"})
        history.rows["deletions"][number] = a_deletion("customer", number, history.tick())
    history.rows["orders"][7] = a_guest_order(7, "shared@mail.example")
    marts, links = in_full(history), history.link_frame()
    history.settle()
    history.rows["customers"][1] |= {"observed_at": history.tick()}
    history.touched["customers"].add(1)

    now = patched(history, marts, links, frozenset())

    assert now["orders"]["customer_key"].to_list() == ["woo:2"]
    for name, whole in in_full(history).items():
        assert_frame_equal(now[name], whole)
