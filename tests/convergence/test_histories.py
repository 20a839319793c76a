"""Histories that once went wrong, each as short as it could be told."""

import random

from tests.convergence.world import Stage


def test_what_was_delivered_before_the_first_sync_stands_in_the_ledger(stage: Stage) -> None:
    """The first load makes all tables, and once left the ledger out: those deliveries could not be proved applied."""
    with stage.world(synced=False) as world:
        world.do("order", random.Random(1), 0)
        while world.webhooks.deliver_next():
            pass
        world.sync()
        assert world.committed
        world.nothing_was_lost()
