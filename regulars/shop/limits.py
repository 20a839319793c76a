"""How often we ask, and how long we keep asking.

A limiter spaces the requests to a shop evenly. Patience is bounded: a shop that says it wants us back later than
`LONGEST_WAIT` seconds is left alone at once, since a waiting run would only hold the warehouse.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Final

from tenacity import RetryCallState, Retrying, retry_if_exception

from regulars.errors import RegularsError, ShopBusy, ShopUnreachable

LONGEST_WAIT: Final = 60.0
FIRST_WAIT: Final = 0.5
MOST_ATTEMPTS: Final = 8


class RateLimiter:
    """At most `per_minute` requests a minute, evenly spaced; 0 means no limit. Safe between threads."""

    def __init__(
        self,
        per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Return when the next request may go out."""
        if not self._gap:
            return
        with self._lock:
            now = self._clock()
            due = max(now, self._next)
            self._next = due + self._gap
        if due > now:
            self._sleep(due - now)


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
    patience: float, *, unreachable: float | None = None, sleep: Callable[[float], None] = time.sleep
) -> Retrying:
    """Return a retry loop for reads: exponential backoff with jitter, `Retry-After` honoured, `patience` seconds in all.

    `unreachable` bounds it more tightly while no connection comes about: before a shop has answered once, a wrong
    address is likelier than a lapse.
    """

    def out_of_patience(state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        bound = unreachable if unreachable is not None and isinstance(error, ShopUnreachable) else patience
        late = (state.seconds_since_start or 0.0) + state.upcoming_sleep >= bound
        return late or state.attempt_number >= MOST_ATTEMPTS

    return Retrying(
        stop=out_of_patience,
        wait=_wait,
        retry=retry_if_exception(worth_another_try),
        sleep=sleep,
        reraise=True,
    )
