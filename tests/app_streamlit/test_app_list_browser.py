"""Every action on the list and the segments in a real browser: on both stores, wide and on a phone, light and dark."""

import io
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from regulars.directory.layout import current_version
from regulars.records import open_records
from regulars.records.ports import Records
from regulars.settings import Settings, load_settings
from tests.app_streamlit.conftest import serving, wait_for
from tests.app_streamlit.test_app_browser import (
    HEADER,
    NARROW_ROW,
    PHONE,
    WIDE,
    WIDE_ROW,
    click_at,
    click_row,
    people,
    settle,
)
from tests.regulars.directory.builders import HOSTILE, SHOP, a_buyer, publish_people

pytestmark = pytest.mark.browser

BOX, MENU, NET_HEAD = 16, 57, 430  # where a row's box, its menu and the head of "Net" are, in pixels from the left
NOTHING_ELSE = {"wide-light": (WIDE, "light"), "phone-dark": (PHONE, "dark")}
THE_REST = {"wide-dark": (WIDE, "dark"), "phone-light": (PHONE, "light")}
SCREENS = [
    *(pytest.param(*screen, id=name) for name, screen in NOTHING_ELSE.items()),
    *(pytest.param(*screen, id=name, marks=pytest.mark.deep) for name, screen in THE_REST.items()),
]
each_screen = pytest.mark.parametrize(("size", "scheme"), SCREENS)
on_a_wide_screen = pytest.mark.parametrize(
    ("size", "scheme"), [SCREENS[0], pytest.param(WIDE, "dark", id="wide-dark", marks=pytest.mark.deep)]
)


@dataclass
class House:
    """One app over one store."""

    address: str
    settings: Settings
    pictures: Path

    def records(self) -> Records:
        """Open the store that the app writes."""
        return open_records(self.settings)


@pytest.fixture(scope="module", params=["files", pytest.param("mongodb", marks=pytest.mark.deep)])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return the app over this store."""
    folder = tmp_path_factory.mktemp("list") / "data"
    more = {}
    if request.param == "mongodb":
        more["MONGODB_URI"] = request.getfixturevalue("mongod").uri(f"list_{secrets.token_hex(4)}")
    others = [a_buyer(n, first_name="Tina", last_name=f"Tag{n}", net=str(n), country="AT") for n in range(200, 206)]
    published = folder / "published" / SHOP
    publish_people(published, [*people(), *others])
    settings = load_settings(_env_file=None, data_dir=folder, mongodb_uri=more.get("MONGODB_URI"))
    if settings.mongodb_uri is not None:
        from regulars.mongo.serving import mirror

        mirror(settings, SHOP, published, current_version(published) or "")
    with serving(folder, **more) as address:
        yield House(address, settings, tmp_path_factory.mktemp("pictures"))


Look = Callable[[str], Any]


@pytest.fixture
def look(
    request: pytest.FixtureRequest, house: House, browser: Any, size: dict[str, int], scheme: str
) -> Iterator[Look]:
    """Return a way to open a page; at the end nothing scrolls sideways, and a picture is kept."""
    phone = {"is_mobile": True, "has_touch": True} if size is PHONE else {}
    context = browser.new_context(viewport=size, color_scheme=scheme, accept_downloads=True, **phone)
    page = context.new_page()
    page.set_default_timeout(30_000)

    def open_page(path: str) -> Any:
        page.goto(f"{house.address}{path}")
        page.wait_for_selector("h1")
        settle(page)
        return page

    yield open_page
    page.screenshot(path=house.pictures / f"{re.sub('[^a-z0-9-]+', '-', request.node.name.lower())}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= size["width"]
    context.close()


def at(page: Any, /, **expected: str) -> None:
    """Wait until the page's address says exactly this."""
    wanted = {name: [value] for name, value in expected.items()}
    page.wait_for_url(lambda url: parse_qs(urlsplit(url).query) == wanted, wait_until="commit")


def add_filter(page: Any, group: str) -> None:
    """Add an RFM group to the filters."""
    page.get_by_role("button", name="Filter", exact=False).first.click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name=group, exact=True).click()
    page.get_by_role("button", name=f"RFM group: {group}").wait_for()
    page.keyboard.press("Escape")
    settle(page)


def tick(page: Any, *rows: int) -> None:
    """Tick the boxes of these rows."""
    for row in rows:
        click_at(page, "people-wide", BOX, HEADER + WIDE_ROW * row + WIDE_ROW // 2)
        settle(page)


def choose(page: Any, row: int, action: str) -> None:
    """Choose from a row's menu."""
    click_at(page, "people-wide", MENU, HEADER + WIDE_ROW * row + WIDE_ROW // 2)
    page.get_by_text(action, exact=True).last.click()


@on_a_wide_screen
def test_search_filters_and_pages_survive_back_reload_and_a_visit_to_a_profile(look: Look) -> None:
    """The daily path; losing the list on the way back costs the morning."""
    page = look("/customers")
    page.get_by_placeholder("Name, e-mail").wait_for()
    page.wait_for_function("window.regularsSlash")  # on a slow machine the page's head is there before the search
    page.keyboard.press("/")
    page.keyboard.type("number")
    page.get_by_text("40 of 57 people").wait_for()
    at(page, q="number")
    add_filter(page, "Lost")
    at(page, q="number", rfm="Lost")
    page.get_by_role("button", name="Page 2", exact=True).click()
    at(page, q="number", rfm="Lost", page="2")

    page.go_back()
    at(page, q="number", rfm="Lost")
    page.go_back()
    at(page, q="number")
    page.locator(".st-key-chips button").first.wait_for(state="detached")
    assert page.get_by_placeholder("Name, e-mail").input_value() == "number"
    page.go_forward()
    page.go_forward()
    at(page, q="number", rfm="Lost", page="2")
    page.reload()
    click_row(page, "people-wide", "Person Number114", WIDE_ROW)
    page.get_by_role("heading", name="Person Number114").wait_for()
    page.get_by_role("button", name="All customers").click()
    at(page, q="number", rfm="Lost", page="2")
    page.get_by_role("button", name="RFM group: Lost").click()
    at(page, q="number")


@each_screen
def test_one_step_back_from_a_profile_is_the_list_it_was_opened_from(look: Look, size: dict[str, int]) -> None:
    """Streamlit kept a step in between that led to the profile again: nobody came back to the list."""
    page = look("/customers?q=number&page=2")
    wide = size is WIDE
    click_row(page, "people-wide" if wide else "people-narrow", "Person Number", WIDE_ROW if wide else NARROW_ROW)
    page.wait_for_url("**/customer?customer=*")
    page.get_by_role("button", name="All customers").wait_for()
    settle(page)
    page.go_back()
    at(page, q="number", page="2")
    page.get_by_role("heading", name="Customers", exact=True).wait_for()
    page.go_forward()
    page.wait_for_url("**/customer?customer=*")
    page.get_by_role("button", name="All customers").wait_for()


@on_a_wide_screen
@pytest.mark.parametrize("path", ["/", "/customers", "/segment"])
def test_a_link_to_a_person_works_on_any_page_and_back_leads_past_it(look: Look, path: str) -> None:
    """`?customer=woo:4` is what people copy, whatever stood before it; who goes back may not be led there again."""
    page = look("/segments")
    page.goto(f"{page.url.removesuffix('/segments')}{path}?customer=woo:4")
    page.wait_for_url("**/customer?customer=woo:4")
    page.get_by_role("button", name="All customers").wait_for()
    settle(page)
    page.go_back()
    page.wait_for_url("**/segments")
    page.get_by_role("heading", name="Segments", exact=True).wait_for()


@on_a_wide_screen
def test_a_click_on_a_head_sorts_all_pages(look: Look) -> None:
    """Sorting the 25 rows on the screen would answer another question than the one asked."""
    page = look("/customers?q=number")

    click_at(page, "people-wide", NET_HEAD, HEADER // 2)
    at(page, q="number", sort="-net")
    click_row(page, "people-wide", "Person Number100", WIDE_ROW)

    page.get_by_role("heading", name="Person Number100").wait_for()


@on_a_wide_screen
def test_a_row_is_deleted_here_by_its_menu_and_comes_back_by_undo(look: Look, house: House) -> None:
    """The menu of a row is where hands look first; the question says what deleting here means."""
    page = look("/customers?q=number101")
    page.get_by_text("1 of 57 people").wait_for()
    choose(page, 0, "Delete")
    page.get_by_role("dialog").get_by_text("The shop keeps the account").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("Nobody matches").wait_for()
    with house.records() as records:
        assert set(records.hidden(SHOP)) == {"woo:101"}

        page.get_by_role("button", name="Undo").click()

        page.get_by_text("1 of 57 people").wait_for()
        assert records.hidden(SHOP) == {}


@on_a_wide_screen
def test_the_menu_of_a_row_opens_and_edits(look: Look) -> None:
    """View and edit without a detour."""
    page = look("/customers?q=number102")
    choose(page, 0, "Edit")
    at(page, customer="woo:102", edit="1")
    page = look("/customers?q=number102")
    choose(page, 0, "View")
    at(page, customer="woo:102")


@on_a_wide_screen
def test_ticked_people_are_tagged_and_untagged_by_undo(look: Look, house: House) -> None:
    """Two names out of a list, one tag, and back."""
    page = look("/customers?q=number11&sort=-net")
    page.get_by_text("10 of 57 people").wait_for()
    tick(page, 0, 2)
    page.get_by_text("2 selected").wait_for()
    page.get_by_role("button", name="Tag…").click()
    give(page, "Tea *club*")
    page.get_by_role("button", name="Tag 2 people").click()
    page.get_by_text("2 people tagged").wait_for()
    with house.records() as records:
        assert records.tags(SHOP).keys() & {"woo:110", "woo:111", "woo:112"} == {"woo:110", "woo:112"}

        page.get_by_role("button", name="Undo").click()

        page.get_by_text("Undone for 2 people").wait_for()
        assert "Tea *club*" not in records.tag_counts(SHOP)


def give(page: Any, tag: str) -> None:
    """Type a new tag into the dialog."""
    box = page.get_by_role("dialog").get_by_role("combobox", name=re.compile("^Tag|Selected"))
    box.fill(tag)
    box.press("Enter")
    settle(page)


@each_screen
def test_everybody_who_matches_is_tagged_at_once(look: Look, house: House, size: Any, scheme: str) -> None:
    """Also from a phone, where no rows are ticked."""
    tag = f"Alpine {scheme} {size['width']}"
    page = look("/customers?country=AT")
    page.get_by_text("6 of 57 people").wait_for()

    page.get_by_role("button", name="Tag…").click()
    give(page, tag)
    page.get_by_role("button", name="Tag 6 people").click()

    page.get_by_text("6 people tagged").wait_for()
    with house.records() as records:
        assert records.tag_counts(SHOP)[tag] == 6


@on_a_wide_screen
def test_exports_hold_everybody_who_matches_and_no_formula(look: Look) -> None:
    """The file is what leaves the house: all of it, and nothing that a spreadsheet would run."""
    page = look("/customers?sort=-name")
    page.get_by_text("57 people").first.wait_for()
    page.get_by_role("button", name="Export").click()
    files = {}
    for kind in ("CSV", "Parquet"):
        with page.expect_download() as download:
            page.get_by_role("button", name=re.compile(f"^{kind}")).click()
        assert re.fullmatch(rf"demo-customers-\d{{4}}-\d\d-\d\d\.{kind.lower()}", download.value.suggested_filename)
        files[kind] = Path(download.value.path()).read_bytes()
    page.keyboard.press("Escape")

    frame = pl.read_parquet(io.BytesIO(files["Parquet"]))
    assert frame.height == 57
    rows = pl.read_csv(io.BytesIO(files["CSV"]), infer_schema=False)
    assert rows["customer_key"].to_list() == frame["customer_key"].to_list()
    first_letters = {value.lstrip()[:1] for column in ("name", "first_name") for value in rows[column].drop_nulls()}
    assert not first_letters & set("=+@|%")


@each_screen
def test_filters_saved_as_a_segment_have_the_same_count_everywhere(
    look: Look, house: House, size: Any, scheme: str
) -> None:
    """The same number in the list, in the builder, on the card, and in the list again."""
    name = f"Austrians {scheme} {size['width']}"
    page = look("/customers?country=AT&rule=total_spent+%3E%3D+202")
    page.get_by_text("4 of 57 people").wait_for()

    page.get_by_role("button", name="Save as segment").click()
    page.get_by_role("heading", name="New segment").wait_for()
    page.get_by_test_id("stMetricValue").get_by_text("4", exact=True).wait_for()
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_role("textbox", name="Name", exact=True).press("Tab")
    settle(page)
    page.get_by_role("button", name="Save", exact=True).click()

    page.get_by_role("heading", name=name).wait_for()
    with house.records() as records:
        (segment,) = [one for one in records.segments(SHOP) if one.name == name]
    page.locator(f".st-key-show-{segment.id} button").click()
    page.get_by_text("4 of 57 people").wait_for()
    page.get_by_role("button", name=f"segment: {name}").wait_for()


@each_screen
def test_a_rule_is_clicked_together_beside_its_text(look: Look) -> None:
    """Groups by clicks; the text follows, and the count with it."""
    page = look("/segment")
    text = page.get_by_role("textbox", name="As text")
    text.fill('name contains "number" and total_spent >= 130')
    page.get_by_test_id("stMetricValue").get_by_text("10", exact=True).wait_for()
    settle(page)

    page.get_by_role("button", name="Add a group").click()
    settle(page)
    group = page.locator(".st-key-rule-group-2")
    group.get_by_role("textbox", name="value 3.1", exact=True).fill("138")
    wait_for(lambda: "(total_spent >= 138 or last_order within 90 days)" in text.input_value(), 20)
    group.get_by_role("button", name="✕").nth(2).click()
    page.get_by_test_id("stMetricValue").get_by_text("2", exact=True).wait_for()
    group.get_by_role("textbox", name="value 3.1", exact=True).fill("many")
    page.get_by_text("takes a decimal").or_(page.get_by_text("not “many”")).first.wait_for()
    assert page.get_by_role("button", name="Save", exact=True).is_disabled()


@on_a_wide_screen
def test_a_segment_is_copied_and_the_copy_deleted(look: Look, house: House) -> None:
    """The menu of a card, and the question before anything goes."""
    page = look("/segments")
    with house.records() as records:
        before = {one.id for one in records.segments(SHOP)}
        page.locator(".st-key-more-slipping button").click()
        page.get_by_text("Duplicate", exact=True).click()
        page.get_by_role("heading", name="New segment").wait_for()
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("heading", name="Slipping (copy").first.wait_for()
        (copy,) = {one.id for one in records.segments(SHOP)} - before
        settle(page)

        page.locator(f".st-key-more-{copy} button").click()
        page.get_by_text("Delete", exact=True).last.click()
        page.get_by_role("button", name="Delete this segment").click()

        wait_for(lambda: {one.id for one in records.segments(SHOP)} == before, 20)
        page.locator(f".st-key-more-{copy}").wait_for(state="detached")


@pytest.mark.parametrize(("size", "scheme"), [SCREENS[1], SCREENS[3]])
def test_on_a_phone_name_net_and_last_order_are_visible_and_a_tap_opens_the_profile(look: Look) -> None:
    """Three columns fit; the rest is one tap away."""
    page = look("/customers?q=number&sort=-net")
    narrow = page.locator(".st-key-people-narrow")
    narrow.locator("canvas").first.wait_for()
    assert not page.locator(".st-key-people-wide").is_visible()
    heads = narrow.locator("canvas th")
    heads.first.wait_for(state="attached")
    assert heads.all_text_contents() == ["Customer", "Net", "Last order"]
    box = narrow.locator("canvas").first.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]

    narrow.locator("canvas").first.scroll_into_view_if_needed()
    click_row(page, "people-narrow", "Person Number100", NARROW_ROW)

    page.get_by_role("heading", name="Person Number100").wait_for()


@each_screen
def test_hostile_names_of_segments_and_tags_are_text(look: Look, house: House, size: Any, scheme: str) -> None:
    """What people type is shown as it is, in chips, options, cards and dialogs."""
    with house.records() as records:
        name = f"{HOSTILE[:50]} {scheme}{size['width']}"
        segment = records.create_segment(SHOP, name, "m = 1", "bo")
        records.tag_people(SHOP, ["woo:103"], f"**b** [x](y) {scheme}"[:40], "bo")
    page = look(f"/customers?segment={segment.id}&tag=**b**+%5Bx%5D(y)+{scheme}")
    page.get_by_role("button", name="tag: **b** [x](y)").wait_for()
    chips = page.locator(".st-key-chips")
    assert chips.locator("a, strong, img, .katex").count() == 0
    page.get_by_role("button", name="Filter", exact=False).first.click()
    body = page.get_by_test_id("stPopoverBody")
    body.get_by_text("**b** [x](y)").first.wait_for()
    assert body.locator("[data-baseweb=tag] a, [data-baseweb=tag] strong, [data-baseweb=tag] img").count() == 0
    page = look("/segments")
    card = page.locator("h3, h2").filter(has_text=f"{scheme}{size['width']}").first
    card.wait_for()
    assert card.locator("a, strong, img, .katex").count() == 0
