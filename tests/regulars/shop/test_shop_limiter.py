"""The limiter: how many requests at once, learnt from what the shop does with them; time is made up here."""

import heapq
import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.errors import ShopBusy
from regulars.shop.client import ShopClient
from regulars.shop.concurrency import Climber
from regulars.shop.limits import LONGEST_WAIT, Limiter
from tests.regulars.shop.scripted_shop import Said, page, scripted, shop_at

Work = Callable[[int], float]
"""Seconds of one core that a page takes, with so many requests in the shop."""


class Host:
    """A simulated shop: so many cores, a queue before them, and a reader that asks for as much as it may."""

    def __init__(self, cores: int, work: Work = lambda _: 0.1, *, noise: float = 0.0, seed: int = 0) -> None:
        self.cores, self.work, self.noise, self.luck = cores, work, noise, random.Random(seed)
        self.now = self._area = 0.0
        self.levels: list[int] = []
        self._inside: list[tuple[float, float, float]] = []  # ends, began, area then
        self._queue: list[tuple[float, float]] = []

    def read(self, climber: Climber, pages: int, fixed: int | None = None) -> float:
        """Return the seconds that so many pages took."""
        began, asked, got = self.now, 0, 0
        while got < pages:
            while asked < pages and len(self._inside) + len(self._queue) < (fixed or climber.limit):
                self._advance(self.now)
                self._queue.append((self.now, self._area))
                asked += 1
            self._serve()
            ends, since, area = heapq.heappop(self._inside)
            self._advance(ends, left=1)
            got += 1
            self.levels.append(climber.limit)
            if fixed is None:
                climber.answered("orders", (self._area - area) / (self.now - since), self.now - since)
        return self.now - began

    def _serve(self) -> None:
        while self._queue and len(self._inside) < self.cores:
            since, area = self._queue.pop(0)
            work = self.work(len(self._inside) + len(self._queue) + 1) * self.luck.uniform(
                1 - self.noise, 1 + self.noise
            )
            heapq.heappush(self._inside, (self.now + work, since, area))

    def _advance(self, now: float, left: int = 0) -> None:
        self._area += (len(self._inside) + len(self._queue) + left) * (now - self.now)
        self.now = now


def thrashing(cores: int) -> Work:
    """A host that every request beyond its cores slows down by a fifth."""
    return lambda inside: 0.1 * (1.0 + 0.2 * max(0, inside - cores))


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize(("cores", "work"), [(1, None), (2, None), (4, None), (8, None), (2, 2), (4, 4)])
def test_a_long_walk_is_nearly_as_fast_as_with_the_best_fixed_number(
    cores: int, work: int | None, noise: float
) -> None:
    """Nobody can say how many cores a shop has; a fixed number is too slow for one and too much for the other."""
    does: Work = thrashing(work) if work else lambda _: 0.1
    best = min(Host(cores, does, noise=noise).read(Climber(8), 600, fixed) for fixed in (1, 2, 4, 8))
    taken = [Host(cores, does, noise=noise, seed=seed).read(Climber(8), 600) for seed in range(3)]

    assert sum(taken) / len(taken) <= best / 0.8


@pytest.mark.parametrize("cores", [1, 2, 4])
def test_it_asks_for_no_more_at_once_than_brings_something(cores: int) -> None:
    """What waits in the shop's queue makes the shop's own customers wait."""
    host = Host(cores)
    host.read(Climber(8), 600)
    settled = host.levels[100:]

    assert cores - 0.2 <= sum(settled) / len(settled) <= cores + 0.6


def test_it_follows_a_shop_that_gets_busy_and_quiet_again() -> None:
    """At noon others shop there; at night the shop is ours."""
    climber = Climber(8)
    Host(4).read(climber, 300)
    at_night = climber.limit
    Host(1).read(climber, 600)
    at_noon = climber.limit
    Host(4).read(climber, 1_500)

    assert (at_night, climber.limit) == (4, 4)
    assert at_noon <= 2


def test_overload_halves_once_however_many_requests_were_under_way() -> None:
    """Eight requests that time out together are one sign, not eight."""
    climber = Climber(8)
    Host(8).read(climber, 300)
    before, epoch = climber.limit, climber.epoch
    for _ in range(8):
        climber.overloaded(epoch)

    assert (before, climber.limit) == (8, 4)
    climber.overloaded(climber.epoch)
    assert climber.limit == 2


def test_one_request_after_the_other_says_nothing_about_two() -> None:
    """A cycle of small questions must not let the level run away, nor down."""
    climber = Climber(8)
    for _ in range(200):
        climber.answered("orders", 1.0, 0.1)

    assert climber.limit <= 2


@given(
    most=st.integers(1, 16),
    events=st.lists(
        st.one_of(
            st.just("busy"),
            st.tuples(st.sampled_from(["orders", "customers"]), st.floats(0.0, 20.0), st.floats(0.0, 100.0)),
        ),
        max_size=200,
    ),
)
def test_whatever_is_measured_the_level_stays_in_its_bounds(most: int, events: list[object]) -> None:
    """Clocks jump and shops stall; zero would stop a sync for good."""
    climber = Climber(most)
    for event in events:
        if isinstance(event, tuple):
            climber.answered(*event)
        else:
            climber.overloaded(climber.epoch)
        assert 1 <= climber.limit <= most


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


def test_a_shop_that_names_a_time_is_left_alone_by_all_until_then() -> None:
    """The others do not know yet what one of them was told."""
    clock = Clock()
    limiter = Limiter(clock=clock, sleep=clock.sleep)
    with limiter.turn("GET") as turn:
        turn.said_busy(retry_after=20.0)
    with limiter.turn("GET") as turn:
        assert turn.waited == 20.0

    assert clock.slept == [20.0]


def test_a_time_too_far_away_stops_nobody_for_so_long() -> None:
    """Whoever is told such a time gives up; the next sync may ask again."""
    clock = Clock()
    limiter = Limiter(clock=clock, sleep=clock.sleep)
    with limiter.turn("GET") as turn:
        turn.said_busy(retry_after=LONGEST_WAIT + 1)
    with limiter.turn("GET"):
        assert clock.slept == []


def test_few_requests_a_minute_are_not_queued_for_longer_than_patience_lasts() -> None:
    """Sixteen threads that wait for one request a minute would each give up before their turn."""
    assert Limiter(25, most_at_once=8).most_at_once == 4
    assert Limiter(1, most_at_once=8).most_at_once == 1
    assert Limiter(0, most_at_once=8).most_at_once == 8


def test_threads_share_a_client() -> None:
    """Each request is signed for itself, counted once, and no more are under way than the settings say."""
    inside, most, lock = [0], [0], threading.Lock()
    gate = threading.Barrier(8, timeout=20)

    def answer(_: object) -> Said:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
        return page([{"id": 1}])

    with scripted(answer) as (url, asked), ShopClient(shop_at(url, most_at_once=4)) as shop:

        def work() -> None:
            gate.wait()
            for _ in range(10):
                assert shop.page("orders", {}).items == [{"id": 1}]

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert shop.requests_sent == len(asked) == 80

    assert most[0] <= 4
    assert len({one.query["oauth_nonce"] for one in asked}) == 80


def test_a_busy_shop_is_asked_for_less_at_once() -> None:
    """503 and 429 say that we are too many; a fatal error of one record does not."""
    for status, halved in ((503, True), (429, True), (504, True), (500, False)):
        with (
            scripted(lambda _, status=status: Said(status, b"{}")) as (url, _),
            ShopClient(shop_at(url, most_at_once=8), patience=0.0) as shop,
        ):
            shop._limiter._climber.limit = 8
            with pytest.raises(ShopBusy):
                shop.page("orders", {})
            assert shop.at_once == (4 if halved else 8)
