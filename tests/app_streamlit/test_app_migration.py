"""Who moved between RFM groups: worked out from orders, told in words, and led to the people."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit.components.migration import movements
from app_streamlit.components.rfm_cuts import MOST_SHOWN, latest
from regulars.directory.published import Directory
from tests.app_streamlit.conftest import serving
from tests.app_streamlit.test_app_browser import open_page
from tests.app_streamlit.test_app_views import no_failure, said
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, an_order, publish_people
from transforms.days import day_number

Open = Callable[..., AppTest]
Publish = Callable[..., str]


def ordered(number: int, key: str, days_ago: int, total: str = "40.00") -> dict[str, Any]:
    """Return an order so many days before the figures."""
    at = AS_OF - timedelta(days=days_ago, hours=2)
    return an_order(number, key, total=total, created_at=at, order_day=day_number(at, "Europe/Berlin"))


def a_shop() -> dict[str, Any]:
    """Return people and orders: one came back, one fell away, one is new since 90 days ago."""
    people = [
        a_buyer(1, rfm_group="Champions", days=3, orders=4),
        a_buyer(2, rfm_group="Lost", days=200, orders=1),
        a_buyer(3, rfm_group="New", days=10, orders=1),
    ]
    orders = [ordered(n, "woo:1", days) for n, days in enumerate((3, 5, 300, 400), start=1)]
    orders += [ordered(11, "woo:2", 200), ordered(21, "woo:3", 10)]
    cuts = [
        {"shop": SHOP, "as_of": AS_OF, "score": score, "currency": "EUR" if score == "m" else None, "people": 3}
        | {f"cut_{share}": float(share) for share in (20, 40, 60, 80)}
        for score in "rfm"
    ]
    return {"people": people, "orders": orders, "rfm_cuts": cuts}


def test_everybody_is_in_one_movement_and_each_movement_has_its_people(tmp_path: Path) -> None:
    """The table must add up, and whoever is exported must be those who were counted."""
    publish_people(tmp_path, **a_shop())
    directory = Directory(tmp_path, shop=SHOP)
    since = AS_OF - timedelta(days=90)

    moved = movements(directory.migration(since, AS_OF))

    assert sum(each.people for each in moved) == 3
    for each in moved:
        people = directory.moved(since, AS_OF, from_group=each.before, to_group=each.after)
        assert people.height == each.people, each
    newcomers = directory.moved(since, AS_OF, from_group=None, to_group="New")
    assert newcomers["customer_key"].to_list() == ["woo:3"]
    assert {"tags", "segments", "median_days_between"} <= {*newcomers.columns}


def test_the_page_says_who_moved_and_opens_newcomers_in_the_list(app: Open, published: Publish) -> None:
    """The largest movements stand in words; a table of letters alone is read by nobody."""
    published(**a_shop())
    test = app("rfm")
    no_failure(test)
    assert "1 person ordered for the first time and came to New" in said(test).replace("\\", "")
    assert "Reconstructed" in said(test)
    assert "Where are the cuts" in "".join(each.label for each in test.expander)

    test.selectbox(key="moved-who").set_value("No order yet → New: 1 person").run()
    no_failure(test)
    test.button(key="moved-open").click().run()

    no_failure(test)
    assert test.title[0].value == "Customers"
    assert "1 of 3 people" in said(test)


def test_days_are_picked_and_must_be_in_order(app: Open, published: Publish) -> None:
    """Two days the wrong way round would show falls as rises."""
    published(**a_shop())
    test = app("rfm", moved="pick")
    no_failure(test)
    first = test.date_input(key="moved-0")
    test.date_input(key="moved-1").set_value(first.value - timedelta(days=5)).run()

    no_failure(test)
    assert "The first day must lie before the second one." in [each.value for each in test.warning]
    first = test.date_input(key="moved-0")
    first.set_value((AS_OF - timedelta(days=260)).date()).run()
    no_failure(test)
    assert "1 person ordered for the first time" in said(test).replace("\\", "")


@pytest.mark.browser
def test_a_movement_is_chosen_and_exported_in_a_browser(data: Path, published: Publish, browser: Any) -> None:
    """Whoever fell away is written to: the file holds exactly those whom the page counted."""
    published(**a_shop())
    with serving(data) as address:
        page = open_page(browser, f"{address}/rfm?moved=365")
        page.locator(".st-key-moved-who input").fill("New: 1")
        page.get_by_role("option", name="No order yet → New: 1 person").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Export 1 person").click()
        lines = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()

    assert download.value.suggested_filename == "demo-No-order-yet-New-2026-11-11.csv"
    assert len(lines) == 2
    assert "woo:3" in lines[1]


@pytest.mark.browser
def test_a_person_of_a_movement_opens_from_the_table(data: Path, published: Publish, browser: Any) -> None:
    """Who fell from the best? An analyst wants to read their pages, not to look each up from a file."""
    published(**a_shop())
    with serving(data) as address:
        page = open_page(browser, f"{address}/rfm?moved=365")
        page.locator(".st-key-moved-who input").fill("New: 1")
        page.get_by_role("option", name="No order yet → New: 1 person").click()
        table = page.locator(".st-key-sample-wide [data-testid='stDataFrame']")
        table.wait_for()
        table.click(position={"x": 60, "y": 53})
        page.wait_for_url("**/customer?customer=woo%3A3")


def test_of_the_cuts_of_earlier_runs_the_latest_are_drawn() -> None:
    """A shop that syncs every few minutes has thousands: the page would grow until no browser draws it."""
    hours = [AS_OF - timedelta(hours=hour) for hour in range(0, 24 * 120, 12)]

    shown = latest(pl.DataFrame({"at": hours[::-1]}))

    assert shown["at"].to_list() == [each for each in hours if each > AS_OF - timedelta(days=90)]
    assert latest(pl.DataFrame({"at": hours[:1] * 900})).height == MOST_SHOWN
