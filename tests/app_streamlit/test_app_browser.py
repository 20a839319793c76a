"""The app as people meet it: served as it ships, in a real browser, on a wide screen and on a phone."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from regulars.models import SyncProgress
from regulars.paths import DataPaths
from regulars.records.sql import SqlRecords
from tests.app_streamlit.conftest import serving, wait_for
from tests.regulars.directory.builders import SHOP, a_buyer, a_line, an_order, publish_people, tricky_people

pytestmark = pytest.mark.browser

# High enough for a whole list: a click on a painted cell needs it in view.
WIDE, PHONE = {"width": 1440, "height": 1700}, {"width": 390, "height": 844}
HEADER, WIDE_ROW, NARROW_ROW = 36, 40, 61


def people() -> list[dict[str, Any]]:
    """Return tricky people and enough others for a second page."""
    others = [
        a_buyer(n, first_name="Person", last_name=f"Number{n}", net=str(n), orders=2, rfm_group="Lost")
        for n in range(100, 140)
    ]
    return [*tricky_people(), *others]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with people for all tests of this module; each writes about somebody else."""
    folder = tmp_path_factory.mktemp("app") / "data"
    orders = [an_order(400, "woo:4"), an_order(401, "woo:4")]
    publish_people(folder / "published" / SHOP, people(), orders=orders, order_lines=[a_line(400, 1), a_line(401, 2)])
    return folder


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[str]:
    """Serve the app over these people."""
    with serving(data) as address:
        yield address


def open_page(browser: Any, address: str, size: dict[str, int] = WIDE, **options: Any) -> Any:
    """Open an address in a window of its own and wait for the page's title."""
    page = browser.new_context(viewport=size, **options).new_page()
    page.set_default_timeout(30_000)
    page.goto(address)
    page.wait_for_selector("h1")
    return page


def click_at(page: Any, table: str, x: int, y: int) -> None:
    """Click a point of a table; its cells are painted, so they have no elements of their own."""
    grid = page.locator(f".st-key-{table} .dvn-scroller").first
    grid.wait_for()
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    # A hand moves over the table before it clicks; the table needs to know what it is above.
    page.mouse.move(box["x"] + x + 40, box["y"] + y + 40, steps=5)
    page.mouse.move(box["x"] + x, box["y"] + y, steps=5)
    page.mouse.click(box["x"] + x, box["y"] + y)


def click_row(page: Any, table: str, name: str, row_height: int) -> None:
    """Click the first person's name once the table shows that person there and nothing runs any more."""
    page.wait_for_function(
        "([table, name]) => [...document.querySelectorAll(`.st-key-${table} canvas tbody tr:first-child td`)]"
        ".some(cell => cell.textContent.startsWith(name))",
        arg=[table, name],
    )
    settle(page)
    before_names = 80 if table.endswith("wide") else 0  # a box and a menu stand before the name
    click_at(page, table, before_names + 60, HEADER + row_height // 2)


def settle(page: Any) -> None:
    """Wait until the app has answered."""
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') !== 'running'"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_on_a_phone_or_asks_another_host(served: str, browser: Any, scheme: str) -> None:
    """A shop owner reads this on a phone, and customers' data are nobody else's business."""
    page = browser.new_context(viewport=PHONE, color_scheme=scheme, is_mobile=True, has_touch=True).new_page()
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    for path in ("/", "/customers", "/segments", "/segment", "/customer?customer=woo:4"):
        page.goto(served + path)
        page.wait_for_selector("h1")
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390, path

    assert hosts <= {"127.0.0.1", None, ""}
    fonts = page.evaluate("[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)")
    assert any("Roboto" in font for font in fonts)


def test_a_hostile_name_is_text(served: str, browser: Any) -> None:
    """Neither a script, a link, a formula nor an icon may come out of a customer's name."""
    page = browser.new_context(viewport=WIDE).new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(f"{served}/customer?customer=woo:4")
    page.wait_for_selector("h1")
    settle(page)

    title = page.locator("h1")
    assert "**bold** [x](javascript" in title.inner_text().replace("\u2060", "")
    assert title.locator("a, strong, img, .katex, [data-testid=stIconMaterial]").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.locator("a[href^='mailto']").count() == 0
    assert dialogs == []


def test_notes_and_tags_are_written_and_last(served: str, browser: Any, data: Path) -> None:
    """Typed once, there for everyone."""
    page = open_page(browser, f"{served}/customer?customer=woo:100")
    page.get_by_role("tab", name=re.compile("Notes")).click()
    page.get_by_label("New note").fill("Prefers *loose* tea")
    page.get_by_role("button", name="Add note").click()
    page.get_by_test_id("stText").get_by_text("Prefers *loose* tea", exact=True).wait_for()
    tags = page.get_by_role("combobox", name=re.compile("Tags"))
    tags.fill("Tea lover")
    tags.press("Enter")

    with SqlRecords(DataPaths(data).records) as records:
        wait_for(lambda: records.tags_of(SHOP, "woo:100") == ("Tea lover",), 20)
        assert [note.text for note in records.notes(SHOP, "woo:100")] == ["Prefers *loose* tea"]
    page.goto(f"{served}/customers?tag=Tea+lover")
    page.get_by_text("1 of 51 people").wait_for()


def test_the_builder_follows_typing_and_a_saved_segment_filters_at_once(served: str, browser: Any) -> None:
    """Count and people move while the rule is typed; a saved segment needs no run to be used."""
    page = open_page(browser, f"{served}/segment")
    rule = page.get_by_role("textbox", name="As text")
    rule.fill('name contains "number" and total_spent >= 130')
    page.get_by_test_id("stMetricValue").get_by_text("10", exact=True).wait_for()
    rule.press_sequentially(" and")
    page.get_by_test_id("stAlert").get_by_text("The rule stops too early").wait_for()
    rule.fill('name contains "number" and total_spent >= 138')
    page.get_by_test_id("stMetricValue").get_by_text("2", exact=True).wait_for()

    page.get_by_role("textbox", name="Name", exact=True).fill("Big numbers")
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_role("heading", name="Big numbers").wait_for()
    page.goto(f"{served}/customers?segment=big-numbers")
    page.get_by_text("2 of 51 people").wait_for()


def test_an_error_while_a_rule_is_edited_is_a_sentence(tmp_path: Path, browser: Any) -> None:
    """Only the builder runs again then, past the guard of the page; the data may have changed since it was opened."""
    folder = tmp_path / "data" / "published" / SHOP
    publish_people(folder, [a_buyer(1)])
    with serving(tmp_path / "data") as address:
        page = open_page(browser, f"{address}/segment")
        page.get_by_text("Of all people").wait_for()
        settle(page)
        (folder / "CURRENT").write_text("nonsense")

        page.get_by_role("textbox", name="As text").fill("orders_count >= 2")

        page.get_by_text("does not name a version").first.wait_for()


def test_the_page_fills_by_itself_and_follows_new_versions(tmp_path: Path, browser: Any) -> None:
    """The app is up before the first sync ends; nobody should have to reload, then or later."""
    folder = tmp_path / "data"
    write_progress(folder)
    with serving(folder) as address:
        page = open_page(browser, address)
        page.get_by_text("Syncing orders: 3,000 of 12,000").wait_for()
        publish_people(folder / "published" / SHOP, people())
        page.get_by_role("heading", name="Overview").wait_for()
        page.get_by_text("Tea & Co · 51 people").wait_for()

        publish_people(folder / "published" / SHOP, people()[:-1])

        page.get_by_text("Tea & Co · 50 people").wait_for()


def write_progress(folder: Path) -> None:
    """Write a running sync's progress."""
    now = datetime.now(UTC)
    progress = SyncProgress(
        shop=SHOP, state="running", stage="orders", done=3_000, total=12_000, started_at=now, updated_at=now
    )
    file = DataPaths(folder).progress(SHOP)
    file.parent.mkdir(parents=True)
    file.write_text(progress.model_dump_json())
