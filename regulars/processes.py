"""Child processes: started in sessions of their own, their output in bounded logs, ended in time and by their own id."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import requests

from regulars.errors import RegularsError, SettingsError
from regulars.stopping import held_signals, ignored_signals

# Ctrl-C must end everything within 15 s: polite first, then firm, then at once. A sync that is killed is resumed.
POLITE_SECONDS, FIRM_SECONDS, LAST_SECONDS = 6.0, 3.0, 2.0
LOG_BYTES = 5_000_000
PR_SET_PDEATHSIG = 1


class ChildEnded(RegularsError):
    """A process that should serve has ended."""


class Child:
    """One child process and its log, in which its own words begin at `log_start`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.log_start = log_start

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def ended(self) -> ChildEnded:
        """Return the error that says so, with the log's last line."""
        with self.log.open(errors="replace") as log:
            log.seek(self.log_start if self.log_start <= self.log.stat().st_size else 0)
            lines = log.read().strip().splitlines()
        last = f" Its last words: {lines[-1].strip()[:300]}" if lines else ""
        return ChildEnded(f"{self.name} ended with code {self.process.poll()}; its log is {self.log}.{last}")


class Children:
    """The processes of one `up`, ended on leaving."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> Child:
        """Start `python <command>` in a session of its own, its output appended to `<logs>/<name>.log`."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        bound_log(log)
        with held_signals(), log.open("ab") as output:
            process = start_process(command, self._environment, stdout=output, stderr=output)
            child = Child(name, process, log, output.tell())
            self._children.append(child)
        return child

    def stop(self) -> None:
        """End every child and what it started, within about 11 s; nothing interrupts it."""
        with ignored_signals():
            self._stop()

    def _stop(self) -> None:
        # First the children alone: each ends what it started in its own order, quicker than when all are told at once.
        for child in self._running():
            child.process.send_signal(signal.SIGINT)
        wait_until(lambda: not self._running(), POLITE_SECONDS)
        for child in self._running():
            signal_group(child.process, signal.SIGTERM)
        wait_until(lambda: not self._running(), FIRM_SECONDS)
        # Whatever is left, and what a child that ended well may have left behind in its group.
        for child in self._children:
            signal_group(child.process, signal.SIGKILL)
        wait_until(lambda: not self._running(), LAST_SECONDS)
        self._children.clear()

    def first_ended(self) -> Child | None:
        """Return a child that no longer runs, or None while all do."""
        return next((child for child in self._children if not child.running), None)

    def bound_logs(self) -> None:
        """Keep the logs from growing without end while the children write them."""
        for child in self._children:
            bound_log(child.log)

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.running]


def start_process(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | int,
    orphaned: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `python <command>` in a session of its own, so that a terminal's Ctrl-C reaches us alone.

    Where we are killed, Linux sends it `orphaned`.
    """
    prepare = partial(_prepare, ctypes.CDLL(None).prctl if sys.platform == "linux" else None, os.getpid(), orphaned)
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=dict(environment),
        start_new_session=True,
        preexec_fn=prepare,  # noqa: PLW1509 - safe beside Polars' threads: it takes no lock
    )


def _prepare(prctl: Callable[[int, int], int] | None, parent: int, orphaned: int) -> None:
    """In the child, before its program starts: die with the parent. Imports nothing and takes no lock."""
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, orphaned)
        if os.getppid() != parent:  # it died before it could be asked
            os._exit(1)


def signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a process that leads a session of its own, and to everything it started there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def bound_log(log: Path) -> None:
    """Move what a large log holds aside. Its writers append, so that they go on at its new beginning."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Return True once `condition()` is true, False when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return condition()


def wait_for_http(child: Child, url: str, seconds: float) -> None:
    """Wait until `url` answers below 500. Raises ChildEnded when the child ends first or takes longer than that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not child.running:
            raise child.ended()
        with suppress(requests.RequestException):
            if requests.get(url, timeout=2).status_code < 500:
                return
        time.sleep(0.2)
    raise ChildEnded(f"{child.name} did not answer at {url} within {seconds:.0f} s; its log is {child.log}.")


def refuse_taken_ports(host: str, ports: Mapping[str, int]) -> None:
    """Raise SettingsError naming the setting of the first port that something else listens on, or that is there twice."""
    for setting, port in ports.items():
        twin = next((name for name, other in ports.items() if other == port and name != setting), None)
        if twin:
            raise SettingsError(f"{setting} and {twin} are both {port}. Set one of them to a free port.")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise SettingsError(
                    f"Port {port} on {host} cannot be used ({error.strerror}): another program may listen there. "
                    f"Set {setting} to a free port."
                ) from None
