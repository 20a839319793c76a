"""One run in this process: `python -m pipelines.run sync --shop S`. The command line starts it as a child.

The run is recorded in the same Dagster instance as those that sensors and schedules start, and queues with them for the
shop's warehouse. It prints nothing but one sentence on failure; its progress stands in the shop's progress file.
"""

import argparse
import logging
import sys
from typing import Any

import dagster as dg

from pipelines.definitions import DERIVE_JOB, SYNC_JOB, defs
from pipelines.resources.deployment import Deployment
from regulars.errors import ChecksFailed, RegularsError

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class UnexpectedFailure(RegularsError):
    """A fault of ours: the run's log in Dagster holds the traceback."""


def main(arguments: list[str] | None = None) -> int:
    """Run one job for one shop; return 0, or 1 after a sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.run")
    parser.add_argument("job", choices=(SYNC_JOB, DERIVE_JOB))
    parser.add_argument("--shop", required=True)
    parser.add_argument("--full", action="store_true", help="read everything again")
    parser.add_argument("--as-of", default="", help="YYYY-MM-DD, 00:00 in the shop's time zone")
    options = parser.parse_args(arguments)
    logging.getLogger("regulars").setLevel(logging.INFO)
    try:
        run(options.job, options.shop, full=options.full, as_of=options.as_of)
    except RegularsError as error:
        sys.stderr.write(f"{error.sentence()}\n")
        return 1
    return 0


def run(job: str, shop: str, *, full: bool = False, as_of: str = "") -> dg.ExecuteInProcessResult:
    """Run `job` for `shop` in this process. Raises the RegularsError that stopped it, after noting it for the app."""
    ops: dict[str, Any] = {"marts": {"config": {"as_of": as_of}}}
    if job == SYNC_JOB:
        ops["raw"] = {"config": {"full": full}}
    with dg.DagsterInstance.get() as instance:
        try:
            return defs.resolve_job_def(job).execute_in_process(
                run_config={"ops": ops, **QUIET}, partition_key=shop, instance=instance
            )
        except Exception as error:
            known = our_error(error) or UnexpectedFailure(
                f"The run failed in a way that was not foreseen ({type(error).__name__}). Dagster keeps the whole story "
                "under its runs; the published version stays as it was."
            )
            Deployment().progress(shop, "").fail(known.sentence())
            raise known from error


def our_error(error: BaseException | None) -> RegularsError | None:
    """Return the error of ours that Dagster wrapped, or None where it is none of ours."""
    seen: set[int] = set()  # causes may run in a circle
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, RegularsError):
            return error
        if isinstance(error, dg.DagsterError) and "asset check" in str(error).lower():
            return ChecksFailed(
                "The blocking checks refused these marts, so the published version stays as it was. "
                "Dagster shows which invariant broke, under the asset marts/customers."
            )
        error = error.__cause__ or error.__context__
    return None


if __name__ == "__main__":
    sys.exit(main())
