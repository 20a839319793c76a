"""The whole road: `regulars demo` with its real processes, a change in the shop, and a person who sees it.

The tests of this module share one running demo; the last one ends it.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
import requests

from tests.e2e.order_checks import check_everything
from tests.e2e.running import Place, Running, wait_for

pytestmark = pytest.mark.e2e
SHOP = "demo"
START_SECONDS, TRAVEL_SECONDS = 150, 100


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a demo that is up."""
    with ExitStack() as stack:
        run = stack.enter_context(Place(tmp_path_factory.mktemp("demo")).running("demo", "--people", "60"))
        run.wait_until_said("Ctrl-C ends everything.", START_SECONDS)
        yield run


def a_buyer(place: Place) -> int:
    """Return the id of an account whose next order changes its figures: it has one, in the shop's own currency."""
    people = place.table(SHOP, "customers").filter(pl.col("woocommerce_id").is_not_null(), pl.col("currency") == "EUR")
    return int(people.sort("orders_count", descending=True)["woocommerce_id"][0])


def person(place: Place, customer: int) -> dict[str, Any]:
    """Return the customer's published row."""
    return place.table(SHOP, "customers").row(by_predicate=pl.col("customer_key") == f"woo:{customer}", named=True)


def open_profile(browser: Any, place: Place, customer: int) -> Any:
    """Open the customer's profile in the app and wait until it shows."""
    page = browser.new_context(viewport={"width": 1440, "height": 1700}).new_page()
    page.set_default_timeout(60_000)
    page.goto(place.url("REGULARS_APP_PORT", f"/customer?customer=woo:{customer}"))
    page.wait_for_selector("h1")
    return page


def test_it_says_where_everything_is_and_every_address_answers(demo: Running) -> None:
    """Whoever starts it needs the addresses, and nothing else to click on."""
    paths = {"REGULARS_APP_PORT": "/_stcore/health", "REGULARS_DAGSTER_PORT": "/server_info"}
    for port in ("REGULARS_APP_PORT", "REGULARS_DAGSTER_PORT", "REGULARS_HTTP_PORT", "REGULARS_DEMO_PORT"):
        assert demo.place.url(port) in demo.said()
    for port, path in {**paths, "REGULARS_HTTP_PORT": "/healthz", "REGULARS_DEMO_PORT": "/wp-json/"}.items():
        assert requests.get(demo.place.url(port, path), timeout=10).ok


def test_an_order_and_an_edit_travel_from_the_shop_to_the_marts_and_the_screen(demo: Running, browser: Any) -> None:
    """What Regulars is for: somebody buys or moves, and whoever looks at that customer knows within a minute.

    The edit is the harder one: WooCommerce has no list of changed customers, only the webhook brings it this soon.
    """
    place = demo.place
    customer = a_buyer(place)
    before = person(place, customer)

    placed = place.run("demo-order", "--customer", str(customer))
    edited = place.run("demo-edit", "--customer", str(customer))

    order_said = re.search(r"Placed order (\d+) over ([\d.]+) EUR", placed.stdout)
    edit_said = re.search(r"phone number (.+)\.", edited.stdout)
    assert order_said, placed.stderr
    assert edit_said, edited.stderr
    number, total, phone = int(order_said[1]), order_said[2], edit_said[1]
    wait_for("the order is published", lambda: number in place.table(SHOP, "orders")["order_id"], TRAVEL_SECONDS)
    wait_for("the edit is published", lambda: person(place, customer)["phone"] == phone, TRAVEL_SECONDS)
    order = place.table(SHOP, "orders").row(by_predicate=pl.col("order_id") == number, named=True)
    after = person(place, customer)
    assert (order["customer_key"], order["counted"], f"{order['total']:.2f}") == (f"woo:{customer}", True, total)
    assert after["orders_count"] == before["orders_count"] + 1
    assert after["gross"] - before["gross"] == order["total"]

    page = open_profile(browser, place, customer)
    counted = page.get_by_test_id("stMetric").filter(has_text="Orders")
    counted.get_by_text(str(after["orders_count"]), exact=True).wait_for()
    page.get_by_text(f"Order {number}").first.wait_for()
    page.get_by_text(phone).first.wait_for()


def test_the_api_does_what_was_ordered_of_it(demo: Running) -> None:
    """Scripts are written against these answers, in this form."""
    check_everything(demo.place)


def test_a_second_one_on_the_same_folder_is_refused(demo: Running) -> None:
    """Two owners of one folder would sync and publish against each other."""
    other = Place(Path(f"{demo.place.folder}-other"), REGULARS_DATA=str(demo.place.data))

    refused = other.run("demo", "--people", "60")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Another `regulars up` or `demo` uses")
    assert "REGULARS_DATA" in refused.stderr


def test_a_taken_port_is_named_with_its_setting(demo: Running, tmp_path: Path) -> None:
    """Something else on port 8080 is the most likely thing to go wrong on a developer's machine."""
    taken = demo.place.ports["REGULARS_DEMO_PORT"]

    refused = Place(tmp_path).run("demo", "--people", "60", REGULARS_DEMO_PORT=taken)

    assert refused.returncode == 2
    assert f"Port {taken}" in refused.stderr
    assert "Set REGULARS_DEMO_PORT" in refused.stderr


def test_ctrl_c_in_the_middle_of_a_run_ends_everything_in_time(demo: Running) -> None:
    """Stands last: it ends the demo. A run that Dagster started is the hardest to end, four processes below ours."""
    place = demo.place
    seq = place.manifest(SHOP).change_seq
    assert place.run("demo-order").returncode == 0
    wait_for("a run is under way", lambda: _run_processes(place), TRAVEL_SECONDS)
    assert place.manifest(SHOP).change_seq == seq

    code = demo.end(signal.SIGINT, seconds=15)

    assert code == 0
    assert demo.said().rstrip().endswith("Stopped.")
    assert "Traceback" not in demo.said()


def _run_processes(place: Place) -> list[psutil.Process]:
    """Return the processes in which Dagster executes a run."""
    found = []
    for process in place.processes():
        try:
            if "execute_run" in " ".join(process.cmdline()) or "multiprocessing.spawn" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found
