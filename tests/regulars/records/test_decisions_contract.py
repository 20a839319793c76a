"""What every store guarantees of decisions on who is who, and of the aliases that hold with them."""

import threading
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import regulars.mongo.decisions
import regulars.records.sql_decisions
from regulars.errors import RecordInvalid, RecordNotFound, StaleVersion


def events(records, key):
    """Return kind, other key and author of a person's events, the newest first."""
    return [(event.kind, event.detail, event.author) for event in records.events("s", key)]


def test_a_merge_holds_until_it_is_undone(records, open_again):
    """A wrong merge is one click away from never having been, whoever looks."""
    records.add_aliases("s", {"guest:a": "woo:1"})
    decision = records.merge_people("s", "woo:1", "woo:2", "ana")
    assert (decision.kind, decision.identity, decision.into, decision.author) == ("merged", "woo:1", "woo:2", "ana")
    assert open_again().aliases("s") == {"guest:a": "woo:1", "woo:1": "woo:2"}
    undone = records.undo_identity_decision("s", decision.id, "ben")
    assert (undone.undone_by, undone.undone_at > decision.at) == ("ben", True)
    assert open_again().aliases("s") == {"guest:a": "woo:1"}
    assert records.identity_decisions("s") == [undone]


def test_a_separated_identity_leads_nowhere(records):
    """What a run noted about it is kept, for the day on which the decision is undone."""
    records.add_aliases("s", {"guest:a": "woo:1", "guest:b": "woo:1", "guest:c": "guest:a"})
    decision = records.separate("s", "guest:a", "ana")
    assert records.aliases("s") == {"guest:b": "woo:1", "guest:c": "guest:a"}
    records.undo_identity_decision("s", decision.id, "ana")
    assert records.aliases("s") == {"guest:a": "woo:1", "guest:b": "woo:1", "guest:c": "guest:a"}


def test_links_say_why(records):
    """A run must tell what it noted itself from what a person decided, which it may not touch."""
    records.add_aliases("s", {"guest:a": "woo:1", "guest:b": "woo:1"})
    records.separate("s", "guest:b", "ana")
    records.separate("s", "guest:d", "ana")
    records.merge_people("s", "woo:1", "woo:2", "ana")
    assert records.identity_links("s") == {
        "guest:a": ("woo:1", "registered"),
        "guest:b": ("guest:b", "separated"),
        "guest:d": ("guest:d", "separated"),
        "woo:1": ("woo:2", "merged"),
    }
    assert records.identity_links("t") == {}


def test_the_stamp_differs_once_the_links_do(records):
    """A run that finds the stamp of the last one goes by the links that it knows from then."""
    seen = [records.identity_stamp("s")]
    records.add_aliases("s", {"guest:a": "woo:1"})
    seen.append(records.identity_stamp("s"))
    records.add_aliases("s", {"guest:a": "woo:2"})
    seen.append(records.identity_stamp("s"))
    decision = records.merge_people("s", "woo:3", "woo:4", "ana")
    seen.append(records.identity_stamp("s"))
    assert len(set(seen)) == 4
    records.undo_identity_decision("s", decision.id, "ana")
    records.set_tags("s", "woo:1", ["press"], "ana")
    records.add_aliases("t", {"guest:a": "woo:1"})
    assert records.identity_stamp("s") == seen[2]


def test_a_merge_is_of_the_people_of_today(records):
    """Who merges from an old link or an old key means whom it leads to."""
    records.add_aliases("s", {"guest:a": "woo:1", "guest:b": "woo:2"})
    decision = records.merge_people("s", "guest:a", "guest:b", "ana")
    assert (decision.identity, decision.into) == ("woo:1", "woo:2")


def test_one_person_is_not_merged_with_itself(records):
    """Not under the same key, nor under two keys of one chain, nor the other way round: that would be a circle."""
    records.add_aliases("s", {"guest:a": "woo:1"})
    records.merge_people("s", "woo:1", "woo:2", "ana")
    for key, into in (("woo:1", "woo:1"), ("guest:a", "woo:2"), ("woo:2", "guest:a"), ("woo:2", "woo:1")):
        with pytest.raises(RecordInvalid, match="one person already"):
            records.merge_people("s", key, into, "ana")
    assert len(records.identity_decisions("s")) == 1


def test_of_two_decisions_about_one_identity_the_newer_counts(records):
    """Keeping an address apart must not be the last word on it for ever."""
    pin = records.separate("s", "guest:a", "ana")
    merge = records.merge_people("s", "guest:a", "woo:1", "ana")
    assert records.aliases("s") == {"guest:a": "woo:1"}
    again = records.separate("s", "guest:a", "ana")
    with pytest.raises(RecordInvalid, match="separated already"):
        records.separate("s", "guest:a", "ben")
    for decision in (again, pin):
        records.undo_identity_decision("s", decision.id, "ana")
    assert records.identity_links("s") == {"guest:a": ("woo:1", "merged")}
    records.undo_identity_decision("s", merge.id, "ana")
    assert records.identity_links("s") == {}


def test_both_people_are_told(records):
    """The timeline of either says what happened, who did it, and who the other one is."""
    merge = records.merge_people("s", "woo:1", "woo:2", "ana")
    records.undo_identity_decision("s", merge.id, "ben")
    pin = records.separate("s", "guest:a", "ana", of="woo:2")
    assert events(records, "woo:1") == [("separated", "woo:2", "ben"), ("merged", "woo:2", "ana")]
    assert events(records, "guest:a") == [("separated", "woo:2", "ana")]
    assert events(records, "woo:2")[0] == ("separated", "guest:a", "ana")
    records.undo_identity_decision("s", pin.id, "ben")
    assert events(records, "guest:a")[0] == ("rejoined", "woo:2", "ben")
    assert events(records, "woo:2")[0] == ("rejoined", "guest:a", "ben")
    alone = records.separate("s", "guest:b", "ana")
    records.undo_identity_decision("s", alone.id, "ben")
    assert events(records, "guest:b") == [("rejoined", "", "ben"), ("separated", "", "ana")], "nobody said whose it was"


def test_a_separated_alias_comes_back_to_its_person(records):
    """Whose it was is known from the alias, so nobody needs to say it."""
    records.add_aliases("s", {"guest:a": "woo:1"})
    pin = records.separate("s", "guest:a", "ana")
    records.undo_identity_decision("s", pin.id, "ben")
    assert events(records, "guest:a") == [("rejoined", "woo:1", "ben"), ("separated", "woo:1", "ana")]
    assert events(records, "woo:1") == [("rejoined", "guest:a", "ben"), ("separated", "guest:a", "ana")]


def test_an_undo_that_would_close_a_circle_is_refused(records):
    """It would leave nobody to whom the orders belong; the later decision has to go first."""
    first = records.merge_people("s", "woo:1", "woo:2", "ana")
    pin = records.separate("s", "woo:1", "ana")
    second = records.merge_people("s", "woo:2", "woo:1", "ana")
    with pytest.raises(RecordInvalid, match="undo those first"):
        records.undo_identity_decision("s", pin.id, "ana")
    assert records.aliases("s") == {"woo:2": "woo:1"}
    for decision in (second, pin, first):
        records.undo_identity_decision("s", decision.id, "ana")
    assert records.aliases("s") == {}


def test_a_run_cannot_close_a_circle_with_a_merge(records):
    """Somebody merged an account into its guest; that the guest registered is noted, and does not undo the decision."""
    merge = records.merge_people("s", "woo:1", "guest:a", "ana")
    assert records.add_aliases("s", {"guest:a": "woo:1", "guest:b": "woo:1"}) == 2
    assert records.aliases("s") == {"guest:b": "woo:1", "woo:1": "guest:a"}
    assert records.add_aliases("s", {"guest:a": "woo:1"}) == 0
    records.undo_identity_decision("s", merge.id, "ana")
    assert records.aliases("s") == {"guest:a": "woo:1", "guest:b": "woo:1"}


def test_a_decision_takes_the_place_of_what_a_run_noted(records):
    """And a run that notes it again takes nothing back."""
    records.add_aliases("s", {"guest:a": "woo:1"})
    records.separate("s", "guest:a", "ana")
    records.merge_people("s", "guest:a", "woo:2", "ana")
    records.add_aliases("s", {"guest:a": "woo:3"})
    assert records.aliases("s") == {"guest:a": "woo:2"}


def test_a_decision_is_undone_once_and_only_in_its_shop(records):
    """The second click, or one from another tab, is told; a number from elsewhere finds nothing."""
    decision = records.merge_people("s", "woo:1", "woo:2", "ana")
    for shop, wrong in (("t", decision.id), ("s", 99), ("s", 0), ("s", True), ("s", 2**70), ("s", {"$ne": 0})):
        with pytest.raises(RecordNotFound):
            records.undo_identity_decision(shop, wrong, "ana")
    records.undo_identity_decision("s", decision.id, "ana")
    with pytest.raises(StaleVersion, match="undone already"):
        records.undo_identity_decision("s", decision.id, "ana")
    assert len(records.events("s", "woo:1")) == 2


@pytest.mark.parametrize("wrong", ["", " ", "x" * 201, "a\0", None, {"$ne": None}])
def test_what_is_no_key_is_refused(records, wrong):
    """Keys come from addresses of pages and bodies of requests."""
    for refuse in (
        lambda: records.merge_people("s", wrong, "woo:1", "ana"),
        lambda: records.merge_people("s", "woo:1", wrong, "ana"),
        lambda: records.separate("s", wrong, "ana"),
    ):
        with pytest.raises(RecordInvalid):
            refuse()
    assert records.identity_decisions("s") == []


def test_decisions_make_published_marts_old(records):
    """Each moves the token that starts a run, and what tells readers that something was written."""
    seen = {(records.change_token(), records.written("s"))}
    decision = records.merge_people("s", "woo:1", "woo:2", "ana")
    seen.add((records.change_token(), records.written("s")))
    records.undo_identity_decision("s", decision.id, "ana")
    seen.add((records.change_token(), records.written("s")))
    records.separate("s", "guest:a", "ana")
    seen.add((records.change_token(), records.written("s")))
    with pytest.raises(RecordInvalid):
        records.separate("s", "guest:a", "ana")
    assert len({token for token, _ in seen}) == len({written for _, written in seen}) == 4
    assert max(token for token, _ in seen) == records.change_token()


def test_of_two_who_merge_the_other_way_round_one_is_told(records, open_again):
    """Two analysts, one pair: whichever comes second must not close a circle."""
    refused, barrier = [], threading.Barrier(2)

    def merge(key, into):
        store = open_again()
        barrier.wait(30)
        try:
            store.merge_people("s", key, into, "ana")
        except RecordInvalid as error:
            refused.append(str(error))

    threads = [threading.Thread(target=merge, args=pair) for pair in (("woo:1", "woo:2"), ("woo:2", "woo:1"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(refused), len(records.aliases("s")), len(records.identity_decisions("s"))) == (1, 1, 1)


def test_a_decision_is_written_wholly_or_not_at_all(records, monkeypatch):
    """A merge without its events, or events of a merge that never was, would be lies in a timeline."""
    adapter = regulars.mongo.decisions if "Mongo" in type(records).__name__ else regulars.records.sql_decisions
    values, calls = adapter.event_values, count()

    def breaks(*given):
        if next(calls):
            raise ZeroDivisionError
        return values(*given)

    before = list(records.dump())
    monkeypatch.setattr(adapter, "event_values", breaks)
    with pytest.raises(ZeroDivisionError):
        records.merge_people("s", "woo:1", "woo:2", "ana")
    assert list(records.dump()) == before


def test_rules_decisions_and_notes_of_two_shops_never_meet(records):
    """`woo:1` is somebody in every shop."""
    records.merge_people("s", "woo:1", "woo:2", "ana")
    records.separate("t", "woo:1", "ana")
    assert (records.aliases("s"), records.aliases("t")) == ({"woo:1": "woo:2"}, {})
    assert [decision.kind for decision in records.identity_decisions("t")] == ["separated"]


KEYS = st.sampled_from("abcdef")
SHOPS = count()


class Model:
    """The same in plain words: what runs recorded, and a list of decisions [kind, identity, into, is it in force]."""

    def __init__(self):
        self.recorded, self.decisions = {}, []

    def step(self, key, *, without=None, decided=False):
        """Return where one step leads from a key, whatever circle it is on, and whether a decision says so."""
        for number in reversed(range(len(self.decisions))):
            kind, identity, into, holds = self.decisions[number]
            if holds and number != without and identity == key:
                return (into if kind == "merged" else None), True
        return (None if decided else self.recorded.get(key)), False

    def circles(self, key, **asked):
        """Return whether steps lead from a key back to it."""
        here = key
        for _ in range(10):
            here = self.step(here, **asked)[0]
            if here in (None, key):
                return here == key
        return False

    def aliases(self):
        """Return what holds: recorded steps on a circle do not."""
        found = {}
        for key in "abcdef":
            there, decided = self.step(key)
            if there and (decided or not self.circles(key)):
                found[key] = there
        return found

    def end(self, key):
        """Return the end of the chain."""
        aliases = self.aliases()
        while key in aliases:
            key = aliases[key]
        return key


class Decisions(RuleBasedStateMachine):
    """Runs note aliases while people merge, separate and undo, in any order."""

    store = None  # set by the test

    def __init__(self):
        super().__init__()
        self.shop, self.model, self.ids = f"shop-{next(SHOPS)}", Model(), []

    @rule(alias=KEYS, key=KEYS)
    def note(self, alias, key):
        """A run notes an alias."""
        try:
            self.store.add_aliases(self.shop, {alias: key})
        except RecordInvalid:
            return
        self.model.recorded[alias] = key

    @rule(key=KEYS, into=KEYS)
    def merge(self, key, into):
        """Somebody merges two people."""
        identity, end = self.model.end(key), self.model.end(into)
        try:
            decision = self.store.merge_people(self.shop, key, into, "ana")
        except RecordInvalid:
            assert identity == end
            return
        assert (decision.identity, decision.into) == (identity, end)
        self.model.decisions.append(["merged", identity, end, True])
        self.ids.append(decision.id)

    @rule(identity=KEYS)
    def separate(self, identity):
        """Somebody keeps an identity apart."""
        pinned = self.model.step(identity) == (None, True)
        try:
            decision = self.store.separate(self.shop, identity, "ana")
        except RecordInvalid:
            assert pinned
            return
        assert not pinned
        self.model.decisions.append(["separated", identity, identity, True])
        self.ids.append(decision.id)

    @rule(data=st.data())
    def undo(self, data):
        """Somebody undoes one of the decisions."""
        if not self.ids:
            return
        number = data.draw(st.integers(0, len(self.ids) - 1))
        decision = self.model.decisions[number]
        try:
            self.store.undo_identity_decision(self.shop, self.ids[number], "ben")
        except StaleVersion:
            assert not decision[3]
        except RecordInvalid:
            assert self.model.circles(decision[1], without=number, decided=True)
        else:
            assert decision[3]
            decision[3] = False

    @invariant()
    def holds_what_the_model_says(self):
        """The aliases are those of the model after every step."""
        assert self.store.aliases(self.shop) == self.model.aliases()

    def teardown(self):
        """Undone in whatever order they allow, nothing is left but what runs noted."""
        noted = [row for row in self.store.dump() if row["table"] == "aliases" and row["shop"] == self.shop]
        while held := [decision for decision in self.store.identity_decisions(self.shop) if not decision.undone_at]:
            for decision in held:
                with suppress(RecordInvalid):
                    self.store.undo_identity_decision(self.shop, decision.id, "ben")
            now_held = [decision for decision in self.store.identity_decisions(self.shop) if not decision.undone_at]
            assert len(now_held) < len(held), "decisions that nobody can undo any more"
        assert self.store.aliases(self.shop) == self.model.recorded
        assert {row["alias_key"]: row["customer_key"] for row in noted} == self.model.recorded
        assert noted == [row for row in self.store.dump() if row["table"] == "aliases" and row["shop"] == self.shop]


def test_any_order_of_decisions_gives_what_plain_words_say(records):
    """Merges, separations, undos and runs come in any order; undoing everything leaves what runs noted."""
    machine = type("OfOneStore", (Decisions,), {"store": records})
    examples = 8 if "Mongo" in type(records).__name__ else 25
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None))
