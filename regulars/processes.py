"""Child processes: started in sessions of their own, their output in rotated logs, ended in time and by their own id."""

import ctypes
import os
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
from typing import Self

import requests

from regulars.errors import RegularsError, SettingsError

# Ctrl-C must end everything within 15 s: polite first, then firm, then at once. A sync that is killed is resumed.
POLITE_SECONDS, FIRM_SECONDS, LAST_SECONDS = 4.0, 4.0, 3.0
LOG_BYTES = 5_000_000
PR_SET_PDEATHSIG = 1


class ChildEnded(RegularsError):
    """A process that should serve has ended."""


class Child:
    """One child process and its log."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the process and everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def ended(self) -> ChildEnded:
        """Return the error that says so, with the end of the log's last line."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        last = f" Its last words: {lines[-1][:300]}" if lines else ""
        return ChildEnded(f"{self.name} ended with code {self.process.poll()}; its log is {self.log}.{last}")


class Children:
    """The processes of one `up`, ended in reverse order on leaving."""

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
        log = self._rotated(name)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - we hold no threads when we start children
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def stop(self) -> None:
        """End every child and what it started, within about 11 s."""
        for number, patience in (
            (signal.SIGINT, POLITE_SECONDS),
            (signal.SIGTERM, FIRM_SECONDS),
            (signal.SIGKILL, LAST_SECONDS),
        ):
            running = [child for child in reversed(self._children) if child.running]
            for child in running:
                child.signal(number)
            wait_until(partial(_all_ended, running), patience)
        # A child that ended politely may have left children of its own behind in its group.
        for child in self._children:
            child.signal(signal.SIGKILL)
        self._children.clear()

    def first_ended(self) -> Child | None:
        """Return a child that no longer runs, or None while all do."""
        return next((child for child in self._children if not child.running), None)

    def _rotated(self, name: str) -> Path:
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        return log


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent dies, so that a killed `up` leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _all_ended(children: list[Child]) -> bool:
    return not any(child.running for child in children)


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Return True once `condition()` is true, False when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every)
    return condition()


def wait_for_http(child: Child, url: str, seconds: float, verify: bool = True) -> None:
    """Wait until `url` answers below 500. Raises ChildEnded when the child ends first or takes longer than that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not child.running:
            raise child.ended()
        with suppress(requests.RequestException):
            if requests.get(url, timeout=2, verify=verify).status_code < 500:
                return
        time.sleep(0.2)
    raise ChildEnded(f"{child.name} did not answer at {url} within {seconds:.0f} s; its log is {child.log}.")


def refuse_taken_ports(host: str, ports: Mapping[str, int]) -> None:
    """Raise SettingsError naming the setting of the first port that something else listens on."""
    for setting, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise SettingsError(
                    f"Port {port} on {host} cannot be used ({error.strerror}): another program may listen there. "
                    f"Set {setting} to a free port."
                ) from None
