"""One run in this process: `python -m pipelines.run sync --shop S`. The command line starts it as a child.

The run is recorded in the same Dagster instance as those that sensors and schedules start, and queues with them for the
shop's warehouse. It prints nothing but one sentence on failure; its progress stands in the shop's progress file.
"""

import argparse
import logging
import sys
from collections.abc import Mapping
from datetime import date
from errno import ENOSPC
from pathlib import Path
from shutil import disk_usage
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import dagster as dg
from filelock import FileLock
from sqlalchemy.exc import DBAPIError

from pipelines.failures import UnexpectedFailure, our_error
from pipelines.history import SYNC_JOB, RunProgress
from pipelines.resources.deployment import Deployment
from regulars.dagster_home import make_dagster_home
from regulars.errors import RegularsError
from regulars.progress import read_progress
from regulars.settings import load_settings, process_environment

LITTLE_FREE = 4_000_000
NOTHING: Mapping[str, bool] = MappingProxyType({})
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main(arguments: list[str] | None = None) -> int:
    """Run one job for one shop; return 0, or 1 after a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.run")
    parser.add_argument("job", choices=("sync", "derive"))
    parser.add_argument("--shop", required=True)
    parser.add_argument("--full", action="store_true", help="read everything again")
    parser.add_argument("--reconcile", action="store_true", help="compare everything with the shop, mend what differs")
    parser.add_argument("--believe", action="store_true", help="take the shop's word, however much of it is gone")
    parser.add_argument("--as-of", type=date.fromisoformat, help="YYYY-MM-DD, 00:00 in the shop's time zone")
    options = parser.parse_args(arguments)
    logging.getLogger("regulars").setLevel(logging.INFO)
    try:
        raw = {"full": options.full, "reconcile": options.reconcile, "believe": options.believe}
        run(options.job, options.shop, raw=raw, as_of=options.as_of)
    except RegularsError as error:
        sys.stderr.write(f"{error.sentence()}\n")
        return 1
    except (OSError, DBAPIError) as error:  # Dagster's own store, and whatever else lies in the data folder
        sys.stderr.write(f"{not_written(error)}\n")
        return 1
    return 0


def not_written(error: Exception) -> str:
    """Return what to tell people of a store that failed; the error's own words may hold values of statements."""
    folder = load_settings().data_dir.absolute()
    full = getattr(error, "errno", None) == ENOSPC or disk_usage(folder).free < LITTLE_FREE
    return (
        f"The data folder {folder} cannot be written ({'its disk is full' if full else type(error).__name__}): check the "
        "disk's free space and the folder's rights. What was committed stays, and the next run goes on from there."
    )


def run(
    job: str, shop: str, *, raw: Mapping[str, bool] = NOTHING, as_of: date | None = None
) -> dg.ExecuteInProcessResult:
    """Run `job` for `shop` in this process. Raises the RegularsError that stopped it, after noting it for the app.

    `raw` are options of `RawConfig`, for a sync.
    Nothing is tried again: whoever asked is waiting for the answer.
    """
    deployment = Deployment()
    deployment.shop(shop)  # refused in a sentence, before Dagster is asked for a partition that it does not have
    from pipelines.definitions import defs

    ops: dict[str, Any] = {
        "marts": {"config": {"as_of": as_of.isoformat() if as_of else "", "whole": raw.get("full", False)}}
    }
    if job == SYNC_JOB:
        ops["raw"] = {"config": {**raw, "retries": 0}}
    run_id = str(uuid4())
    with dagster_instance(deployment) as instance:
        try:
            return defs.resolve_job_def(job).execute_in_process(
                run_config={"ops": ops, **QUIET}, partition_key=shop, instance=instance, run_id=run_id
            )
        except Exception as error:
            known = our_error(error, read_progress(deployment.paths.progress(shop)))
            if known is None:
                known = UnexpectedFailure(
                    f"The run failed in a way that was not foreseen ({type(error).__name__}). Dagster keeps the whole "
                    "story under its runs; the published version stays as it was."
                )
            tell(deployment, instance, shop, run_id, known)
            raise known from error


def tell(deployment: Deployment, instance: dg.DagsterInstance, shop: str, run_id: str, error: RegularsError) -> None:
    """Write why the run failed where app and command line look, and into the history, unless the run did."""
    if (run := instance.get_run_by_id(run_id)) is None:  # it failed before Dagster knew of it
        deployment.progress(shop, run_id).fail(error.sentence())
        return
    last = read_progress(deployment.paths.progress(shop))
    if last is None or (last.run_id, last.state) != (run_id, "failed"):
        RunProgress(deployment, instance, run).fail(error.sentence())


def dagster_instance(deployment: Deployment) -> dg.DagsterInstance:
    """Return the Dagster instance of DAGSTER_HOME or, where that is not set, the one in the data folder.

    One process at a time opens it: of two that find a new folder, Dagster would let both create the same tables.
    """
    set_by_user = process_environment().get("DAGSTER_HOME")
    home = Path(set_by_user) if set_by_user else make_dagster_home(deployment.paths.dagster)
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home / "opening.lock"):
        instance = dg.DagsterInstance.get() if set_by_user else dg.DagsterInstance.from_config(str(home))
        for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
            assert storage is not None
        return instance


if __name__ == "__main__":
    sys.exit(main())
