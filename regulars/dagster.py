"""Dagster over HTTP: starting a sync and following it, through the GraphQL endpoint of its web server.

App and API start runs so; they import no Dagster. Where our jobs live (repository and code location) is looked up each
time, since both names depend on how Dagster was started.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import requests

from regulars.errors import DagsterUnavailable, RunFailed
from regulars.models import SyncRun
from regulars.paths import DataPaths
from regulars.progress import read_progress
from regulars.records.system_ports import History
from regulars.settings import Settings

SYNC_JOB: Final = "sync"
PARTITION_TAG: Final = "dagster/partition"
TIMEOUT: Final = (3.0, 30.0)
UP_TIMEOUT: Final = (1.0, 3.0)
ENDED: Final = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1"}  # noqa: S104 - bound to, never called
LOCATIONS: Final = """query { workspaceOrError { __typename
  ... on PythonError { message }
  ... on Workspace { locationEntries { name loadStatus locationOrLoadError { __typename
    ... on PythonError { message }
    ... on RepositoryLocation { name repositories { name jobs { name } } } } } } } }"""
LAUNCH: Final = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } }
  ... on RunConfigValidationInvalid { errors { message } }
  ... on Error { message } } }"""
RUN: Final = """query ($id: ID!) { runOrError(runId: $id) { __typename
  ... on Run { runId jobName status startTime endTime tags { key value } }
  ... on Error { message } } }"""


@dataclass(frozen=True)
class Run:
    """A run as Dagster knows it. `status` is Dagster's word (QUEUED … SUCCESS, FAILURE, CANCELED); times are UTC."""

    run_id: str
    job: str
    shop: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether it ended well."""
        return self.status == "SUCCESS"


class Dagster:
    """Dagster's web server, where the settings say that it is. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        host = EVERY_ADDRESS.get(settings.host, settings.host)
        self.url = f"http://{host}:{settings.dagster_port}"

    def is_up(self) -> bool:
        """Return whether Dagster's web server answers. Its jobs may still be loading then."""
        try:
            answer = requests.get(f"{self.url}/server_info", timeout=UP_TIMEOUT, allow_redirects=False)
            return answer.ok and "dagster_version" in answer.json()
        except (requests.RequestException, ValueError):
            return False

    def start_sync(self, shop: str, *, full: bool = False, reconcile: bool = False) -> str:
        """Start a sync of `shop`, a configured one, and return its run id.

        `full` reads everything again; `reconcile` compares everything and mends what differs.

        The run waits by itself while another one of the shop is under way. Raises DagsterUnavailable.
        """
        location, repository = self._home_of(SYNC_JOB)
        options: dict[str, object] = {"full": full, **({"reconcile": True} if reconcile else {})}
        params = {
            "selector": {"repositoryLocationName": location, "repositoryName": repository, "jobName": SYNC_JOB},
            # Nothing is tried again: whoever asked waits for the answer.
            "runConfigData": {"ops": {"raw": {"config": {**options, "retries": 0}}}},
            "executionMetadata": {"tags": [{"key": PARTITION_TAG, "value": shop}]},
        }
        answer = self._ask(LAUNCH, {"params": params}, "launchRun")
        if answer["__typename"] != "LaunchRunSuccess":
            raise DagsterUnavailable(f"Dagster did not start the sync of {shop}: {_said(answer)}.")
        return str(answer["run"]["runId"])

    def run(self, run_id: str) -> Run:
        """Return where a run stands. Raises DagsterUnavailable, also where Dagster has no such run any more."""
        answer = self._ask(RUN, {"id": run_id}, "runOrError")
        if answer["__typename"] != "Run":
            raise DagsterUnavailable(f"Dagster cannot tell of the run {run_id}: {_said(answer)}.")
        tags = {tag["key"]: tag["value"] for tag in answer["tags"]}
        return Run(
            run_id=answer["runId"],
            job=answer["jobName"],
            shop=tags.get(PARTITION_TAG),
            status=answer["status"],
            started_at=_instant(answer["startTime"]),
            ended_at=_instant(answer["endTime"]),
        )

    def run_url(self, run_id: str) -> str:
        """Return the address at which people see the run."""
        return f"{self.url}/runs/{quote(run_id, safe='')}"

    def runs_url(self) -> str:
        """Return the address of all runs."""
        return f"{self.url}/runs"

    def asset_url(self, *key: str) -> str:
        """Return the address of an asset, for example `asset_url("marts", "customers")`, with its checks."""
        return f"{self.url}/assets/{'/'.join(quote(part, safe='') for part in key)}"

    def _home_of(self, job: str) -> tuple[str, str]:
        """Return the code location and repository that have `job`. Raises DagsterUnavailable saying what there is."""
        answer = self._ask(LOCATIONS, {}, "workspaceOrError")
        if answer["__typename"] != "Workspace":
            raise DagsterUnavailable(f"Dagster cannot tell what it serves: {_said(answer)}.")
        for entry in answer["locationEntries"]:
            for repository in (entry["locationOrLoadError"] or {}).get("repositories", ()):
                if any(one["name"] == job for one in repository["jobs"]):
                    return entry["locationOrLoadError"]["name"], repository["name"]
        raise DagsterUnavailable(self._why_no_job(answer["locationEntries"], job))

    def _why_no_job(self, entries: list[dict[str, Any]], job: str) -> str:
        if any(entry["loadStatus"] == "LOADING" for entry in entries) or not entries:
            return "Dagster is still starting: it has not read its jobs yet. Try again in half a minute."
        broken = [entry for entry in entries if (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError"]
        if broken:
            return f"Dagster could not load our jobs; {self.url}/locations shows why."
        return f"What answers at {self.url} is a Dagster without our job {job!r}. Is REGULARS_DAGSTER_PORT right?"

    def _ask(self, query: str, variables: Mapping[str, Any], name: str) -> dict[str, Any]:
        try:
            answer = requests.post(
                f"{self.url}/graphql",
                json={"query": query, "variables": variables},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
            told = answer.json()
        except requests.exceptions.JSONDecodeError:
            raise DagsterUnavailable(
                f"What answers at {self.url} is no Dagster. Is REGULARS_DAGSTER_PORT right?"
            ) from None
        except requests.RequestException as error:
            raise DagsterUnavailable(
                f"Dagster does not answer at {self.url} ({_kind(error)}). `regulars up` starts it; until then "
                "`regulars sync` works without it."
            ) from None
        data = told.get("data") if isinstance(told, dict) else None
        found = data.get(name) if isinstance(data, dict) else None
        if not isinstance(found, dict):
            raise DagsterUnavailable(f"Dagster at {self.url} does not understand us; it may be of another version.")
        return found


def outcome(run: Run, shop: str, *, records: History, paths: DataPaths) -> SyncRun | None:
    """Return how an ended sync ended, from the history; None where a sync that went well left nothing there.

    Raises RunFailed with the run's own sentence: from the history, else from the shop's progress file.
    """
    told = next((each for each in records.syncs(shop) if each.run_id == run.run_id), None)
    if run.succeeded:
        return told
    if told is not None and told.message:
        raise RunFailed(told.message)
    progress = read_progress(paths.progress(shop))
    if progress is not None and progress.run_id == run.run_id and progress.message:
        raise RunFailed(progress.message)
    if run.status == "CANCELED":
        raise RunFailed("Somebody ended the sync in Dagster before it was done; the next one goes on from there.")
    raise RunFailed("The sync failed without a word; Dagster keeps its log under its runs.")


def _said(answer: Mapping[str, Any]) -> str:
    """Return the first line of what Dagster says, without its stop."""
    texts = [answer.get("message") or "", *(error.get("message") or "" for error in answer.get("errors") or ())]
    first = next((text for text in texts if text), str(answer["__typename"]))
    return str(first).strip().partition("\n")[0][:300].rstrip(".")


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _kind(error: requests.RequestException) -> str:
    return "no answer in time" if isinstance(error, requests.Timeout) else "no connection"
