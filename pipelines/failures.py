"""What becomes of an error in a run: tried again where that can help, told to people in one sentence.

Three places show the same sentence: the run in Dagster, the shop's progress file (app and command line read it), and
the command line's last line.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from pipelines.history import note_untold_failure
from pipelines.resources.deployment import Deployment
from pipelines.resources.warehouse import PARTITION_TAG
from pipelines.runs import LOST
from regulars.errors import ChecksFailed, RegularsError
from regulars.models import SyncProgress
from regulars.progress import ProgressFile, read_progress

if TYPE_CHECKING:
    import polars as pl

FIRST_PAUSE_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 300.0
# Money has twelve digits before the point (`transforms.schemas.MONEY`).
MOST_MONEY = 10**12


class UnexpectedFailure(RegularsError):
    """A fault of ours: the run's log in Dagster holds the traceback."""


class AmountsTooLarge(RegularsError):
    """Amounts of one person come to more than figures can hold."""


@contextmanager
def amounts_told(orders: "Callable[[], pl.LazyFrame]") -> Iterator[None]:
    """Turn a figure that overflows into a sentence that names the currency.

    `orders` returns the staged orders (`currency, total`), read only then. Raises AmountsTooLarge, without the amounts.
    """
    import polars as pl

    try:
        yield
    except pl.exceptions.InvalidOperationError:
        summed = orders().group_by("currency").agg(pl.col("total").cast(pl.Float64).abs().sum()).collect()
        large = sorted(summed.filter(pl.col("total") >= MOST_MONEY)["currency"].drop_nulls())
        if not large:
            raise
        raise AmountsTooLarge(
            f"The orders of one person come to {MOST_MONEY:,} or more in {' or '.join(large)}, which is more than a figure "
            "holds. Correct the wrong total in the shop, or give the order a status that does not count; then sync again."
        ) from None


@contextmanager
def told(progress: ProgressFile, attempt: int = 0, retries: int = 0) -> Iterator[None]:
    """Turn an error of ours into what Dagster does next: another attempt later, or a failure that is told.

    `attempt` counts from 0. Only errors that know that a retry can help are retried, at most `retries` times; while
    the run waits it keeps the warehouse. Raises dagster.RetryRequested or dagster.Failure, from the error.
    """
    try:
        yield
    except RegularsError as error:
        if error.retry and attempt < retries:
            pause = pause_before(attempt, getattr(error, "retry_after", None))
            progress.stage(f"waiting {pause:.0f} s before the next try")
            raise dg.RetryRequested(max_retries=retries, seconds_to_wait=pause) from error
        progress.fail(error.sentence())
        raise dg.Failure(description=error.sentence(), allow_retries=False) from error


def pause_before(attempt: int, asked: float | None = None) -> float:
    """Return how many seconds to wait after attempt `attempt` (from 0): doubling, at least what the shop asked for.

    >>> [pause_before(0), pause_before(2), pause_before(9), pause_before(0, asked=90.0), pause_before(0, asked=1e9)]
    [20.0, 80.0, 300.0, 90.0, 300.0]
    """
    return min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS * (1 << attempt), asked or 0.0))


def our_error(error: BaseException | None, last: SyncProgress | None = None) -> RegularsError | None:
    """Return the error of ours that Dagster wrapped, or None where it is none of ours.

    `last` is what the shop's progress file says: where a blocking check failed, it holds the check's sentence.
    """
    seen: set[int] = set()  # causes may run in a circle
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, RegularsError):
            return error
        if type(error).__name__ == "DagsterAssetCheckFailedError":
            failed = last is not None and last.state == "failed"
            return ChecksFailed(last.message) if last and failed else refused(())
        error = error.__cause__ or error.__context__
    return None


def refused(sentences: tuple[str, ...]) -> ChecksFailed:
    """Return the error of a blocking check; `sentences` name the invariants that broke, with counts only."""
    which = "; ".join(sentences) or "Dagster shows which invariant broke, under the asset marts/customers"
    return ChecksFailed(f"The blocking checks refused these marts, so the published version stays as it was: {which}.")


def sentence_in(error: Any) -> str | None:
    """Return the sentence of an error of ours in a chain of Dagster's SerializableErrorInfo, None where there is none."""
    ours = {kind.__name__ for kind in kinds_of(RegularsError)}
    while error is not None:
        if error.cls_name in ours:
            return re.sub(r"^[\w.]+: ", "", error.message.strip().partition("\n")[0])
        error = error.cause
    return None


def kinds_of(root: type[RegularsError]) -> Iterator[type[RegularsError]]:
    """Yield `root` and every kind of error under it."""
    yield root
    for kind in root.__subclasses__():
        yield from kinds_of(kind)


@dg.run_failure_sensor(
    name="tell_failures",
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=True,  # runs of the command line belong to none
    description="Writes a failed run's reason where the app and the command line show it, unless the run itself did.",
)
def tell_failures(context: dg.RunFailureSensorContext, deployment: Deployment) -> None:
    """Write the failure into the shop's progress file, where nothing newer stands in it."""
    run, shop = context.dagster_run, context.dagster_run.tags.get(PARTITION_TAG)
    if shop is None or shop not in deployment.settings.shops:
        return
    path = deployment.paths.progress(shop)
    record = context.instance.get_run_record_by_id(run.run_id)
    failed_at = record.end_time if record and record.end_time else 0.0
    reason = reason_of(context)
    if is_news(read_progress(path), run.run_id, failed_at):
        ProgressFile(path, shop, run.run_id).fail(reason)
    note_untold_failure(deployment, context.instance, run, reason)


def is_news(last: SyncProgress | None, run_id: str, failed_at: float) -> bool:
    """Return whether a failure at `failed_at` (epoch seconds) should replace what the progress file says.

    Not where the run told it itself, where a newer run ended since, or while another run is under way.
    """
    if last is None:
        return True
    if last.run_id == run_id:
        return last.state == "running"
    return last.state != "running" and last.updated_at.timestamp() < failed_at


def reason_of(context: dg.RunFailureSensorContext) -> str:
    """Return why the run failed, in a sentence: ours where the error is one of ours, else what Dagster says."""
    steps = [event.step_failure_data.error for event in context.get_step_failure_events()]
    whole = getattr(context.failure_event.event_specific_data, "error", None)  # none where others report the failure
    for error in (*steps, whole):
        if sentence := sentence_in(error):
            return sentence
    said = (context.failure_event.message or "").partition("\n")[0]
    if LOST in said:
        return LOST
    return f"The run failed: {said.rstrip('.') or 'Dagster keeps its log'}. The published version stays as it was."
