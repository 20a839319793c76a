"""How often we ask, how many requests at once, and how long we keep asking.

A limiter spaces the requests to a shop evenly and bounds how many are under way. Patience is bounded: a shop that says
it wants us back later than `LONGEST_WAIT` seconds is left alone at once, since a waiting run would only hold the
warehouse.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception

from regulars.errors import RegularsError, ShopBusy, ShopUnreachable
from regulars.shop.concurrency import Climber

LONGEST_WAIT: Final = 60.0
FIRST_WAIT: Final = 0.5
MOST_ATTEMPTS: Final = 8
LONGEST_QUEUE: Final = 10.0


class Turn:
    """Leave to send one request. `waited` is how many seconds it took to get it; `said_busy` notes overload."""

    def __init__(self, epoch: int, waited: float) -> None:
        self.epoch, self.waited = epoch, waited
        self.answered = self.overloaded = False
        self.retry_after: float | None = None

    def said_busy(self, retry_after: float | None = None) -> None:
        """Note that the shop is overloaded, and after how many seconds it wants to be asked again."""
        self.overloaded, self.retry_after = True, retry_after


class Limiter:
    """Bounds the requests to one shop. Safe between threads.

    At most `per_minute` a minute, evenly spaced (0: as many as it takes), and between 1 and `most_at_once` at a time, as
    many as `Climber` finds good. A shop that names a time to come back is left alone by everybody until then, up to
    `LONGEST_WAIT` seconds: whoever is told a longer one gives up.
    """

    def __init__(
        self,
        per_minute: int = 0,
        *,
        most_at_once: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        # A queue for the next of few requests a minute must not use up the patience of those who stand in it.
        self.most_at_once = min(most_at_once, max(1, int(LONGEST_QUEUE / self._gap))) if self._gap else most_at_once
        self._climber = Climber(self.most_at_once)
        self._clock, self._sleep = clock, sleep
        self._free = threading.Condition()
        self._taken = 0
        self._next = self._not_before = 0.0
        self._sent, self._area, self._area_at = 0, 0.0, clock()

    @property
    def at_once(self) -> int:
        """How many requests may be under way now."""
        return self._climber.limit

    @contextmanager
    def turn(self, kind: str) -> Iterator[Turn]:
        """Wait until a request may be sent, and hold its place until it is answered.

        Set `answered` on the turn once the answer is whole: that is what levels are measured by. `kind` tells requests
        apart that cost the shop differently.
        """
        came = self._clock()
        with self._free:
            while self._taken >= self._climber.limit:
                self._free.wait()
            self._taken += 1
        try:
            self._space()
            started, area, epoch = self._begin()
            turn = Turn(epoch, started - came)
            try:
                yield turn
            finally:
                self._end(kind, turn, started, area)
        finally:
            with self._free:
                self._taken -= 1
                self._free.notify_all()

    def _space(self) -> None:
        """Wait for our place in the even spacing, and for the end of a pause that the shop asked for."""
        while True:
            with self._free:
                now = self._clock()
                due = max(now, self._next, self._not_before)
                self._next = due + self._gap
                paused = self._not_before
            if due > now:
                self._sleep(due - now)
            if self._not_before <= paused:
                return

    def _begin(self) -> tuple[float, float, int]:
        with self._free:
            now = self._advance()
            self._sent += 1
            return now, self._area, self._climber.epoch

    def _end(self, kind: str, turn: Turn, started: float, area: float) -> None:
        with self._free:
            now = self._advance()
            self._sent -= 1
            seconds = now - started
            if turn.overloaded:
                self._climber.overloaded(turn.epoch)
                if turn.retry_after is not None and turn.retry_after <= LONGEST_WAIT:
                    self._not_before = max(self._not_before, now + turn.retry_after)
            elif turn.answered and seconds > 0.0:
                self._climber.answered(kind, (self._area - area) / seconds, seconds)

    def _advance(self) -> float:
        """Bring the sum of requests under way times seconds up to now, and return now."""
        now = self._clock()
        self._area += self._sent * (now - self._area_at)
        self._area_at = now
        return now


def worth_another_try(error: BaseException) -> bool:
    """Return whether the same request may soon be answered."""
    if not isinstance(error, RegularsError) or not error.retry:
        return False
    return not (isinstance(error, ShopBusy) and (error.retry_after or 0.0) > LONGEST_WAIT)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ShopBusy) and error.retry_after is not None:
        return error.retry_after + random.uniform(0.0, 0.5)  # noqa: S311 - spreads load, hides nothing
    backoff = min(FIRST_WAIT * 2.0 ** (state.attempt_number - 1), 20.0)
    return backoff * random.uniform(0.5, 1.0)  # noqa: S311


def patiently(
    patience: float,
    *,
    unreachable: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    queued: Callable[[], float] = lambda: 0.0,
) -> Retrying:
    """Return a retry loop for reads: exponential backoff with jitter, `Retry-After` honoured, `patience` seconds in all.

    `unreachable` bounds it more tightly while no connection comes about: before a shop has answered once, a wrong
    address is likelier than a lapse. `queued` tells how many of the seconds so far were spent waiting for a turn, which
    is not the shop's doing.
    """

    def out_of_patience(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        bound = unreachable if unreachable is not None and isinstance(error, ShopUnreachable) else patience
        late = (state.seconds_since_start or 0.0) - queued() + state.upcoming_sleep >= bound
        return late or state.attempt_number >= MOST_ATTEMPTS

    return Retrying(
        stop=out_of_patience,
        wait=_wait,
        retry=retry_if_exception(worth_another_try),
        sleep=sleep,
        reraise=True,
    )
