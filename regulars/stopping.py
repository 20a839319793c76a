"""The end that somebody asked for: Ctrl-C, or a service manager's SIGTERM."""

import signal
from collections.abc import Callable, Iterator
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
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    with _handled(stop):
        yield


@contextmanager
def ignored_signals() -> Iterator[None]:
    """Let nothing interrupt the block: an impatient second Ctrl-C would leave processes behind."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    before = {each: signal.signal(each, handler) for each in SIGNALS}
    try:
        yield
    finally:
        for each, former in before.items():
            signal.signal(each, former)


@contextmanager
def held_signals() -> Iterator[None]:
    """Deliver signals only after the block, so that a process is known to us by the time we are told to end it.

    The handlers are changed, not the thread's mask: a signal that the mask holds here reaches us through any other
    thread, and Polars keeps some.
    """
    arrived: list[int] = []
    try:
        with _handled(lambda number, _frame: arrived.append(number)):
            yield
    finally:
        for number in arrived[:1]:
            signal.raise_signal(number)
