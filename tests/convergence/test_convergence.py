"""Whatever happened to shop, deliveries and syncs: after one reconcile every compared column of every row is equal."""

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.machine import ACTS, History
from tests.convergence.stage import Stage

PATIENT = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_a_history_with_troubles_of_each_kind_converges(stage: Stage) -> None:
    """A copy that one reconcile does not make true can never be proved right. This history is one for every change."""
    rng = random.Random(7)
    history = History(stage)
    try:
        history.open(storage="legacy", synced=True, at_once=3)
        history.things_happen(acts=rng.choices(ACTS, k=12), rng=rng, seconds=1)
        history.deliveries_change_places(rng=rng)
        history.a_delivery_hangs_on_the_way()
        history.deliveries_are_lost(count=3)
        history.deliveries_arrive(count=4)
        history.a_sync_dies_while_it_writes(kind="pull", loads=0, committed=True)
        history.things_happen(acts=rng.choices(ACTS, k=12), rng=rng, seconds=7)
        history.a_late_delivery_arrives(place=0)
        history.deliveries_meet_no_receiver(count=2)
        history.an_order_cannot_be_loaded(rng=rng)
        history.a_sync_dies_while_it_reads(kind="reconcile", requests=6)
        history.we_sync_while_things_happen(kind="pull", acts=rng.choices(ACTS, k=6), rng=rng)
    finally:
        history.teardown()  # reconciles, and holds that nothing differs


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_hundreds_of_random_histories_converge(stage: Stage) -> None:
    """The same with new histories each time; one that fails is shrunk to the few steps that matter."""
    many = settings(max_examples=200, stateful_step_count=25, print_blob=True, **PATIENT)
    run_state_machine_as_test(lambda: History(stage), settings=many)
