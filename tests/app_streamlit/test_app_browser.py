"""The app as people meet it: served as it ships, in a real browser, on a wide screen and on a phone."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from regulars.records import open_records
from regulars.settings import load_settings
from tests.app_streamlit.conftest import wait_for
from tests.regulars.directory.builders import SHOP, a_buyer, a_line, an_order, tricky_people

pytestmark = pytest.mark.browser

Publish = Callable[..., str]
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
HEADER, WIDE_ROW, NARROW_ROW = 36, 40, 61


def people() -> list[dict[str, Any]]:
    """Return tricky people and enough others for a second page."""
    others = [
        a_buyer(n, first_name="Person", last_name=f"Number{n}", net=str(n), orders=2, rfm_group="Lost")
        for n in range(100, 140)
    ]
    return [*tricky_people(), *others]


def open_page(browser: Any, address: str, size: dict[str, int] = WIDE, **options: Any) -> Any:
    """Open an address in a window of its own and wait for the page's title."""
    page = browser.new_context(viewport=size, **options).new_page()
    page.set_default_timeout(30_000)
    page.goto(address)
    page.wait_for_selector("h1")
    return page


def asked(page: Any) -> dict[str, list[str]]:
    """Return what the page's address says."""
    return parse_qs(urlsplit(page.url).query)


def click_cell(page: Any, table: str, row: int, column_x: int, row_height: int) -> None:
    """Click a cell of a table; its cells are painted, so they have no elements of their own."""
    canvas = page.locator(f".st-key-{table} canvas").first
    canvas.wait_for()
    canvas.click(position={"x": column_x, "y": HEADER + row * row_height + row_height // 2})


def settle(page: Any) -> None:
    """Wait until the app has answered."""
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') !== 'running'"
    )


def test_a_row_opens_the_profile_and_the_way_back_keeps_everything(
    published: Publish, served: str, browser: Any
) -> None:
    """The daily path: filter, sort, open somebody, come back to the same list."""
    published(people())
    page = open_page(browser, f"{served}/customers")

    page.get_by_placeholder("Name, e-mail").fill("number")
    page.get_by_text("40 of 51 people").wait_for()
    page.get_by_role("button", name="Lost").click()
    page.get_by_test_id("stPagination").get_by_role("button", name="2", exact=True).click()
    wait_for(lambda: asked(page) == {"q": ["number"], "rfm": ["Lost"], "page": ["2"]}, 20)
    click_cell(page, "people-wide", 0, 60, WIDE_ROW)

    page.get_by_role("heading", name="Person Number114").wait_for()
    assert asked(page) == {"customer": ["woo:114"]}
    page.get_by_role("button", name="All customers").click()
    page.get_by_text("40 of 51 people").wait_for()
    wait_for(lambda: asked(page) == {"q": ["number"], "rfm": ["Lost"], "page": ["2"]}, 20)


def test_a_click_on_a_head_sorts_all_pages(published: Publish, served: str, browser: Any) -> None:
    """Sorting the 25 rows on the screen would answer another question than the one asked."""
    published(people())
    page = open_page(browser, f"{served}/customers?q=number")
    page.get_by_text("40 of 51 people").wait_for()

    canvas = page.locator(".st-key-people-wide canvas").first
    canvas.wait_for()
    canvas.click(position={"x": 330, "y": HEADER // 2})
    wait_for(lambda: asked(page).get("sort") == ["-net"], 20)
    settle(page)
    click_cell(page, "people-wide", 0, 60, WIDE_ROW)

    page.get_by_role("heading", name="Person Number100").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/customers", "/segments", "/segment", "/customer?customer=woo:4"])
def test_no_page_scrolls_sideways_on_a_phone_or_asks_another_host(
    published: Publish, served: str, browser: Any, path: str, scheme: str
) -> None:
    """A shop owner reads this on a phone, and customers' data are nobody else's business."""
    published(people(), orders=[an_order(400, "woo:4")], order_lines=[a_line(400, 1)])
    page = browser.new_context(viewport=PHONE, color_scheme=scheme, is_mobile=True, has_touch=True).new_page()
    hosts: set[str | None] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(served + path)
    page.wait_for_selector("h1")
    settle(page)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    assert hosts <= {"127.0.0.1", None, ""}
    fonts = page.evaluate("[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)")
    assert any("Roboto" in font for font in fonts)


def test_on_a_phone_name_net_and_last_order_are_visible_and_a_tap_opens_the_profile(
    published: Publish, served: str, browser: Any
) -> None:
    """Three columns fit; the rest is one tap away."""
    published(people())
    page = open_page(browser, f"{served}/customers?q=number&sort=-net", PHONE, is_mobile=True, has_touch=True)
    narrow = page.locator(".st-key-people-narrow")
    narrow.locator("canvas").first.wait_for()
    assert not page.locator(".st-key-people-wide").is_visible()
    heads = narrow.locator("thead th").all_inner_texts()
    assert [head.strip() for head in heads] == ["Customer", "Net", "Last order"]
    box = narrow.locator("canvas").first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390

    narrow.locator("canvas").first.scroll_into_view_if_needed()
    click_cell(page, "people-narrow", 0, 60, NARROW_ROW)

    page.get_by_role("heading", name="Person Number100").wait_for()


def test_a_hostile_name_is_text(published: Publish, served: str, browser: Any) -> None:
    """Neither a script, a link, a formula nor an icon may come out of a customer's name."""
    published(people())
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


def test_notes_and_tags_are_written_and_last(published: Publish, served: str, browser: Any, data: Any) -> None:
    """Typed once, there for everyone."""
    published(people())
    page = open_page(browser, f"{served}/customer?customer=woo:100")
    page.get_by_role("tab", name=re.compile("Notes")).click()
    page.get_by_label("New note").fill("Prefers *loose* tea")
    page.get_by_role("button", name="Add note").click()
    page.get_by_text("Prefers *loose* tea", exact=True).wait_for()
    tags = page.get_by_role("combobox", name=re.compile("Tags"))
    tags.fill("Tea lover")
    tags.press("Enter")

    with open_records(load_settings()) as records:
        wait_for(lambda: records.tags_of(SHOP, "woo:100") == ("Tea lover",), 20)
        assert [note.text for note in records.notes(SHOP, "woo:100")] == ["Prefers *loose* tea"]
    page.goto(f"{served}/customers?tag=Tea+lover")
    page.get_by_text("1 of 51 people").wait_for()


def test_the_builder_follows_typing_and_a_saved_segment_filters_at_once(
    published: Publish, served: str, browser: Any
) -> None:
    """Count and people move while the rule is typed; a saved segment needs no run to be used."""
    published(people())
    page = open_page(browser, f"{served}/segment")
    rule = page.get_by_label("As text")
    rule.fill('name contains "number" and total_spent >= 130')
    page.get_by_test_id("stMetricValue").get_by_text("10", exact=True).wait_for()
    rule.press_sequentially(" and")
    page.get_by_test_id("stAlert").wait_for()
    rule.fill('name contains "number" and total_spent >= 138')
    page.get_by_test_id("stMetricValue").get_by_text("2", exact=True).wait_for()

    page.get_by_label("Name", exact=True).fill("Big numbers")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_role("heading", name="Big numbers").wait_for()
    page.goto(f"{served}/customers?segment=big-numbers")
    page.get_by_text("2 of 51 people").wait_for()


def test_the_first_sync_is_followed_and_the_page_fills_by_itself(published: Publish, served: str, browser: Any) -> None:
    """The app is up before the first sync ends; nobody should have to reload."""
    page = browser.new_context(viewport=WIDE).new_page()
    page.set_default_timeout(30_000)
    page.goto(served)
    page.get_by_role("heading", name="Welcome to Regulars").wait_for()

    published(people())
    page.reload()
    page.get_by_role("heading", name="Overview").wait_for()
    page.get_by_text("51 customers").wait_for()
    published(people()[:-1])
    page.get_by_text("50 customers").wait_for(timeout=60_000)
