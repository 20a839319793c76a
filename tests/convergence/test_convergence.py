"""Whatever happened to shop, deliveries and syncs: after one reconcile every compared column of every row is equal."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.convergence.machine import History
from tests.convergence.world import Stage, open_stage

PATIENT = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a server that shops take turns on."""
    with open_stage(tmp_path_factory.mktemp("convergence")) as opened:
        yield opened


def test_a_few_random_histories_converge(stage: Stage) -> None:
    """A copy that one reconcile does not make true can never be proved right. The long search is for histories apart."""
    few = settings(max_examples=3, stateful_step_count=12, derandomize=True, phases=[Phase.generate], **PATIENT)
    run_state_machine_as_test(lambda: History(stage), settings=few)


@pytest.mark.deep
@pytest.mark.timeout(7200)
def test_hundreds_of_random_histories_converge(stage: Stage) -> None:
    """The same with new histories each time; one that fails is shrunk to the few steps that matter."""
    many = settings(max_examples=300, stateful_step_count=25, print_blob=True, **PATIENT)
    run_state_machine_as_test(lambda: History(stage), settings=many)
