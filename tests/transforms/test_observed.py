"""Observed history: joins, leaves and why, from publish to publish."""

from collections import Counter
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.regulars.directory.builders import an_order, frame
from tests.transforms.looks import START, State, look_at, observe_all, told
from transforms import observed as observed_module
from transforms.observed import KEEP, forget, observe, replay
from transforms.schemas import OBSERVED, PUBLISHED

LOYAL = {"loyal": "orders_count >= 3"}


def buys(orders: int, **fields: Any) -> dict[str, Any]:
    """Return the fields of somebody with so many orders."""
    return {"orders_count": orders, **fields}


def test_the_first_look_takes_down_who_is_in_without_saying_that_they_joined() -> None:
    """They may have been in it for years: only what is seen to happen is a join."""
    (seen,) = observe_all([State({1: buys(3), 2: buys(1)}, LOYAL)])

    assert told(seen) == [("loyal", "woo:1", "first", None)]
    assert seen["segment_counts"].select("people", "joined", "left", "rule").rows() == [(1, 0, 0, "orders_count >= 3")]
    assert {name: dict(seen[name].schema) for name in OBSERVED} == {name: dict(one) for name, one in OBSERVED.items()}


def test_joins_and_leaves_name_the_condition_that_flipped() -> None:
    """“Why is she in it now?” is the question; the whole rule would not answer it."""
    rules = {"core": 'orders_count >= 3 and (country = "DE" or tags contains "vip") and not net < 10'}
    before = State({1: buys(2, net=50), 2: buys(5, net=50), 3: buys(3, net=5), 4: buys(3, net=50, country="FR")}, rules)
    after = State(
        {1: buys(3, net=50), 2: buys(5, net=50, country="FR"), 3: buys(4, net=20), 4: buys(3, net=50, country="FR")},
        rules,
        tags={"woo:4": ["VIP"]},
    )

    assert told(observe_all([before, after])[1], after=1) == [
        ("core", "woo:1", "joined", "orders_count >= 3"),
        ("core", "woo:2", "left", 'country = "DE"'),
        ("core", "woo:3", "joined", "not total_spent < 10"),
        ("core", "woo:4", "joined", 'tags contains "vip"'),
    ]


def test_several_conditions_that_flipped_are_all_named() -> None:
    """Each of them was needed."""
    rules = {"core": 'orders_count >= 3 and country = "DE"'}
    history = [State({1: buys(2, country="FR")}, rules), State({1: buys(3)}, rules)]

    assert told(observe_all(history)[1], after=1) == [("core", "woo:1", "joined", 'orders_count >= 3; country = "DE"')]


def test_time_alone_moves_people() -> None:
    """Ages are counted from each look's own instant."""
    rules = {"away": "last_order older than 90 days"}
    person = {1: buys(1, last_order_at=START - timedelta(days=90, hours=1))}
    history = [State(person, rules), State(person, rules, as_of=START + timedelta(days=2))]

    assert told(observe_all(history)[1], after=1) == [("away", "woo:1", "joined", "last_order older than 90 days")]


def test_who_comes_goes_is_merged_hidden_or_deleted_is_told_in_a_sentence() -> None:
    """No condition of the rule explains these."""
    before = State({n: buys(3) for n in (1, 2, 3, 5)} | {6: buys(3, deleted_at=START)}, LOYAL, hidden=["woo:5"])
    after = State(
        {2: buys(3, deleted_at=START), 3: buys(3), 4: buys(3), 5: buys(3), 6: buys(3)},
        LOYAL,
        hidden=["woo:3"],
        identities={"woo:1": "woo:5"},
    )

    assert told(observe_all([before, after])[1], after=1) == [
        ("loyal", "woo:1", "left", "(merged into woo:5)"),
        ("loyal", "woo:2", "left", "(deleted in the shop)"),
        ("loyal", "woo:3", "left", "(deleted here)"),
        ("loyal", "woo:4", "joined", "(new here)"),
        ("loyal", "woo:5", "joined", "(shown again)"),
        ("loyal", "woo:6", "joined", "(restored in the shop)"),
    ]


def test_a_changed_rule_is_the_reason() -> None:
    """Nothing about the people changed."""
    people = {1: buys(3), 2: buys(2)}
    seen = observe_all([State(people, LOYAL), State(people, {"loyal": "orders_count = 2"})])[1]

    assert told(seen, after=1) == [
        ("loyal", "woo:1", "left", "(the rule was changed)"),
        ("loyal", "woo:2", "joined", "(the rule was changed)"),
    ]
    assert seen["segment_counts"].select("rule", "people", "joined", "left").rows()[-1] == ("orders_count = 2", 1, 1, 1)


def test_who_was_deleted_or_merged_left_for_that_whatever_became_of_the_rule() -> None:
    """Somebody edits a segment and deletes a person in one afternoon: the person's page must tell of the deletion."""
    before = State({n: buys(3) for n in (1, 2, 3, 4)} | {5: buys(3)}, LOYAL, hidden=["woo:5"])
    after = State(
        {1: buys(3), 2: buys(3), 3: buys(3, deleted_at=START), 5: buys(3), 6: buys(3)},
        {"loyal": "orders_count >= 2"},
        hidden=["woo:2"],
        identities={"woo:4": "woo:1"},
    )

    assert told(observe_all([before, after])[1], after=1) == [
        ("loyal", "woo:2", "left", "(deleted here)"),
        ("loyal", "woo:3", "left", "(deleted in the shop)"),
        ("loyal", "woo:4", "left", "(merged into woo:1)"),
        ("loyal", "woo:5", "joined", "(shown again)"),
        ("loyal", "woo:6", "joined", "(new here)"),
    ]


def test_orders_looked_through_and_other_segments_are_reasons_too() -> None:
    """Queries and `in_segment` are conditions like any other."""
    rules = {
        "card": 'orders(payment_method = "card", count >= 2)',
        "loyal": "orders_count >= 3",
        "both": 'in_segment("loyal") and country = "DE"',
        "quiet": 'bought(product = "tea") and in_segment("both")',
    }
    card = [an_order(n, "woo:1", payment_method="card", created_at=START - timedelta(days=3)) for n in (1, 2)]
    before = State({1: buys(2)}, rules, orders=card[:1])
    after = State({1: buys(3)}, rules, orders=card)

    assert told(observe_all([before, after])[1], after=1) == [
        ("both", "woo:1", "joined", 'in_segment("loyal")'),
        ("card", "woo:1", "joined", 'orders(payment_method = "card", count >= 2)'),
        ("loyal", "woo:1", "joined", "orders_count >= 3"),
    ]


def test_a_rule_that_cannot_be_read_makes_nobody_leave() -> None:
    """A field that a release took away must not write a million leaves; afterwards those before are compared."""
    broken = {"loyal": "no_such_field = 1"}
    history = [
        State({1: buys(3), 2: buys(3)}, LOYAL),
        State({1: buys(3), 2: buys(3)}, broken),
        State({1: buys(1), 2: buys(3)}, broken),
        State({1: buys(1), 2: buys(3), 3: buys(9)}, LOYAL),
    ]
    seen = observe_all(history)

    assert told(seen[2], after=1) == []
    assert [(who, kind) for _, who, kind, _ in told(seen[3], after=1)] == [("woo:1", "left"), ("woo:3", "joined")]
    assert seen[3]["segment_counts"]["people"].to_list() == [2, None, 2]


def test_a_deleted_segment_ends_and_begins_anew() -> None:
    """Ids are made of names: a new segment of an old name is another one, whose people were not seen to join."""
    people = {1: buys(3)}
    seen = observe_all([State(people, LOYAL), State(people, {}), State(people, LOYAL)])[2]

    assert told(seen) == [
        ("loyal", "woo:1", "first", None),
        ("loyal", "woo:1", "left", "(the segment was deleted)"),
        ("loyal", "woo:1", "first", None),
    ]
    assert seen["segment_counts"].select("people", "joined", "left").rows() == [(1, 0, 0), (0, 0, 1), (1, 0, 0)]


def test_nothing_is_added_where_nothing_changed() -> None:
    """A shop that is published every few minutes must not grow by it."""
    state = State({1: buys(3)}, LOYAL)
    first, again = observe_all([state, state])

    for name in OBSERVED:
        assert_frame_equal(first[name], again[name])


def test_cuts_are_kept_where_they_or_their_day_differ() -> None:
    """Scores of a past run are only understood with the cuts of that run."""
    state = State({1: buys(3)}, {})
    cut = {"shop": "demo", "as_of": START, "score": "f", "currency": None, "people": 1} | dict.fromkeys(
        ("cut_20", "cut_40", "cut_60", "cut_80"), 2.0
    )
    before, grown = None, []
    for number, change in enumerate(
        ({}, {"people": 2}, {"cut_80": 3.0}, {"cut_80": 3.0, "as_of": START + timedelta(1)})
    ):
        now = look_at(state)
        now.tables["rfm_cuts"] = frame("rfm_cuts", [cut | change]).lazy()
        made = observe(before, now, shop="demo", at=START + timedelta(hours=number), run_id=str(number))
        grown.append(made["rfm_cuts_history"].collect())
        before = now._replace(tables={**now.tables, **made})

    assert [one.height for one in grown] == [1, 1, 2, 3]
    assert grown[-1].select("run_id", "cut_80").rows() == [("0", 2.0), ("2", 3.0), ("3", 3.0)]


def test_a_clock_set_back_does_not_disorder_what_happened() -> None:
    """Events are gone through in the order of their instants."""
    first, second = look_at(State({1: buys(3)}, LOYAL)), look_at(State({1: buys(1)}, LOYAL))
    made = observe(None, first, shop="demo", at=START, run_id="a")
    before = first._replace(tables={**first.tables, **made})

    events = observe(before, second, shop="demo", at=START - timedelta(days=1), run_id="b")["segment_events"].collect()

    assert events["kind"].to_list() == ["first", "left"]
    assert events["at"].is_sorted()
    assert events["at"].n_unique() == 2


def test_a_day_of_cuts_alone_holds_a_clock_set_back_too() -> None:
    """Most days nobody joins or leaves: later cuts put before those of such a day would be compared with the wrong ones."""
    cut = dict.fromkeys(PUBLISHED["rfm_cuts"]) | {"shop": "demo", "as_of": START, "score": "f", "people": 1}
    before, made = None, {}
    for days, cut_20 in ((0, 1.0), (3, 2.0), (1, 3.0)):
        now = look_at(State({1: {}}, {}))
        now.tables["rfm_cuts"] = frame("rfm_cuts", [cut | {"cut_20": cut_20}]).lazy()
        made = observe(before, now, shop="demo", at=START + timedelta(days=days), run_id="a")
        before = now._replace(tables={**now.tables, **made})

    history = made["rfm_cuts_history"].collect()
    assert history["cut_20"].to_list() == [1.0, 2.0, 3.0]
    assert history["at"].is_sorted()
    assert history["at"].n_unique() == 3


def test_a_segment_at_rest_for_longer_than_history_is_kept_is_not_seen_for_the_first_time_again() -> None:
    """Whoever stayed would be `first` twice: the history would not add up, and every later publish would be refused."""
    staff = State({1: {}}, {"staff": 'tags contains "staff"'}, tags={"woo:1": ["staff"]})
    before, made = None, {}
    for years in (timedelta(0), KEEP + timedelta(1), KEEP + timedelta(2)):
        now = look_at(staff)
        made = observe(before, now, shop="demo", at=START + years, run_id="a")
        before = now._replace(tables={**now.tables, **made})

    assert made["segment_events"].collect()["kind"].to_list() == ["first"]
    assert made["segment_counts"].collect()["people"].to_list() == [1]


def test_stays_that_ended_long_ago_are_forgotten_whole() -> None:
    """A join without its leave, or a leave without its join, would make later counts wrong."""
    kinds = ["first", "left", "joined", "left", "joined"]
    events = pl.DataFrame(
        [
            dict.fromkeys(PUBLISHED["segment_events"])
            | {"segment_id": "s", "customer_key": "woo:1", "kind": kind, "at": START + timedelta(days=day)}
            for day, kind in enumerate(kinds)
        ],
        schema=dict(PUBLISHED["segment_events"]),
    ).lazy()

    def kept(day: float) -> list[str]:
        return forget(events, until=START + timedelta(days=day)).collect()["kind"].to_list()

    assert kept(0.5) == kinds
    assert kept(1.5) == ["joined", "left", "joined"]
    assert kept(9) == ["joined"]


def test_more_events_than_a_publish_should_write_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop whose people flip all the time would else publish longer each day; who is in stays known."""
    monkeypatch.setattr(observed_module, "MOST_EVENTS", 10)
    history = [State({1: buys(3), 2: buys(3 * (n % 2))}, LOYAL) for n in range(30)]
    seen = observe_all(history)

    assert max(one["segment_events"].height for one in seen) <= 11
    for one in seen:
        assert_frame_equal(
            replay(one["segment_events"].lazy()).collect(),
            one["segment_members"].select("segment_id", "customer_key"),
            check_row_order=False,
        )


RULES = st.sampled_from(
    ["orders_count >= 2", "orders_count < 2", 'tags contains "vip"', 'not country = "DE"', 'in_segment("a")', "oops ="]
)
PEOPLE = st.dictionaries(
    st.integers(1, 5),
    st.fixed_dictionaries(
        {
            "orders_count": st.integers(0, 4),
            "country": st.sampled_from(["DE", "FR", None]),
            "deleted_at": st.sampled_from([None, None, START]),
        }
    ),
    max_size=5,
)
STATES = st.builds(
    State,
    people=PEOPLE,
    rules=st.dictionaries(st.sampled_from("abc"), RULES, max_size=3),
    tags=st.dictionaries(st.sampled_from(["woo:1", "woo:2"]), st.just(["vip"])),
    hidden=st.lists(st.sampled_from(["woo:2", "woo:3"]), unique=True, max_size=1),
)


@settings(deadline=None, max_examples=15)
@given(st.lists(STATES, min_size=1, max_size=4))
def test_what_happened_adds_up_to_who_is_in(history: list[State]) -> None:
    """Firsts + joins − leaves = people, at every publish; going through the events gives exactly the members."""
    seen = observe_all(history)
    for state, one in zip(history, seen, strict=True):
        readable = look_at(state).tables["segments"].drop_nulls("people").collect()
        events = one["segment_events"]
        inside = {tuple(row) for row in replay(events.lazy()).collect().rows()}
        for segment, people in readable.select("segment_id", "people").iter_rows():
            kinds = Counter(events.filter(pl.col("segment_id") == segment)["kind"].to_list())
            assert kinds["first"] + kinds["joined"] - kinds["left"] == people
            members = one["segment_members"].filter(pl.col("segment_id") == segment)["customer_key"]
            assert {key for at, key in inside if at == segment} == set(members)
    last = seen[-1]
    sums = last["segment_counts"].select(pl.col("joined", "left").sum()).row(0)
    kinds = Counter(last["segment_events"]["kind"].to_list())
    assert sums == (kinds["joined"], kinds["left"])
    moves = last["segment_events"].filter(pl.col("kind") != "first")
    assert moves["because"].null_count() == 0
    assert not moves.filter(pl.col("because").str.contains("no single")).height
