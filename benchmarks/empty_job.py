"""The least that Dagster can do: a sensor that sees a file, and a job of one op that does nothing but write another.

`freshness` loads it beside the product, in the same daemon. It imports Dagster alone.
"""

from pathlib import Path

import dagster as dg

ASKED, DONE = "empty_job.asked", "empty_job.done"


@dg.op
def nothing(context: dg.OpExecutionContext) -> None:
    """Say that it ran: put what was asked for under the other name."""
    folder = Path(context.instance.root_directory).parent
    (folder / ASKED).replace(folder / DONE)


@dg.job(executor_def=dg.in_process_executor)
def empty_job() -> None:
    """Run the op."""
    nothing()


@dg.sensor(job=empty_job, minimum_interval_seconds=4, default_status=dg.DefaultSensorStatus.RUNNING)
def asked(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run where the file is there, one for each time it was written."""
    file = Path(context.instance.root_directory).parent / ASKED
    if not file.exists():
        return dg.SkipReason("Nobody asked.")
    return dg.RunRequest(run_key=file.read_text())


defs = dg.Definitions(jobs=[empty_job], sensors=[asked])
