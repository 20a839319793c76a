"""Whatever happened to shop, deliveries and syncs: after one reconcile every compared column of every row is equal."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.machine import History
from tests.convergence.stage import Stage

PATIENT = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_a_few_random_histories_converge(stage: Stage) -> None:
    """A copy that one reconcile does not make true can never be proved right. The long search is for histories apart."""
    few = settings(max_examples=2, stateful_step_count=3, derandomize=True, phases=[Phase.generate], **PATIENT)
    run_state_machine_as_test(lambda: History(stage), settings=few)


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_hundreds_of_random_histories_converge(stage: Stage) -> None:
    """The same with new histories each time; one that fails is shrunk to the few steps that matter."""
    many = settings(max_examples=200, stateful_step_count=25, print_blob=True, **PATIENT)
    run_state_machine_as_test(lambda: History(stage), settings=many)
