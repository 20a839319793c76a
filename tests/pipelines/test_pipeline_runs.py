"""Runs beside each other: they queue for a shop's warehouse, and a killed one is in nobody's way."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from filelock import FileLock

from pipelines import housekeeping, runs
from pipelines.run import dagster_instance, main
from pipelines.runs import LOST, STATUS
from regulars.progress import read_progress
from tests.pipelines.shop_house import NAME, House, failure_of

PATIENCE = 90.0


def eventually(holds: Callable[[], object], what: str) -> None:
    """Wait until `holds()` is true, at most PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"after {PATIENCE:.0f} s still not: {what}"
        time.sleep(0.05)


STARTED = "import sys; from pipelines.run import main; sys.exit(main(sys.argv[1:]))"


@contextmanager
def a_run(house: House) -> Iterator[subprocess.Popen[str]]:
    """Start a run in a process of its own, as the command line does; it is killed at the end if it still runs."""
    command = [sys.executable, "-m", "pipelines.run", "sync", "--shop", NAME]
    with subprocess.Popen(command, env=house.environment(), stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()


def span(instance: dg.DagsterInstance, run_id: str) -> tuple[float, float]:
    """Return when the run's first step began and its last one ended."""
    stats = instance.get_run_step_stats(run_id)
    return min(step.start_time for step in stats), max(step.end_time for step in stats)


@pytest.mark.deep
def test_two_runs_of_one_shop_queue(house):
    """DuckDB refuses a second writer at once: the second run has to wait, not to fail."""
    with a_run(house) as one, a_run(house) as other:
        assert (one.wait(PATIENCE), other.wait(PATIENCE)) == (0, 0), (one.stderr.read(), other.stderr.read())
    with dagster_instance(house.deployment) as instance:
        ids = instance.get_run_ids(dg.RunsFilter(statuses=[STATUS.SUCCESS]))
        first, second = sorted(span(instance, run_id) for run_id in ids)
    assert first[1] <= second[0]


def test_a_killed_run_frees_the_warehouse_and_the_next_one_finishes_its_work(house):
    """Kill -9 at any moment: nothing to clean up by hand, and the same result as unbroken."""
    number = house.shop.place_order(lines=None, email="late@shop.example").id
    house.shop.faults.add("slow", path="/orders", seconds=60.0)
    before = len(house.shop.requests_served)
    with a_run(house) as process:
        eventually(lambda: len(house.shop.requests_served) > before, "the run asks the shop")
        assert runs.is_held(house.paths, NAME)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
    assert not runs.is_held(house.paths, NAME)
    house.shop.faults.clear()
    assert house.run().success
    assert house.one("orders", order_id=number)["counted"] is True


def test_a_run_of_another_shop_does_not_wait(house):
    """One slow shop must not hold up the others."""
    with FileLock(house.paths.warehouse_lock("another")):
        assert house.run("derive").success


def test_a_run_holds_the_warehouse_through_all_of_its_steps(house, monkeypatch):
    """A lock given back between two steps would let another run publish a mixture."""
    held = []

    def look(real):
        def looking(*arguments):
            held.append(runs.is_held(house.paths, NAME))
            return real(*arguments)

        return looking

    from pipelines.assets import published, staging

    monkeypatch.setattr(staging, "stage_shop", look(staging.stage_shop))
    monkeypatch.setattr(published, "publish_shop", look(published.publish_shop))
    result = house.run("derive")
    assert result.success, failure_of(result)
    assert held == [True, True]
    assert not runs.is_held(house.paths, NAME)


def test_a_run_that_waits_too_long_says_so_and_leaves_the_holders_progress(house):
    """The holder's progress is what people watch; the one that gave up tells it in its own run."""
    progress = house.deployment.progress(NAME, "holder")
    progress.stage("orders", 3, 9)
    impatient = {"warehouse": {"config": {"data_dir": str(house.folder), "patience_seconds": 0.2}}}
    with FileLock(house.paths.warehouse_lock(NAME)):
        result = house.run("derive", resources=impatient)
    assert not result.success
    assert any("Another run has held the warehouse" in str(event.event_specific_data) for event in result.all_events)
    assert read_progress(house.paths.progress(NAME)).run_id == "holder"


def test_the_command_line_ends_with_one_sentence(house, monkeypatch):
    """`regulars sync` shows the last line of this process; a traceback there helps nobody."""
    monkeypatch.setenv("WOOCOMMERCE_CONSUMER_SECRET", "cs_wrong")
    with a_run(house) as process:
        assert process.wait(PATIENCE) == 1
        said = process.stderr.read().strip().splitlines()
    assert len(said) == 1
    assert read_progress(house.paths.progress(NAME)).message == said[0]


def test_a_disk_that_takes_nothing_more_is_one_sentence(house):
    """Dagster's own store fails then, before anything of ours does; its error speaks of SQL and a web page."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); {STARTED}"
    done = subprocess.run(
        [sys.executable, "-c", limited, "sync", "--shop", NAME],
        env=house.environment() | {"REGULARS_DATA": str(house.folder / "full")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"The data folder {house.folder / 'full'} cannot be written (")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_shop_that_is_not_configured_is_named(house, capsys):
    """Dagster would speak of partitions."""
    assert main(["sync", "--shop", "typo"]) == 1
    assert capsys.readouterr().err == f"No shop is called 'typo'; there is: {NAME}.\n"


# What Dagster counts as running


def a_record(house: House, status: dg.DagsterRunStatus, job: str = "sync") -> str:
    """Put a run of the shop with this status into Dagster's storage and return its id."""
    run = house.instance.create_run_for_job(
        house.defs.resolve_job_def(job), status=status, tags={"dagster/partition": NAME}
    )
    return run.run_id


def sensor_context(house: House, cursor: str | None = None) -> dg.SensorEvaluationContext:
    """Return what a sensor is called with."""
    return dg.build_sensor_context(instance=house.instance, cursor=cursor)


def later(house: House, monkeypatch: pytest.MonkeyPatch, **delta: float) -> None:
    """Let time pass for the sensors."""
    then = datetime.now(UTC) + timedelta(**delta)
    monkeypatch.setattr(type(house.deployment), "now", lambda _: then)


def test_a_lost_run_is_ended_at_the_second_look(house, monkeypatch):
    """Dagster counts a killed run as running for ever, and change rows would wait for it."""
    lost = a_record(house, STATUS.STARTED)
    later(house, monkeypatch, minutes=2)
    first = housekeeping.lost_runs(sensor_context(house), deployment=house.deployment)
    assert house.instance.get_run_by_id(lost).status == STATUS.STARTED
    housekeeping.lost_runs(sensor_context(house, first.cursor), deployment=house.deployment)
    assert house.instance.get_run_by_id(lost).status == STATUS.FAILURE
    assert not runs.under_way(house.instance, NAME)


def test_a_run_that_waits_for_the_warehouse_is_not_lost(house, monkeypatch):
    """A first sync takes an hour; whoever waits for it is silent, and alive."""
    a_record(house, STATUS.STARTED)
    later(house, monkeypatch, hours=1)
    with FileLock(house.paths.warehouse_lock(NAME)):
        assert runs.suspects(house.instance, house.paths, [NAME], house.deployment.now()) == []


@pytest.mark.parametrize(("status", "seconds"), [(STATUS.STARTED, 30), (STATUS.STARTING, 240)])
def test_a_run_that_just_started_is_not_lost(house, status, seconds, monkeypatch):
    """Between its first word and taking the warehouse a run holds nothing; on a busy machine that takes a while."""
    a_record(house, status)
    later(house, monkeypatch, seconds=seconds)
    assert runs.suspects(house.instance, house.paths, [NAME], house.deployment.now()) == []


def test_a_run_that_ended_meanwhile_is_left_as_it_is(house):
    """Between two looks a run may have ended well."""
    done = a_record(house, STATUS.SUCCESS)
    assert runs.end_lost(house.instance, done) is False
    assert house.instance.get_run_by_id(done).status == STATUS.SUCCESS


def test_the_reason_of_a_lost_run_reaches_the_app(house):
    """The screen would say "running" for ever."""
    from pipelines.failures import tell_failures

    run_id = a_record(house, STATUS.STARTED)
    house.deployment.progress(NAME, run_id).stage("orders", 5, 10)
    runs.end_lost(house.instance, run_id)
    events = house.instance.get_records_for_run(run_id).records
    failure = next(
        record.event_log_entry.dagster_event
        for record in events
        if record.event_log_entry.dagster_event and record.event_log_entry.dagster_event.is_job_failure
    )
    context = dg.build_run_status_sensor_context(
        sensor_name="tell_failures",
        dagster_event=failure,
        dagster_instance=house.instance,
        dagster_run=house.instance.get_run_by_id(run_id),
        resources={"deployment": house.deployment},
    ).for_run_failure()
    tell_failures(context)
    assert read_progress(house.paths.progress(NAME)).message == LOST


# Asking for runs


def test_no_run_is_asked_for_while_one_is_under_way(house):
    """The deliveries of a busy minute become one run."""
    a_record(house, STATUS.STARTED)
    assert runs.next_run_key(house.instance, NAME, "sync", datetime.now(UTC)) is None


def test_a_failed_run_is_followed_by_another_one_after_a_pause(house):
    """With the same run key Dagster would never start it again, and its change rows would wait for the next pull."""
    first = runs.next_run_key(house.instance, NAME, "sync", datetime.now(UTC))
    a_record(house, STATUS.FAILURE)
    now = datetime.now(UTC)
    assert runs.next_run_key(house.instance, NAME, "sync", now) is None
    second = runs.next_run_key(house.instance, NAME, "sync", now + timedelta(seconds=40))
    assert second not in (None, first)
    a_record(house, STATUS.FAILURE)
    assert runs.next_run_key(house.instance, NAME, "sync", datetime.now(UTC) + timedelta(seconds=40)) is None
    assert runs.next_run_key(house.instance, NAME, "sync", datetime.now(UTC) + timedelta(seconds=70))


def test_old_runs_are_deleted_with_their_files(house, monkeypatch):
    """A run leaves 0.4 MB behind; Dagster's own delete leaves the files."""
    monkeypatch.setattr(housekeeping, "RUNS_KEPT", 2)
    instance, job = house.instance, house.defs.resolve_job_def("housekeeping")
    for _ in range(3):
        assert job.execute_in_process(instance=instance).success
    oldest = instance.get_run_ids()[-1]
    files = list(Path(instance.root_directory).rglob(f"*{oldest}*"))
    assert files
    result = job.execute_in_process(instance=instance)
    assert result.success
    assert oldest not in instance.get_run_ids()
    assert [path for path in files if path.exists()] == []
    assert instance.get_run_by_id(result.run_id) is not None


def test_runs_under_way_are_never_deleted(house):
    """A first sync may be older than many short runs."""
    waiting = a_record(house, STATUS.STARTED)
    assert waiting not in housekeeping.old_runs(house.instance, datetime.now(UTC) + timedelta(days=400))
