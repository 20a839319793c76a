"""Histories that are told on purpose: every kind of change unheard, and those that once went wrong."""

import random

import pytest

from tests.convergence.machine import ACTS
from tests.convergence.stage import Stage


@pytest.mark.parametrize("storage", ["hpos", "legacy"])
def test_changes_of_every_kind_that_nobody_told_of_are_found(stage: Stage, storage: str) -> None:
    """All deliveries are lost and nothing is pulled: the comparison alone must find each kind, in either storage."""
    with stage.world(storage) as world:
        rng = random.Random(4)
        for act in ACTS * 3:
            world.do(act, rng, 40_000)
        world.webhooks.shuffle(rng)
        while world.webhooks.drop_next():
            pass
        world.converged()
        assert not world.committed


def test_what_was_delivered_before_the_first_sync_stands_in_the_ledger(stage: Stage) -> None:
    """The first load makes all tables, and once left the ledger out: those deliveries could not be proved applied."""
    with stage.world(synced=False) as world:
        world.do("order", random.Random(1), 0)
        while world.webhooks.deliver_next():
            pass
        world.sync()
        assert world.committed
        world.nothing_was_lost()
