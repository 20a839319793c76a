"""Every page for everybody: axe-core finds nothing serious, nothing scrolls sideways, nothing is asked of strangers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from regulars.inbox.delivery import Delivery, read_content
from regulars.inbox.sqlite import SqliteInbox
from regulars.models import CheckResult, Drift, SyncRun, WebhookState
from regulars.paths import DataPaths
from regulars.records.sql import SqlRecords
from tests.app_streamlit.conftest import serving
from tests.app_streamlit.test_app_overview import a_history
from tests.regulars.directory.builders import SHOP, a_line, publish_people, tricky_people
from transforms.rules import STARTING_SEGMENTS

pytestmark = pytest.mark.browser

WIDE, PHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
# Every kind of condition, in groups as deep as they go.
RULE = (
    'orders_count between 2 and 6 and country in ("DE", "AT") and orders(count >= 2, status in ("completed"), within 30 '
    'days) and (bought(product = "Green tea") or not in_segment("new") or (m >= 4 and (r = 5 or last_order is null)))'
)
PAGES = {
    "overview": "",
    "overview of all time": "?period=all",
    "customers": "customers",
    "nobody found": "customers?q=zzzz",
    "segments": "segments",
    "builder": "segment?id=vip",
    "builder of every kind": f"segment?rule={quote(RULE)}",
    "rfm": "rfm",
    "rfm by net": "rfm?shade=net",
    "health": "health",
    "shared addresses": "shared-addresses",
    "profile": "customer?customer=woo:101",
    "tricky profile": "customer?customer=woo:4",
    "edit": "customer?customer=woo:101&edit=1",
    "new": "customer?new=1",
}
# Looked at with every change; the others, and the other light, in the long run.
OFTEN = ("overview", "customers", "rfm", "health", "profile")
SERIOUS = ("serious", "critical")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder in which every page has something to show, good news and bad."""
    folder = tmp_path_factory.mktemp("app") / "data"
    told = a_history({101: [3, 40], 102: [30], 103: [5, 2], 104: [31], 105: [200]})
    publish_people(
        folder / "published" / SHOP,
        [*told["people"], *tricky_people()],
        orders=told["orders"],
        order_lines=[a_line(101_003, 1)],
    )
    with SqlRecords(DataPaths(folder).records) as records:
        records.ensure_shop(SHOP, STARTING_SEGMENTS)
        records.add_note(SHOP, "woo:101", "Likes letters.", "ana")
        records.set_tags(SHOP, "woo:101", ["tea", "letters"], "ana")
        records.set_checks(SHOP, "invariants", [a_check("sound"), a_check("broken", passed=False)])
        for number, status in enumerate(("success", "failure")):
            records.add_sync(a_sync(str(number), status=status))
        drift = (Drift(object="order", kind="total", before=36, after=1), a_gone_customer())
        records.add_sync(a_sync("compared", kind="reconcile", status="success", drift=drift, seconds=12.0))
        records.set_webhooks(SHOP, [a_webhook("order.updated", "active"), a_webhook("order.deleted", "disabled")])
    body = b"not json"
    dead = Delivery(SHOP, "order.updated", read_content("order.updated", body), body, NOW)
    with SqliteInbox(DataPaths(folder).inbox) as inbox:
        inbox.commit([dead])
    return folder


def a_gone_customer() -> Drift:
    """Return what a comparison finds of a customer whom the shop has no more."""
    return Drift(object="customer", kind="extra", before=1, after=0)


def a_webhook(topic: str, status: Any) -> WebhookState:
    """Return a webhook as the shop shows it."""
    return WebhookState(topic=topic, status=status, webhook_id=12, checked_at=NOW)


def a_check(name: str, *, passed: bool = True) -> CheckResult:
    """Return the result of one check."""
    return CheckResult(suite="invariants", name=name, passed=passed, detail="2 rows break it: order 7.", at=NOW)


def a_sync(run_id: str, **fields: Any) -> SyncRun:
    """Return a sync of a minute ago."""
    given = {"shop": SHOP, "run_id": run_id, "kind": "pull", "message": "The shop does not answer."}
    times = {"started_at": NOW - timedelta(seconds=70), "finished_at": NOW - timedelta(seconds=60)}
    return SyncRun(**given | times | fields)


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[str]:
    """Serve the app over these people."""
    with serving(data) as address:
        yield address


def open_page(browser: Any, address: str, size: dict[str, int], scheme: str) -> tuple[Any, set[str | None]]:
    """Open an address and wait until it is drawn whole; return the page and the hosts that it asked."""
    page = browser.new_context(viewport=size, color_scheme=scheme).new_page()
    page.set_default_timeout(30_000)
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(address)
    page.wait_for_selector("h1")
    page.wait_for_selector('[data-test-script-state="notRunning"]')
    page.wait_for_function("() => !document.querySelector('[data-testid=\"stSkeleton\"]')")
    return page, hosts


def complaints(page: Any) -> list[str]:
    """Return what axe-core finds serious or critical, with where it is."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]}" for one in found if one["impact"] in SERIOUS for node in one["nodes"][:5]
    ]


def check_page(browser: Any, address: str, size: dict[str, int], scheme: str) -> None:
    """Hold one page to all three promises."""
    page, hosts = open_page(browser, address, size, scheme)
    try:
        assert complaints(page) == []
        wide = "[document.documentElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth)"
        assert all(width <= size["width"] for width in page.evaluate(wide)), "the page scrolls sideways"
        assert {host for host in hosts if host} == {"127.0.0.1"}
    finally:
        page.context.close()


@pytest.mark.parametrize("page", OFTEN)
def test_a_page_is_for_everybody_on_a_desk_by_day(browser: Any, served: str, page: str) -> None:
    """Whoever sees little, or hears the page, or may not reach the internet, has the same page."""
    check_page(browser, f"{served}/{PAGES[page]}", WIDE, "light")


@pytest.mark.parametrize("page", ["builder", "builder of every kind", "edit", *OFTEN])
def test_a_page_is_for_everybody_on_a_phone_by_night(browser: Any, served: str, page: str) -> None:
    """Dark colours have contrasts of their own, and 390 px are little room."""
    check_page(browser, f"{served}/{PAGES[page]}", PHONE, "dark")


@pytest.mark.deep
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_for_everybody_in_every_light(
    browser: Any, served: str, page: str, size: dict[str, int], scheme: str
) -> None:
    """All pages, on desk and phone, by day and by night."""
    check_page(browser, f"{served}/{PAGES[page]}", size, scheme)


def test_a_cell_of_the_grid_is_reached_and_opened_by_keyboard(browser: Any, served: str) -> None:
    """A grid for the mouse alone shuts people out."""
    page, _ = open_page(browser, f"{served}/rfm", WIDE, "light")
    cell = page.locator(".st-key-cell-54 button").first
    cell.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Customers").wait_for()
    page.wait_for_url("**/customers?rule=*")


def test_the_charts_are_told_in_words(browser: Any, served: str) -> None:
    """Who cannot see the bars hears what they show."""
    page, _ = open_page(browser, served, WIDE, "light")
    page.locator('[aria-label^="Bars: net by day"]').first.wait_for()
    page.locator('[aria-label^="Bars: new and returning"]').first.wait_for()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_health_tells_the_number_and_what_is_off(served: str, browser: Any, size: dict[str, int]) -> None:
    """Both are read on a phone at breakfast: in whole, with every figure in view and commands as commands."""
    page = browser.new_context(viewport=size).new_page()
    page.goto(f"{served}/health")
    box = page.locator("[data-testid=stAlert]", has_text="order.deleted is switched off by the shop")
    box.wait_for(timeout=30_000)
    assert box.locator("code").inner_text() == "regulars webhooks repair"
    page.get_by_text("1 record still differs from the shop. 37 differed, the others were mended.").wait_for()
    table = page.locator("[data-testid=stTable]").first
    table.locator("tr").nth(2).wait_for()
    rows = [" ".join(row.split()) for row in table.locator("tr").all_inner_texts()]
    assert rows == [
        "Records How they differed Before After",
        "Orders another total 36 1",
        "Customers here, and gone from the shop 1 0",
    ]
    right = table.bounding_box()["x"] + table.bounding_box()["width"]
    assert right <= size["width"]
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")
