"""Ending a demo at moments when it is hardest: half-started, in the middle of its first sync, or without a word."""

import signal
from pathlib import Path

import pytest

from tests.e2e.running import Place, Running, wait_for

pytestmark = pytest.mark.e2e
SET_UP, SYNC, DAGSTER = "its processes start", "the first sync runs", "Dagster starts"


def reach(run: Running, moment: str) -> None:
    """Wait until the demo is there."""
    if moment == SET_UP:
        wait_for("the demo shop starts", lambda: len(run.place.processes()) > 1, 30)
    elif moment == SYNC:
        run.wait_until_said("demo: ", 90)
    else:
        run.wait_until_said("VIP", 120)
        wait_for(
            "Dagster has processes of its own",
            lambda: sum("dagster" in " ".join(process.cmdline()) for process in run.place.processes()) > 1,
            60,
        )


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (SYNC, signal.SIGINT),
        (SET_UP, signal.SIGINT),
        (SET_UP, signal.SIGTERM),
        pytest.param(SYNC, signal.SIGTERM, marks=pytest.mark.deep),
        pytest.param(DAGSTER, signal.SIGINT, marks=pytest.mark.deep),
        pytest.param(DAGSTER, signal.SIGTERM, marks=pytest.mark.deep),
    ],
)
def test_it_ends_at_any_moment_within_15_seconds(tmp_path: Path, moment: str, number: int) -> None:
    """People press Ctrl-C when they see a mistake, which is while things start."""
    with Place(tmp_path).running("demo", "--people", "60") as demo:
        reach(demo, moment)

        assert demo.end(number, seconds=15) == 0

        assert demo.said().rstrip().endswith("Stopped.")
        assert "Traceback" not in demo.said()


@pytest.mark.deep
@pytest.mark.parametrize("moment", [SYNC, DAGSTER])
def test_killed_without_a_word_it_leaves_nothing_behind(tmp_path: Path, moment: str) -> None:
    """What an out-of-memory killer ends must not hold ports and the folder until somebody finds the orphans."""
    place = Place(tmp_path)
    with place.running("demo", "--people", "60") as demo:
        reach(demo, moment)

        assert demo.end(signal.SIGKILL, seconds=15) == -signal.SIGKILL

    if moment == DAGSTER:
        again = place.run("demo", "--people", "60", "--once")
        assert again.returncode == 0, again.stderr


def test_a_job_that_is_interrupted_has_failed(tmp_path: Path) -> None:
    """`--once` promises figures: a script that waits for them must not take their absence for success."""
    with Place(tmp_path).running("demo", "--people", "60", "--once") as demo:
        reach(demo, SET_UP)

        assert demo.end(signal.SIGINT, seconds=15) == 1

        assert demo.said().rstrip().endswith("Stopped before it was done.")
