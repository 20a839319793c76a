"""Walks through a listing while records leave it: nothing that stays is left out, however the pages are read."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.woocommerce.listings import ORDERS, PER_PAGE, OneByOne, ReadAhead, resumed, steady_pages, walk
from regulars.errors import ShopBusy
from regulars.shop.port import Page, Params

WHEN = datetime(2026, 11, 22, tzinfo=UTC)
MOST_GONE = 1_000


class Shelf:
    """A listing by id in memory, read by any number of threads; `between` runs before each page is answered."""

    def __init__(self, count: int, most_at_once: int = 4, between: Callable[[list[int]], None] | None = None) -> None:
        self.ids = list(range(1, count + 1))
        self.most_at_once = self.at_once = most_at_once
        self.between = between
        self.asked: list[int] = []
        self.seconds = 0.0
        self.under_way = self.highest = 0
        self._lock = threading.Lock()

    def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
        """Answer a page as the shop does: offsets into what is listed now, no total beyond the end."""
        with self._lock:
            self.under_way += 1
            self.highest = max(self.highest, self.under_way)
        time.sleep(self.seconds)
        with self._lock:
            self.asked.append(page)
            if self.between:
                self.between(self.ids)
            found = self.ids[(page - 1) * PER_PAGE : page * PER_PAGE]
            total = len(self.ids) if found or page == 1 else 0
            self.under_way -= 1
        items = [{"id": number} for number in found]
        return Page(items, page, total, -(-total // PER_PAGE), WHEN, WHEN)


def ids_of(pages: Iterable[Page]) -> list[int]:
    """Return the ids on all pages, in order, repeats among them."""
    return [item["id"] for page in pages for item in page.items]


class Reordered:
    """Pages of a shelf, read ahead in whatever order chance says, as threads may be answered."""

    def __init__(self, shelf: Shelf, ahead: int, luck: random.Random) -> None:
        self._shelf, self._ahead, self._luck = shelf, ahead, luck
        self._there: dict[int, Page] = {}

    def take(self, number: int, last: int) -> Page:
        """Read some of the window, in any order, and give out the page."""
        window = [one for one in range(number, min(last, number + self._ahead) + 1) if one not in self._there]
        self._luck.shuffle(window)
        for one in window:
            self._there[one] = self._shelf.page("orders", {}, one)
            if one == number:
                break
        return self._there.pop(number)

    def keep(self, page: Page) -> None:
        """Hold the page."""
        self._there[page.page] = page


@settings(max_examples=300)
@given(
    count=st.integers(0, 1_500),
    ahead=st.integers(0, 8),
    seed=st.integers(0, 2**32),
    odds=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    most=st.sampled_from([1, 3, 120, 420]),
)
def test_nothing_that_stays_is_left_out_in_whatever_order_pages_are_answered(
    count: int, ahead: int, seed: int, odds: float, most: int
) -> None:
    """Orders are trashed while the shop is read: each moves all that follow it one place forward."""
    luck = random.Random(seed)
    gone: set[int] = set()

    def trash(ids: list[int]) -> None:
        if luck.random() < odds and len(gone) < MOST_GONE:
            for number in luck.sample(ids, min(len(ids), luck.randint(1, most))):
                ids.remove(number)
                gone.add(number)

    shelf = Shelf(count, between=trash)

    seen = set(ids_of(walk(Reordered(shelf, ahead, luck), 0, None)))

    assert set(range(1, count + 1)) - gone <= seen


@given(count=st.integers(0, 900), ahead=st.integers(0, 8), seed=st.integers(0, 2**32))
def test_nothing_is_left_out_while_more_is_added(count: int, ahead: int, seed: int) -> None:
    """A shop goes on selling: new orders stand at the end and move nothing."""
    luck = random.Random(seed)

    def sell(ids: list[int]) -> None:
        if luck.random() < 0.5:
            ids.append(len(ids) + 1)

    shelf = Shelf(count, between=sell)

    assert set(range(1, count + 1)) <= set(ids_of(walk(Reordered(shelf, ahead, luck), 0, None)))


@pytest.mark.parametrize("seed", range(6))
def test_threads_leave_nothing_out_either(seed: int) -> None:
    """The same with real threads, whose order nobody chooses."""
    luck = random.Random(seed)
    gone: set[int] = set()

    def trash(ids: list[int]) -> None:
        if ids and luck.random() < 0.2:
            gone.add(ids.pop(luck.randrange(len(ids))))

    shelf = Shelf(3_000, between=trash)

    seen = set(ids_of(resumed(shelf, ORDERS, 0, None)))

    assert gone
    assert set(range(1, 3_001)) - gone <= seen


@pytest.mark.parametrize("most_at_once", [1, 4])
def test_a_shop_that_trashes_without_end_is_read_to_the_end(most_at_once: int) -> None:
    """Stepping back must not eat up all steps forward: one page for each that an order left is enough."""
    gone: set[int] = set()

    def trash(ids: list[int]) -> None:
        gone.add(ids.pop(0))

    shelf = Shelf(5_000, most_at_once, between=trash)

    seen = set(ids_of(resumed(shelf, ORDERS, 0, None)))

    assert set(range(1, 5_001)) - gone <= seen
    assert len(shelf.asked) <= 200, "more than four times its pages; threads decide how many exactly"


@settings(max_examples=200)
@given(ahead=st.integers(0, 8), seed=st.integers(0, 2**32))
def test_once_the_shop_is_quiet_a_walk_goes_straight_on(ahead: int, seed: int) -> None:
    """Totals fall and rise while orders come and go; a page read meanwhile must not send the walk back for ever."""
    luck = random.Random(seed)

    def trade(ids: list[int]) -> None:
        if len(shelf.asked) <= 12:
            if luck.random() < 0.5:
                ids.append(ids[-1] + 1)
            else:
                ids.remove(luck.choice(ids))

    shelf = Shelf(1_500, between=trade)
    ids_of(walk(Reordered(shelf, ahead, luck), 0, None))

    assert len(shelf.asked) <= 45


def test_totals_that_are_made_up_do_not_keep_a_walk_for_ever() -> None:
    """A cache in front of the shop may put any number into that header."""

    class Lying(Shelf):
        def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
            got = super().page(path, params, page)
            return Page(got.items, page, got.total - 150 * (len(self.asked) % 2), got.total_pages, WHEN, WHEN)

    shelf = Lying(2_000)

    assert set(ids_of(resumed(shelf, ORDERS, 0, None))) == set(range(1, 2_001))
    assert len(shelf.asked) < 600


def test_a_quiet_listing_is_read_once_and_in_order() -> None:
    """Each page costs the shop a second: none is asked for twice, and none beyond the end."""
    shelf = Shelf(1_234)

    assert ids_of(resumed(shelf, ORDERS, 0, None)) == list(range(1, 1_235))
    assert sorted(shelf.asked) == list(range(1, 14))


def test_no_more_requests_are_under_way_than_the_client_finds_good() -> None:
    """The client learns what the shop can take; the walk follows it, also down to one."""
    shelf = Shelf(1_500, most_at_once=8)
    shelf.seconds = 0.01
    pages = resumed(shelf, ORDERS, 0, None)

    shelf.at_once = 1
    assert [len(next(pages).items) for _ in range(5)] == [100] * 5
    assert shelf.highest == 1
    shelf.at_once = 3
    assert len(ids_of(pages)) == 1_000
    assert shelf.highest == 3


def test_only_so_many_pages_are_ahead_of_who_takes_them() -> None:
    """What was read ahead is lost when the process is killed."""
    shelf = Shelf(3_000, most_at_once=3)
    pages = resumed(shelf, ORDERS, 0, None)

    for taken in range(1, 11):
        next(pages)
        assert max(shelf.asked) <= taken + 3
    pages.close()


def test_a_walk_that_was_broken_off_costs_one_page_more() -> None:
    """It looks at the last page it had, since that id may stand elsewhere now, and goes on from there."""
    shelf = Shelf(1_000)

    seen = ids_of(resumed(shelf, ORDERS, 6, 600))

    assert sorted(shelf.asked) == [6, 7, 8, 9, 10]
    assert seen == list(range(501, 1_001))


@pytest.mark.parametrize("gone", [1, 99, 100, 101, 450])
def test_a_walk_goes_on_behind_the_id_it_had_though_the_listing_shrank(gone: int) -> None:
    """Between two syncs of a broken import, days may pass."""
    shelf = Shelf(1_000)
    del shelf.ids[:gone]

    assert set(range(601, 1_001)) <= set(ids_of(resumed(shelf, ORDERS, 6, 600)))


def test_a_failed_page_ends_the_walk_after_those_before_it() -> None:
    """What came before an error is kept; nothing behind it is, as the walk goes on from there."""

    class Failing(Shelf):
        def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
            if page == 4:
                raise ShopBusy("no")
            return super().page(path, params, page)

    pages = resumed(Failing(2_000), ORDERS, 0, None)

    assert [next(pages).page for _ in range(3)] == [1, 2, 3]
    with pytest.raises(ShopBusy):
        next(pages)


def test_an_empty_page_in_the_middle_is_not_the_end() -> None:
    """WooCommerce drops what it cannot load after counting it, and says nothing of the total then."""

    class Holed(Shelf):
        def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
            got = super().page(path, params, page)
            return Page([], page, 0, 0, WHEN, WHEN) if page == 3 else got

    for pages in (steady_pages(Holed(600), ORDERS), resumed(Holed(600), ORDERS, 0, None)):
        assert set(ids_of(pages)) == {*range(1, 201), *range(301, 601)}


def test_what_was_kept_is_not_asked_for_again() -> None:
    """Both sources of pages hold the page that told of the fall."""
    shelf = Shelf(500)
    with ReadAhead(shelf, ORDERS) as ahead:
        for pages in (OneByOne(shelf, ORDERS), ahead):
            shelf.asked.clear()
            pages.keep(pages.take(3, 3))
            assert pages.take(3, 3).page == 3
            assert shelf.asked == [3]
