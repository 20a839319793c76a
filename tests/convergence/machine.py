"""Random histories: what may happen to a shop, its deliveries and our syncs, in any order."""

import random
from contextlib import ExitStack
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from demo_shop.changes import DAY
from demo_shop.webhooks import HOOKS
from tests.convergence.stage import Stage
from tests.convergence.world import World

ACTS = (
    "order", "status", "register", "edit customer", "touch", "meta", "note", "move", "trash", "restore", "delete",
    "clean up", "refund", "delete refund", "delete customer", "role", "user meta", "future", "write",
)  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "pull": {},
    "merge": {"pull": False},
    "full": {"full": True},
    "reconcile": {"reconcile": True},
}
SEVERAL = st.lists(st.sampled_from(ACTS), min_size=1, max_size=8)
CHANCE = st.randoms(use_true_random=False)


class History(RuleBasedStateMachine):
    """One shop and our copy of it. Whatever came before, one reconcile makes them equal (`World.converged`)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage, self._stack = stage, ExitStack()
        self.world: World
        self.news = False  # since the last sync
        self.proved = False  # by a reconcile after which nothing but news happened

    @initialize(storage=st.sampled_from(("hpos", "legacy")), synced=st.booleans(), at_once=st.sampled_from((1, 3)))
    def open(self, storage: str, synced: bool, at_once: int) -> None:
        """A shop opens, and we have a copy of it already, or none."""
        self.world = self._stack.enter_context(self._stage.world(storage, at_once=at_once, synced=synced))
        self.news = not synced

    @rule(acts=SEVERAL, rng=CHANCE, seconds=st.sampled_from((0, 0, 1, 7)))
    def things_happen(self, acts: list[str], rng: random.Random, seconds: int) -> None:
        """People and plugins do things, some of them within one second."""
        for act in acts:
            self.world.do(act, rng, seconds)
        self.news = True

    @rule(seconds=st.sampled_from((1, 61, 3600, DAY, 31 * DAY)))
    def time_passes(self, seconds: int) -> None:
        """A second, a minute, an hour, a day, a month."""
        self.world.advance(seconds)
        self.news = True

    @rule(rng=CHANCE)
    def an_order_cannot_be_loaded(self, rng: random.Random) -> None:
        """A plugin is switched off that a kind of order needs: the shop does not show that order."""
        if self.world.shop.orders:
            self.world.shop.unloadable.add(rng.choice(sorted(self.world.shop.orders)))
            self.world.shop.touch()
            self.news = True

    @precondition(lambda self: self.world.shop.unloadable)
    @rule()
    def all_orders_can_be_loaded(self) -> None:
        """It is switched on again."""
        self.world.shop.unloadable.clear()
        self.world.shop.touch()
        self.news = True

    @rule(rng=CHANCE, table=st.sampled_from(("orders", "customers")))
    def a_record_breaks(self, rng: random.Random, table: str) -> None:
        """The shop answers 500 to whoever asks for this record by its id."""
        records = getattr(self.world.shop, table)
        if records:
            self.world.shop.break_record(table, rng.choice(sorted(records)))

    @precondition(lambda self: self.world.webhooks.waiting)
    @rule(count=st.integers(1, 20))
    def deliveries_arrive(self, count: int) -> None:
        """The shop's background queue runs for a while."""
        for _ in range(min(count, len(self.world.webhooks.waiting))):
            self.world.webhooks.deliver_next()
        self.news = True

    @precondition(lambda self: self.world.webhooks.waiting)
    @rule(count=st.integers(1, 5))
    def deliveries_are_lost(self, count: int) -> None:
        """The queue is cleared, or the process that worked on it died."""
        for _ in range(count):
            self.world.webhooks.drop_next()

    @precondition(lambda self: self.world.webhooks.waiting)
    @rule(rng=CHANCE)
    def deliveries_change_places(self, rng: random.Random) -> None:
        """Several runners deliver, and one delivers twice."""
        self.world.webhooks.shuffle(rng)
        self.world.webhooks.duplicate_next()

    @precondition(lambda self: self.world.webhooks.waiting)
    @rule()
    def a_delivery_hangs_on_the_way(self) -> None:
        """It says what is true now, and will come later, twice."""
        if sealed := self.world.webhooks.seal_next():
            self.world.on_the_way += [sealed, sealed]

    @precondition(lambda self: self.world.on_the_way)
    @rule(place=st.integers(0, 7))
    def a_late_delivery_arrives(self, place: int) -> None:
        """What it says may be long over."""
        late = self.world.on_the_way
        self.world.webhooks.send(late.pop(place % len(late)))
        self.news = True

    @precondition(lambda self: self.world.webhooks.waiting)
    @rule(count=st.integers(1, 9))
    def deliveries_meet_no_receiver(self, count: int) -> None:
        """Nobody answers: each counts as a failure, and the seventh in a row disables its webhook."""
        self.world.receiver_is_down = True
        for _ in range(count):
            self.world.webhooks.deliver_next()
        self.world.receiver_is_down = False

    @rule(topic=st.sampled_from(tuple(HOOKS)), status=st.sampled_from(("paused", "active")))
    def a_webhook_is_set(self, topic: str, status: str) -> None:
        """The shop's owner pauses a webhook, or makes one active again."""
        hooks = self.world.webhooks
        hooks.update(next(hook for hook in hooks.hooks.values() if hook.topic == topic), {"status": status})

    @precondition(lambda self: self.news)
    @rule(kind=st.sampled_from(("pull", "pull", "merge", "full")))
    def we_sync(self, kind: str) -> None:
        """A sync of ours runs to its end."""
        self.world.sync(**KINDS[kind])
        self.news = self.proved = False

    @precondition(lambda self: self.news)
    @rule(kind=st.sampled_from(tuple(KINDS)), acts=SEVERAL, rng=CHANCE)
    def we_sync_while_things_happen(self, kind: str, acts: list[str], rng: random.Random) -> None:
        """The shop is written to between the requests of one sync."""
        with self.world.written_to(acts, rng):
            self.world.sync(**KINDS[kind])

    @precondition(lambda self: self.news)
    @rule(kind=st.sampled_from(tuple(KINDS)), requests=st.integers(0, 16))
    def a_sync_dies_while_it_reads(self, kind: str, requests: int) -> None:
        """Kill -9 between two requests."""
        self.world.killed_while_reading(requests, **KINDS[kind])

    @precondition(lambda self: self.news)
    @rule(kind=st.sampled_from(tuple(KINDS)), loads=st.integers(0, 2), committed=st.booleans())
    def a_sync_dies_while_it_writes(self, kind: str, loads: int, committed: bool) -> None:
        """Kill -9 before or right after a commit."""
        self.world.killed_while_writing(loads, committed=committed, **KINDS[kind])

    def end(self) -> None:
        """Reconcile what came of it, with every record readable again, and hold that nothing differs."""
        self.world.shop.broken.clear()
        self.world.converged()

    @precondition(lambda self: self.news)
    @rule()
    def we_reconcile(self) -> None:
        """We compare everything, and go on."""
        self.end()
        self.news, self.proved = False, True

    def teardown(self) -> None:
        """Hold the bar on whatever the history came to."""
        try:
            if hasattr(self, "world") and (self.news or not self.proved):
                self.end()
        finally:
            self._stack.close()
