"""The first syncs of several shops, side by side: one that is down, hangs or is large holds up no other."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from types import TracebackType
from typing import Final, Self

from rich.console import Console

from regulars.directory.layout import current_version
from regulars.models import SyncProgress
from regulars.paths import DataPaths
from regulars.processes import bound_log, signal_group, start_process
from regulars.progress import read_progress
from regulars.stopping import held_signals, ignored_signals
from regulars.summary import show, summarise
from regulars.sync import SyncFailed, sentence_of

# Each takes a processor and a few hundred MB for as long as it lasts.
AT_ONCE: Final = 3
# One that has read nothing by now waits for a shop that hangs: it takes no processor, so that others may start beside it.
IDLE_SECONDS: Final = 20.0
MOST: Final = 12


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    before: SyncProgress | None
    started: float
    stage: str = ""

    @property
    def at_work(self) -> bool:
        """Whether it takes the machine's time."""
        return bool(self.stage) or time.monotonic() - self.started < IDLE_SECONDS


def sync_command(shop: str) -> list[str]:
    """Return the arguments of Python that sync `shop`."""
    return ["-m", "pipelines.run", "sync", "--shop", shop]


class FirstSyncs:
    """Syncs each of `shops` once, some at a time, as often as `step` is called. Left, it kills what still runs.

    A sync that is killed goes on from what is committed when it is started again.
    """

    def __init__(
        self,
        shops: Sequence[str],
        paths: DataPaths,
        environment: Mapping[str, str],
        console: Console,
        *,
        command: Callable[[str], list[str]] = sync_command,
    ) -> None:
        self._shops = tuple(shops)
        self._waiting = list(shops)
        self._paths, self._environment, self._console, self._command = paths, environment, console, command
        self._running: dict[str, _Running] = {}
        self.failed: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with ignored_signals():
            for one in self._running.values():
                signal_group(one.process, SIGKILL)
            for one in self._running.values():
                one.process.wait()

    @property
    def over(self) -> bool:
        """Whether every shop had its turn."""
        return not self._waiting and not self._running

    def step(self) -> None:
        """Tell what happened since the last step, and start the next syncs where there is room."""
        for shop, one in list(self._running.items()):
            code = one.process.poll()
            if code is None:
                self._tell_stage(shop, one)
            else:
                del self._running[shop]
                self._tell_end(shop, one, code)
        while self._waiting and self._room:
            self._start(self._waiting.pop(0))

    @property
    def _room(self) -> bool:
        at_work = sum(one.at_work for one in self._running.values())
        return at_work < AT_ONCE and len(self._running) < MOST

    def first_published(self) -> bool:
        """Return whether there is something to serve: a shop has had its turn and has data.

        Raises SyncFailed, with each shop's sentence, where all are over and none has anything published.
        """
        ended = [shop for shop in self._shops if shop not in self._running and shop not in self._waiting]
        done = [shop for shop in ended if current_version(self._paths.published(shop)) is not None]
        if self.over and not done:
            raise SyncFailed(" ".join(f"{shop}: {sentence}" for shop, sentence in self.failed.items()))
        return bool(done)

    def _start(self, shop: str) -> None:
        log = self._paths.logs / f"sync-{shop}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        bound_log(log)
        before = read_progress(self._paths.progress(shop))
        with held_signals(), log.open("ab") as output:
            # Killed with us: its libraries take SIGTERM for a request to finish first, and it would wait for its shop.
            process = start_process(
                self._command(shop), self._environment, stdout=output, stderr=output, orphaned=SIGKILL
            )
            self._running[shop] = _Running(process, log, output.tell(), before, time.monotonic())
        self._say(f"{shop}: syncing")

    def _tell_stage(self, shop: str, one: _Running) -> None:
        now = read_progress(self._paths.progress(shop))
        if now is not None and now != one.before and now.stage != one.stage:
            one.stage = now.stage
            self._say(f"{shop}: {now.stage}")

    def _tell_end(self, shop: str, one: _Running, code: int) -> None:
        published = self._paths.published(shop)
        if code == 0:
            show(summarise(published), self._console)
            return
        with one.log.open(errors="replace") as log:
            log.seek(one.log_start)
            sentence = self.failed[shop] = sentence_of(log.read(), code)
        served = "The last published data are served." if current_version(published) else "Nothing is served of it yet."
        self._say(f"{shop}: {sentence} {served} The next pull tries again.", style="yellow")

    def _say(self, text: str, style: str | None = None) -> None:
        """What a shop says is text, not markup."""
        self._console.print(text, style=style, markup=False, highlight=False)
