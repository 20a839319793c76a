"""The inbox's busiest writer: one thread and group commits, over whichever inbox is configured.

Every delivery that waits when the thread becomes free goes into one batch, and each is answered only after that batch
is durable. Under load the batches form by themselves; alone, a delivery waits for nobody. Measured on a file, this
costs half of what a server without storage does; one commit a delivery costs twelve times.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from regulars.errors import InboxUnavailable, RegularsError
from regulars.inbox.delivery import Delivery, Outcome
from regulars.inbox.port import PRUNE_AT_ONCE, Inbox

LOG = logging.getLogger(__name__)

BATCH = 500
# Well before the shop gives up, which takes it a minute in which it delivers nothing else.
STORE_SECONDS = 10.0
PRUNE_EVERY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class _Job:
    """A delivery to store, or None to try whether the inbox can be written; and whom to tell."""

    delivery: Delivery | None
    answer: "asyncio.Future[Outcome] | Future[Outcome]"


@dataclass(eq=False)
class _Turn:
    """The jobs of one turn of a loop, which are handed over and answered together; none of a loop before it started.

    One timer bounds how long all of them wait: one for each would cost more than its row.
    """

    loop: asyncio.AbstractEventLoop | None
    jobs: list[_Job] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class InboxWriter:
    """Commits deliveries to an inbox. Start it, append from any number of tasks, close it (and the inbox with it).

    A trouble with the store fails the deliveries at hand with InboxUnavailable; the next ones try again.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._turns: queue.SimpleQueue[_Turn | None] = queue.SimpleQueue()
        self._gathered: dict[asyncio.AbstractEventLoop, _Turn] = {}
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._next_prune = datetime.min.replace(tzinfo=UTC)

    def start(self) -> None:
        """Start the writer and wait until the inbox is ready.

        Raises NewerSchema, SettingsError, and InboxUnavailable where the inbox cannot be written; the writer runs all
        the same, so that a server may go on, answer 503, and recover when the store does.
        """
        self._thread.start()
        ready: Future[Outcome] = Future()
        self._turns.put(_Turn(None, [_Job(None, ready)]))
        ready.result()

    def close(self) -> None:
        """Store what waits, then let go of the inbox."""
        self._turns.put(None)
        self._thread.join()

    async def append(self, delivery: Delivery) -> Outcome:
        """Commit a delivery and return what became of it, as `Inbox.commit` says.

        Raises as that does, and InboxUnavailable where it takes longer than ten seconds: a delivery that the writer had
        not begun with by then is not stored.
        """
        return await self._answered(delivery)

    async def probe(self) -> None:
        """Return if the inbox can be written, by writing to it. Raises InboxUnavailable, NewerSchema."""
        await self._answered(None)

    def _answered(self, delivery: Delivery | None) -> "asyncio.Future[Outcome]":
        """Hand a job over with all others of this turn of the loop: to wake the thread for each costs more than its row."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Outcome] = loop.create_future()
        if loop not in self._gathered:
            self._gathered[loop] = _Turn(loop)
            loop.call_soon(self._hand_over, loop)
        self._gathered[loop].jobs.append(_Job(delivery, answer))
        return answer

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = self._gathered.pop(loop)
        turn.timer = loop.call_later(STORE_SECONDS, _give_up, turn)
        self._turns.put(turn)

    def _run(self) -> None:
        running = True
        while running:
            turns = [self._turns.get()]
            while turns[-1] is not None and sum(len(turn.jobs) for turn in turns if turn) < BATCH:
                if self._turns.empty():
                    break
                turns.append(self._turns.get())
            running = turns[-1] is not None
            self._serve([turn for turn in turns if turn])
        self._inbox.close()

    def _serve(self, turns: Sequence[_Turn]) -> None:
        # Whoever gave up waiting gets no row: the shop counts that delivery as failed.
        jobs = [job for turn in turns for job in turn.jobs if not job.answer.done()]
        told: dict[_Job, Outcome | RegularsError]
        try:
            outcomes = iter(self._commit(jobs))
            told = {job: "ignored" if job.delivery is None else next(outcomes) for job in jobs}
        except RegularsError as error:
            told = dict.fromkeys(jobs, error)
        for turn in turns:
            _tell(turn, told)
        if any(not isinstance(answer, RegularsError) for answer in told.values()):
            self._prune()

    def _commit(self, jobs: Sequence[_Job]) -> list[Outcome]:
        if any(job.delivery is None for job in jobs):
            self._inbox.probe()
        deliveries = [job.delivery for job in jobs if job.delivery is not None]
        return self._inbox.commit(deliveries) if deliveries else []

    def _prune(self) -> None:
        """Once a day, drop what is old; a full portion at once is followed by the next after the next batch."""
        now = datetime.now(UTC)
        if now < self._next_prune:
            return
        try:
            dropped = self._inbox.prune(now)
        except RegularsError as error:
            LOG.warning("old change rows could not be dropped: %s", error)
            dropped = 0
        if dropped < PRUNE_AT_ONCE:
            self._next_prune = now + PRUNE_EVERY


def _tell(turn: _Turn, told: Mapping[_Job, Outcome | RegularsError]) -> None:
    """Answer all of a turn, its loop woken once."""
    if turn.loop is None:
        _answer(turn, told)
    else:
        with suppress(RuntimeError):  # the loop ended, and with it whoever waited
            turn.loop.call_soon_threadsafe(_answer, turn, told)


def _answer(turn: _Turn, told: Mapping[_Job, Outcome | RegularsError]) -> None:
    if turn.timer is not None:
        turn.timer.cancel()
    for job in turn.jobs:
        answer = told.get(job)
        if answer is None or job.answer.done():  # given up meanwhile
            continue
        if isinstance(answer, RegularsError):
            job.answer.set_exception(answer)
        else:
            job.answer.set_result(answer)


def _give_up(turn: _Turn) -> None:
    late = InboxUnavailable("The inbox did not answer in time.")
    _answer(turn, dict.fromkeys(turn.jobs, late))
