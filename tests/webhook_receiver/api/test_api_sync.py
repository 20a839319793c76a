"""Starting a sync over HTTP, and how the last one ended: against a scripted Dagster, on either store."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from regulars.inbox.delivery import Delivery, read_content
from regulars.models import Drift, SyncRun, WebhookState
from regulars.progress import ProgressFile
from tests.regulars.shop.scripted_shop import Asked, Said, scripted
from tests.regulars.test_dagster import LOADED, LOADING, a_run
from tests.webhook_receiver.api.serving import SHOP, Api, serving, settings_of

ENDED = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_sync(run_id: str = "r1", **more: Any) -> SyncRun:
    """Return a sync that ended well."""
    told = {"shop": SHOP, "run_id": run_id, "kind": "pull", "status": "success", "customers": 50, "orders": 120}
    return SyncRun(
        **{**told, "started_at": ENDED - timedelta(seconds=7), "finished_at": ENDED, "seconds": 7.25, **more}
    )


@contextmanager
def with_dagster(
    data: Path,
    *,
    status: str = "SUCCESS",
    entry: Any = LOADED,
    at_launch: Callable[[Api], None] = lambda _: None,
    **more: Any,
) -> Iterator[tuple[Api, list[Asked]]]:
    """Serve the API with a Dagster whose runs end as `status`; `at_launch` does what a run would do."""
    served: list[Api] = []

    def answer(asked: Asked) -> Said:
        query = json.loads(asked.body)["query"]
        if "workspaceOrError" in query:
            found: Any = {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [entry]}}
        elif "launchRun" in query:
            at_launch(served[0])
            found = {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "r1"}}}
        else:
            found = {"runOrError": a_run(status)}
        return Said(200, json.dumps({"data": found}).encode(), {"Content-Type": "application/json"})

    with (
        scripted(answer) as (url, log),
        serving(settings_of(data, dagster_port=int(url.rpartition(":")[2]), **more)) as api,
    ):
        served.append(api)
        yield api, log


@pytest.fixture(params=["files", "mongo"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of either store."""
    return {"mongodb_uri": request.getfixturevalue("mongo_uri")} if request.param == "mongo" else {}


def test_a_sync_answers_with_how_many_customers_it_brought(data: Path, store: dict[str, str]) -> None:
    """The order's own check, and the same keys from GET afterwards."""
    with with_dagster(data, at_launch=lambda api: api.house.records.add_sync(a_sync()), **store) as (api, log):
        answer = api.ask("POST", "/api/customers/sync")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["status"], told["synced_count"], told["orders_count"]) == ("success", 50, 120)
        assert (told["seconds"], told["run_id"]) == (7.25, "r1")
        assert api.json("/api/customers/sync") == told
        params = next(json.loads(asked.body)["variables"]["params"] for asked in log if b"launchRun" in asked.body)
        assert params["executionMetadata"]["tags"] == [{"key": "dagster/partition", "value": SHOP}]


def test_full_reads_everything_again(data: Path) -> None:
    """Passed on to the run."""
    with with_dagster(data) as (api, log):
        api.ask("POST", "/api/customers/sync", params={"full": "true"})
        params = next(json.loads(asked.body)["variables"]["params"] for asked in log if b"launchRun" in asked.body)
        assert params["runConfigData"]["ops"]["raw"]["config"]["full"] is True


def test_a_reconcile_answers_with_what_differed(data: Path, store: dict[str, str]) -> None:
    """The number that proves a copy, over HTTP: by kind, before and after."""
    drift = (
        Drift(object="order", kind="total", before=3, after=0),
        Drift(object="customer", kind="extra", before=2, after=1),
    )
    ended = a_sync(kind="reconcile", drift=drift)
    with with_dagster(data, at_launch=lambda api: api.house.records.add_sync(ended), **store) as (api, log):
        told = api.ask("POST", "/api/customers/sync", params={"reconcile": "true"}).json()
        kinds = [
            {"object": "order", "kind": "total", "before": 3, "after": 0},
            {"object": "customer", "kind": "extra", "before": 2, "after": 1},
        ]
        assert (told["kind"], told["drift"]) == ("reconcile", {"before": 5, "after": 1, "kinds": kinds})
        assert api.json("/api/customers/sync") == told
        params = next(json.loads(asked.body)["variables"]["params"] for asked in log if b"launchRun" in asked.body)
        assert params["runConfigData"]["ops"]["raw"]["config"] == {"full": False, "retries": 0, "reconcile": True}


def test_shops_tell_how_their_copies_stand(data: Path, store: dict[str, str]) -> None:
    """One question a morning for whoever looks after several shops."""
    with serving(settings_of(data, **store)) as api:
        (before,) = api.json("/api/shops")["shops"]
        assert (before["last_sync"], before["last_reconcile"], before["webhooks"]) == (None, None, [])
        api.house.records.add_sync(a_sync("r1", kind="reconcile", drift=(), finished_at=ENDED - timedelta(days=1)))
        api.house.records.add_sync(a_sync("r2", kind="changes"))
        seen = [
            WebhookState(topic="order.updated", status="disabled", webhook_id=12, checked_at=ENDED),
            WebhookState(topic="order.deleted", status="absent", checked_at=ENDED),
        ]
        api.house.records.set_webhooks(SHOP, seen)
        topic, body = "order.updated", b"not json"
        api.house.inbox.commit([Delivery(SHOP, topic, read_content(topic, body), body, datetime.now(UTC))])
        (shop,) = api.json("/api/shops")["shops"]
    assert (shop["last_sync"]["run_id"], shop["last_sync"]["drift"]) == ("r2", None)
    nothing = {"before": 0, "after": 0, "kinds": []}
    assert (shop["last_reconcile"]["run_id"], shop["last_reconcile"]["drift"]) == ("r1", nothing)
    checked = ENDED.isoformat().replace("+00:00", "Z")
    assert shop["webhooks"] == [
        {"topic": "order.deleted", "status": "absent", "id": None, "checked": checked},
        {"topic": "order.updated", "status": "disabled", "id": 12, "checked": checked},
    ]
    assert (shop["waiting"], shop["dead_letters"]) == (0, 1)


def test_figures_of_a_comparison_are_there_once_there_was_one(data: Path) -> None:
    """Zero must be told, and must not be told where nobody compared: an alert hangs on it."""
    with serving(settings_of(data)) as api:
        assert "regulars_drift{" not in api.get("/metrics").text
        drift = (Drift(object="order", kind="total", before=3, after=2),)
        api.house.records.add_sync(a_sync(kind="reconcile", drift=drift))
        states = [WebhookState(topic='order."\n', status="paused", webhook_id=12, checked_at=ENDED)]
        api.house.records.set_webhooks(SHOP, states)
        lines = api.get("/metrics").text.splitlines()
    figures = [line for line in lines if line.startswith("regulars_drift{")]
    assert f'regulars_drift{{shop="{SHOP}",object="order",kind="total"}} 2' in figures
    assert len(figures) == 36
    assert sum(int(line.rsplit(" ", 1)[1]) for line in figures) == 2
    assert f'regulars_webhook_active{{shop="{SHOP}",topic="order.\\""}} 0' in lines
    assert f'regulars_dead_letters{{shop="{SHOP}"}} 0' in lines
    assert any(line.startswith(f'regulars_last_reconcile_age_seconds{{shop="{SHOP}"}}') for line in lines)


def test_a_body_that_would_be_passed_over_is_refused(data: Path) -> None:
    """Whoever sends `full` in a body would get a short sync and believe that everything was read. `{}` asks nothing."""
    with with_dagster(data, status="STARTED") as (api, log):
        answer = api.ask("POST", "/api/customers/sync", json={"full": True})
        assert (answer.status_code, list(answer.json()["fields"])) == (422, ["body"])
        assert log == []
        assert api.ask("POST", "/api/customers/sync", params={"wait": 0}, json={}).status_code == 202


def test_a_sync_that_takes_longer_than_one_waits_is_202(data: Path) -> None:
    """The run goes on; the answer names it."""
    with with_dagster(data, status="STARTED") as (api, _):
        answer = api.ask("POST", "/api/customers/sync", params={"wait": 0})
        assert (answer.status_code, answer.json()) == (202, {"status": "running", "run_id": "r1", "shop": SHOP})
        assert api.ask("POST", "/api/customers/sync", params={"wait": 601}).status_code == 422


def test_a_failed_sync_answers_with_its_own_sentence(data: Path) -> None:
    """From the history, and where that has none from the progress that the run left."""
    failed = a_sync(status="failure", message="The shop refused the key.", customers=0)
    with with_dagster(data, status="FAILURE", at_launch=lambda api: api.house.records.add_sync(failed)) as (api, _):
        answer = api.ask("POST", "/api/customers/sync")
        assert (answer.status_code, answer.json()["type"]) == (502, "/docs#sync-failed")
        assert "The shop refused the key." in answer.json()["detail"]
        assert api.json("/api/customers/sync")["status"] == "failure"

    def leave_progress(api: Api) -> None:
        ProgressFile(api.house.paths.progress(SHOP), SHOP, "r1").fail("The shop is away.")

    shutil.rmtree(data / "progress", ignore_errors=True)
    (data / "records.db").unlink()
    with with_dagster(data, status="FAILURE", at_launch=leave_progress) as (api, _):
        assert "The shop is away." in api.ask("POST", "/api/customers/sync").json()["detail"]


def test_a_success_that_left_no_history_counts_nothing(data: Path) -> None:
    """No made-up zero: what is not known is null."""
    with with_dagster(data) as (api, _):
        told = api.ask("POST", "/api/customers/sync").json()
        assert (told["status"], told["synced_count"], told["seconds"]) == ("success", None, 5.0)


def test_a_dagster_that_is_down_or_starting_is_503_with_what_to_do(data: Path, reading_api: Api) -> None:
    """Nothing was started, and the sentence says what would."""
    down = reading_api.ask("POST", "/api/customers/sync")
    assert (down.status_code, "`regulars up` starts it" in down.json()["detail"]) == (503, True)
    with with_dagster(data, entry=LOADING) as (api, _):
        starting = api.ask("POST", "/api/customers/sync")
        assert (starting.status_code, "still starting" in starting.json()["detail"]) == (503, True)


def test_before_the_first_sync_the_last_one_is_404(reading_api: Api) -> None:
    """A script that waits for the first one can tell."""
    answer = reading_api.get("/api/customers/sync")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_while_a_sync_is_waited_for_everything_else_is_answered(data: Path) -> None:
    """Twenty callers that wait must not take the threads that the others need."""
    import threading

    import requests

    with with_dagster(data, status="STARTED") as (api, _):
        waiting = [
            threading.Thread(
                target=lambda: requests.post(f"{api.url}/api/customers/sync", params={"wait": 3}, timeout=30)
            )
            for _ in range(20)
        ]
        for thread in waiting:
            thread.start()
        for _ in range(5):
            assert api.get("/api/shops").elapsed.total_seconds() < 2.5
        for thread in waiting:
            thread.join()
