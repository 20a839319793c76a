"""Starting a sync through Dagster: against a scripted GraphQL endpoint, and once against the real thing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from regulars.dagster import Dagster, Run, outcome
from regulars.errors import DagsterUnavailable, RunFailed
from regulars.models import SyncRun
from regulars.paths import DataPaths
from regulars.progress import ProgressFile
from regulars.records import open_records
from regulars.settings import Settings
from tests.e2e.running import Place, connected, foreign_shop, free_ports, wait_for
from tests.regulars.shop.scripted_shop import Asked, Said, scripted

SHOP = "shop"
LOADED = {
    "name": "pipelines.definitions",
    "loadStatus": "LOADED",
    "locationOrLoadError": {
        "__typename": "RepositoryLocation",
        "name": "pipelines.definitions",
        "repositories": [{"name": "__repository__", "jobs": [{"name": "derive"}, {"name": "sync"}]}],
    },
}
LOADING = {"name": "pipelines.definitions", "loadStatus": "LOADING", "locationOrLoadError": None}
BROKEN = {**LOADED, "locationOrLoadError": {"__typename": "PythonError", "message": "ImportError: x"}}
STRANGE = {
    **LOADED,
    "locationOrLoadError": {"__typename": "RepositoryLocation", "name": "other", "repositories": []},
}


def a_run(status: str, **more: Any) -> dict[str, Any]:
    """Return a run as GraphQL tells of it."""
    tags = [{"key": "dagster/partition", "value": SHOP}]
    times = {"startTime": 1_700_000_000.0, "endTime": 1_700_000_005.0 if status == "SUCCESS" else None}
    return {"__typename": "Run", "runId": "r1", "jobName": "sync", "status": status, **times, "tags": tags, **more}


@contextmanager
def a_dagster(
    *, entries: list[Any] | None = None, launched: Any = None, runs: list[Any] | None = None
) -> Iterator[tuple[Dagster, list[Asked]]]:
    """Serve GraphQL answers: the code locations, the answer to a launch, and one answer a look at a run."""
    looks = iter(runs or [])

    def answer(asked: Asked) -> Said:
        query = json.loads(asked.body)["query"]
        if "workspaceOrError" in query:
            data: Any = {
                "workspaceOrError": {
                    "__typename": "Workspace",
                    "locationEntries": [LOADED] if entries is None else entries,
                }
            }
        elif "launchRun" in query:
            data = {"launchRun": launched or {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}}
        else:
            data = {"runOrError": next(looks)}
        return Said(200, json.dumps({"data": data}).encode(), {"Content-Type": "application/json"})

    with scripted(answer) as (url, log):
        yield Dagster(settings_at(int(url.rpartition(":")[2]))), log


def settings_at(port: int, **more: Any) -> Settings:
    """Return settings with Dagster at `port`."""
    return Settings(_env_file=None, dagster_port=port, **more)


def test_a_sync_is_started_where_the_job_lives_and_for_its_shop() -> None:
    """Names of repository and location depend on how Dagster was started: guessed ones would fail elsewhere."""
    with a_dagster(entries=[STRANGE, LOADED]) as (dagster, log):
        assert dagster.start_sync(SHOP, full=True) == "r1"
    params = json.loads(log[-1].body)["variables"]["params"]
    assert params == {
        "selector": {
            "repositoryLocationName": "pipelines.definitions",
            "repositoryName": "__repository__",
            "jobName": "sync",
        },
        "runConfigData": {"ops": {"raw": {"config": {"full": True, "retries": 0}}}},
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": SHOP}]},
    }


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([LOADING], "still starting"),
        ([], "still starting"),
        ([BROKEN], "could not load our jobs"),
        ([STRANGE], "without our job 'sync'"),
    ],
)
def test_without_the_job_it_says_what_to_do(entries: list[Any], sentence: str) -> None:
    """For half a minute after `up` Dagster answers and has no jobs: that must not read as a wrong port."""
    with a_dagster(entries=entries) as (dagster, _), pytest.raises(DagsterUnavailable, match=sentence):
        dagster.start_sync(SHOP)


def test_a_refused_launch_is_told_with_dagsters_words() -> None:
    """Say a shop that was added while Dagster ran: it has no such partition yet."""
    refused = {"__typename": "PipelineNotFoundError", "message": "Could not find Pipeline sync.\nmore"}
    with (
        a_dagster(launched=refused) as (dagster, _),
        pytest.raises(DagsterUnavailable, match="Could not find Pipeline sync"),
    ):
        dagster.start_sync(SHOP)


def test_nothing_at_the_port_names_the_command() -> None:
    """The usual case: `regulars up` does not run."""
    dagster = Dagster(settings_at(free_ports(1)[0]))
    assert not dagster.is_up()
    with pytest.raises(DagsterUnavailable, match="`regulars up` starts it") as caught:
        dagster.start_sync(SHOP)
    assert caught.value.retry


@pytest.mark.parametrize("body", [b"<html>", b'{"errors": [{"message": "no"}]}', b"[]", b'{"data": {"launchRun": 1}}'])
def test_what_is_no_dagster_is_not_taken_for_one(body: bytes) -> None:
    """The port may belong to anything."""
    with scripted(lambda _: Said(200, body)) as (url, _):
        dagster = Dagster(settings_at(int(url.rpartition(":")[2])))
        assert not dagster.is_up()
        with pytest.raises(DagsterUnavailable):
            dagster.start_sync(SHOP)


def test_a_run_is_told_as_dagster_knows_it() -> None:
    """Each look asks once; the times are Dagster's, in UTC."""
    with a_dagster(runs=[a_run("STARTED"), a_run("SUCCESS")]) as (dagster, log):
        begun, run = dagster.run("r1"), dagster.run("r1")
    assert (begun.ended, begun.ended_at) == (False, None)
    assert (run.ended, run.succeeded, run.shop, run.job, len(log)) == (True, True, SHOP, "sync", 2)
    assert run.ended_at == datetime(2023, 11, 14, 22, 13, 25, tzinfo=UTC)


def test_a_run_that_dagster_forgot_is_told() -> None:
    """Old runs are deleted by age."""
    gone = {"__typename": "RunNotFoundError", "message": "Run r1 could not be found."}
    with a_dagster(runs=[gone]) as (dagster, _), pytest.raises(DagsterUnavailable, match="could not be found"):
        dagster.run("r1")


def ended(status: str) -> Run:
    """Return an ended run."""
    return Run("r1", "sync", SHOP, status, None, None)


def test_a_failed_run_says_what_its_progress_says(tmp_path: Path) -> None:
    """The sentence is the shop's; "the run failed" helps nobody."""
    settings = settings_at(3000, data_dir=tmp_path)
    paths = DataPaths(tmp_path)
    with open_records(settings) as records:
        with pytest.raises(RunFailed, match="without a word"):
            outcome(ended("FAILURE"), SHOP, records=records, paths=paths)
        ProgressFile(paths.progress(SHOP), SHOP, "r1").fail("The shop refused the key.")
        with pytest.raises(RunFailed, match="The shop refused the key"):
            outcome(ended("FAILURE"), SHOP, records=records, paths=paths)
        with pytest.raises(RunFailed, match="without a word"):  # another run's sentence is not this one's
            outcome(Run("r2", "sync", SHOP, "FAILURE", None, None), SHOP, records=records, paths=paths)
        with pytest.raises(RunFailed, match="Somebody ended"):
            outcome(Run("r3", "sync", SHOP, "CANCELED", None, None), SHOP, records=records, paths=paths)


def test_the_history_tells_how_a_run_ended(tmp_path: Path) -> None:
    """Progress files hold the last run alone; the history keeps each."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    times = {"started_at": now, "finished_at": now}
    good = SyncRun(shop=SHOP, run_id="r1", kind="pull", status="success", customers=3, orders=5, **times)
    bad = SyncRun(shop=SHOP, run_id="r2", kind="pull", status="failure", message="The shop is away.", **times)
    with open_records(settings_at(3000, data_dir=tmp_path)) as records:
        records.add_sync(good)
        records.add_sync(bad)
        assert outcome(ended("SUCCESS"), SHOP, records=records, paths=DataPaths(tmp_path)) == good
        with pytest.raises(RunFailed, match="The shop is away"):
            outcome(Run("r2", "sync", SHOP, "FAILURE", None, None), SHOP, records=records, paths=DataPaths(tmp_path))


def test_addresses_for_people() -> None:
    """Screens link to them; a server that binds to every address is reached by the loopback one."""
    dagster = Dagster(settings_at(3001, host="0.0.0.0"))
    assert dagster.url == "http://127.0.0.1:3001"
    assert dagster.run_url("a/b") == "http://127.0.0.1:3001/runs/a%2Fb"
    assert dagster.asset_url("marts", "customers") == "http://127.0.0.1:3001/assets/marts/customers"
    assert dagster.runs_url() == "http://127.0.0.1:3001/runs"


@pytest.mark.deep
@pytest.mark.e2e
def test_a_real_dagster_runs_the_sync_and_tells_of_its_failure(tmp_path: Path) -> None:
    """GraphQL's names and types are Dagster's own: only the real one can say that they are right."""
    with foreign_shop(tmp_path / "foreign", "--people", "30") as url:
        place = Place(tmp_path / "ours", **connected(url))
        with place.running("up") as up:
            up.wait_until_said("Ctrl-C ends everything.", 240)
            dagster = Dagster(settings_at(int(place.ports["REGULARS_DAGSTER_PORT"])))
            assert dagster.is_up()
            before = place.manifest(SHOP).version
            run_id = wait_for("Dagster has its jobs", lambda: _started(dagster), 120)
            run = _ended(dagster, run_id, 180)
            assert (run.status, run.shop, run.job) == ("SUCCESS", SHOP, "sync")
            assert place.manifest(SHOP).version > before
            failed = _ended(dagster, dagster.start_sync("no-such-shop"), 120)
            assert (failed.ended, failed.succeeded, failed.shop) == (True, False, "no-such-shop")
            with pytest.raises(DagsterUnavailable, match=r"could not be found"):
                dagster.run("00000000-0000-0000-0000-000000000000")
            assert up.end() == 0


def _started(dagster: Dagster) -> str | None:
    try:
        return dagster.start_sync(SHOP, full=True)
    except DagsterUnavailable as error:
        if "still starting" not in error.message:
            raise
        return None


def _ended(dagster: Dagster, run_id: str, seconds: float) -> Run:
    def look() -> Run | None:
        run = dagster.run(run_id)
        return run if run.ended else None

    return wait_for("the run ends", look, seconds)
