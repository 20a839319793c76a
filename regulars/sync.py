"""Running a sync as a child process, its progress on screen."""

import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL, Signals

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from regulars.errors import RegularsError
from regulars.models import SyncProgress
from regulars.processes import signal_group, start_process
from regulars.progress import pace, read_progress, told
from regulars.stopping import held_signals

EVERY_SECONDS = 0.2
TOLD_EVERY = timedelta(seconds=15)


class SyncFailed(RegularsError):
    """The sync ended with an error; the message is its own sentence."""


def sync(
    shop: str, progress_file: Path, environment: Mapping[str, str], console: Console, options: Sequence[str]
) -> None:
    """Run `python -m pipelines.run sync` and show its progress. Raises SyncFailed with the run's own sentence.

    What a run that ended well warns of is printed on `console`. Where this call is interrupted the run is killed: the
    next one goes on from what is committed.
    """
    command = ["-m", "pipelines.run", "sync", "--shop", shop, *options]
    before = read_progress(progress_file)
    process: subprocess.Popen[bytes] | None = None
    try:
        with held_signals():
            # Its libraries take SIGTERM for a request to finish first, and it would wait for a shop that went with us.
            process = start_process(
                command, environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, orphaned=SIGKILL
            )
        said = _watch(process, progress_file, before, console, shop)
    except BaseException:
        if process is not None:
            signal_group(process, SIGKILL)
            process.communicate()
        raise
    if process.returncode:
        raise SyncFailed(sentence_of(said, process.returncode))
    ended = read_progress(progress_file)
    if ended is not None and ended != before and ended.state == "done" and ended.message:
        console.print(ended.message, markup=False, highlight=False)


def sentence_of(said: str, code: int) -> str:
    """Return what a failed run said last, which is its sentence for people; `code` below 0 is a signal's number."""
    if code < 0:
        return f"The sync was ended by {Signals(-code).name}. Run it again: it goes on from what is committed."
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else f"The sync ended with code {code} and said nothing."


def _watch(
    process: subprocess.Popen[bytes], file: Path, before: SyncProgress | None, console: Console, shop: str
) -> str:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[pace]}"),
    )
    last: SyncProgress | None = None
    said: SyncProgress | None = None
    # Where no terminal shows the bar, lines are printed; rich would print one more, empty, at the end.
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{shop}: starting", total=None, pace="")
        while True:
            try:
                _, errors = process.communicate(timeout=EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                now = read_progress(file)
                if now is not None and now not in (before, last):
                    bar.update(
                        task, description=f"{shop}: {now.stage}", completed=now.done, total=now.total, pace=pace(now)
                    )
                    if not console.is_terminal and _worth_a_line(said, now):
                        console.print(_line(said, now), highlight=False, markup=False)
                        said = now
                    last = now
                continue
            bar.update(task, description=f"{shop}: {'failed' if process.returncode else 'done'}", pace="")
            return errors.decode(errors="replace")


def _worth_a_line(said: SyncProgress | None, now: SyncProgress) -> bool:
    """A line as a stage begins, and now and then while it lasts."""
    return said is None or said.stage != now.stage or now.updated_at - said.updated_at >= TOLD_EVERY


def _line(said: SyncProgress | None, now: SyncProgress) -> str:
    began = said is None or said.stage != now.stage
    return f"{now.shop}: {now.stage if began else told(now)}"
