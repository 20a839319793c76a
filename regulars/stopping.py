"""The end that somebody asked for: Ctrl-C, or a service manager's SIGTERM."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})


class Stopped(BaseException):
    """Somebody asked for the end. No error: what catches errors must not catch it."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into Stopped; while things end, further signals are ignored."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        ignore_signals()
        raise Stopped

    before = {each: signal.signal(each, stop) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def ignore_signals() -> None:
    """Let nothing interrupt the ending from here on: an impatient second Ctrl-C would leave processes behind."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def held_signals() -> Iterator[None]:
    """Deliver signals only after the block, so that a process is known to us by the time we are told to end it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
