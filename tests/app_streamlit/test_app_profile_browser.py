"""Every action on a profile in a real browser: on both stores, wide and on a phone, light and dark, with a real shop."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from regulars.directory.unmerged import arrived_account
from regulars.inbox import open_inbox
from regulars.inbox.answers import append_answer
from regulars.models import ChangeRow, ShopConfig
from regulars.records import open_records
from regulars.settings import Settings, load_settings
from regulars.shop.client import ShopClient
from tests.app_streamlit.conftest import serving
from tests.app_streamlit.test_app_browser import HEADER, PHONE, WIDE, click_at, settle
from tests.e2e.running import KEY, SECRET, connected, foreign_shop
from tests.regulars.directory.builders import AS_OF, HOSTILE, SHOP, a_line, a_refund, an_order, publish_people
from tests.regulars.directory.builders import a_buyer as a_row
from tests.regulars.directory.test_directory_unmerged import an_order_body

pytestmark = pytest.mark.browser

GUEST = "guest:0f3a9c2b11d04e77"
SCREENS = {"wide": WIDE, "phone": PHONE}


@dataclass
class House:
    """One app over one store, and the shop it writes to."""

    address: str
    settings: Settings
    client: ShopClient
    buyer: str
    accounts: list[int]

    def next_account(self) -> int:
        """Return an account that no other test uses."""
        return self.accounts.pop()


@pytest.fixture(scope="module")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a demo shop from a process of its own."""
    with foreign_shop(tmp_path_factory.mktemp("shop"), "--people", "40", "--seed", "7") as url:
        yield url


@pytest.fixture(scope="module", params=["files", pytest.param("mongodb", marks=pytest.mark.deep)])
def house(request: pytest.FixtureRequest, shop_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return the app over this store, with the shop's accounts published."""
    folder = tmp_path_factory.mktemp("house") / "data"
    more = {}
    if request.param == "mongodb":
        more["MONGODB_URI"] = request.getfixturevalue("mongod").uri(f"profile_{secrets.token_hex(4)}")
    keys = {"consumer_key": SecretStr(KEY), "consumer_secret": SecretStr(SECRET)}
    client = ShopClient(ShopConfig(name=SHOP, url=shop_url, **keys))
    people = [row for page in client.pages("customers", {"role": "customer"}) for row in map(published_row, page.items)]
    publish_people(
        folder / "published" / SHOP, *with_orders(people), about={"change_seq": 0}, **orders_of_the_first(people)
    )
    settings = load_settings(_env_file=None, data_dir=folder, mongodb_uri=more.get("MONGODB_URI"))
    with serving(folder, **connected(shop_url, REGULARS_SHOP=SHOP, **more)) as address:
        numbers = [person["woocommerce_id"] for person in people[1:]]
        yield House(address, settings, client, people[0]["customer_key"], numbers)
    client.close()


def published_row(item: dict[str, Any]) -> dict[str, Any]:
    """Return a customer of the shop as published."""
    change = ChangeRow(
        seq=1,
        shop=SHOP,
        topic="customer.updated",
        resource="customer",
        resource_id=item["id"],
        received_at=AS_OF,
        body=json.dumps(item).encode(),
    )
    row = arrived_account([change], SHOP, item["id"], AS_OF)
    assert row is not None
    return row


def with_orders(people: list[dict[str, Any]]) -> tuple[list[dict[str, Any]]]:
    """Return the people with the first one as somebody who bought, and a guest."""
    bought = {
        name: value
        for name, value in a_row(1, net="55.00", refunded="25.00", orders=2).items()
        if value is not None and name not in ("customer_key", "woocommerce_id", "email", "first_name", "last_name")
    }
    guest = a_row(8, customer_key=GUEST, woocommerce_id=None, first_name="Gustav", last_name="Guest")
    return ([{**people[0], **bought}, *people[1:], guest],)


def orders_of_the_first(people: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of what the first one bought."""
    key = people[0]["customer_key"]
    back = {"refunded": Decimal("25.00"), "net": Decimal("15.00")}
    orders = [
        an_order(11, key),
        an_order(12, key, status="refunded", created_at=AS_OF - timedelta(days=50), **back),
        an_order(13, key, status="cancelled", counted=False, created_at=AS_OF - timedelta(days=70)),
    ]
    lines = [a_line(11, 1), a_line(12, 2, name=HOSTILE), a_line(13, 3, name="Teapot")]
    return {"orders": orders, "order_lines": lines, "refunds": [a_refund(5, 12, key, "25.00", reason=HOSTILE)]}


class Window:
    """A browser's window on the house. Each look checks that nothing scrolls sideways, and keeps a picture."""

    def __init__(self, page: Any, house: House, pictures: Path) -> None:
        self.page, self.house, self.pictures = page, house, pictures
        self.hosts: set[str | None] = set()
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))

    def open(self, **address: str) -> None:
        """Open the page of profiles."""
        query = "&".join(f"{name}={value}" for name, value in address.items())
        self.page.goto(f"{self.house.address}/customer?{query}")
        self.page.wait_for_selector("h1")
        settle(self.page)

    def button(self, name: str) -> Any:
        """Return the button with exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def box(self, name: str) -> Any:
        """Return the text box with exactly this label."""
        return self.page.get_by_role("textbox", name=name, exact=True)

    def tab(self, name: str) -> None:
        """Open a tab and wait for what is in it. While a page is drawn anew, those of whoever was shown before are there."""
        settle(self.page)
        (key,) = parse_qs(urlsplit(self.page.url).query)["customer"]
        self.page.locator(f".st-key-tabs-{re.sub('[^a-z0-9]', '-', key)}").get_by_role("tab", name=name).click()
        self.page.locator("[role=tabpanel]:not([hidden])").first.wait_for()
        settle(self.page)

    def says(self, text: str) -> None:
        """Wait until the page says this."""
        self.page.get_by_text(text).first.wait_for()

    def look(self, name: str) -> None:
        """Check the width, and keep a picture."""
        settle(self.page)
        width = self.page.viewport_size["width"]
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert self.page.evaluate(
            "(main => main.scrollWidth <= main.clientWidth)(document.querySelector('[data-testid=stMain]'))"
        ), name
        self.page.screenshot(path=self.pictures / f"{name}.png")


@pytest.fixture
def window(
    request: pytest.FixtureRequest, browser: Any, house: House, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Window]:
    """Return a window of the asked size and scheme; whatever it did, only this machine was asked for anything."""
    size, scheme = request.param
    context = browser.new_context(viewport=SCREENS[size], color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(30_000)
    opened = Window(page, house, tmp_path_factory.mktemp(f"pictures-{size}-{scheme}"))
    yield opened
    assert opened.hosts <= {"127.0.0.1", None, ""}
    assert page.locator("[data-testid=stException]").count() == 0
    context.close()


PHONE_BY_NIGHT = pytest.param(("phone", "dark"), marks=pytest.mark.deep)  # the page checks look at it every time
USUAL = pytest.mark.parametrize("window", [("wide", "light"), PHONE_BY_NIGHT], indirect=True, ids="-".join)
OTHERS = (
    pytest.param(("wide", "dark"), marks=pytest.mark.deep),
    pytest.param(("phone", "light"), marks=pytest.mark.deep),
)
EVERY = pytest.mark.parametrize("window", [("wide", "light"), PHONE_BY_NIGHT, *OTHERS], indirect=True, ids="-".join)


@EVERY
def test_what_somebody_bought_is_told_summed_and_found(window: Window) -> None:
    """Timeline, orders with their lines, sums with their rows."""
    page = window.page
    window.open(customer=window.house.buyer)
    window.says("Refund on order 12")
    window.look("timeline")
    window.button("Refunds").click()
    page.get_by_text("Order 11, completed").wait_for(state="detached")
    page.get_by_role("button", name="Why this group?").click()
    window.says("their mean, rounded up")
    window.look("why")
    page.keyboard.press("Escape")

    window.tab("Orders")
    window.says("3 orders")
    page.get_by_role("radio", name="Do not count").click()
    window.says("1 of 3 orders")
    page.get_by_role("radio", name="Do not count").click()
    page.get_by_role("searchbox", name="Number or product").fill("teapot")
    window.says("1 of 3 orders")
    page.get_by_role("searchbox", name="Number or product").fill("")
    page.get_by_text("1 of 3 orders").wait_for(state="detached")
    settle(page)
    click_at(page, f"orders-{window.house.buyer}".replace(":", "-"), 60, HEADER + 50)
    page.get_by_role("heading", name="Order 12").wait_for()
    window.look("order")

    window.tab("Spend")
    page.get_by_text("Gross, EUR: 2 orders").click()
    window.says("Sum of 2: 80.00 EUR")
    page.get_by_text("Refunded, EUR: 1 refund").click()
    window.says("Sum of 1: 25.00 EUR")
    window.look("spend")


@EVERY
def test_notes_are_written_edited_read_back_and_deleted(window: Window) -> None:
    """A note's whole life, as somebody lives it."""
    page, number = window.page, window.house.next_account()
    window.open(customer=f"woo:{number}")
    window.tab("Notes")
    window.box("New note").fill("Prefers *loose* tea")
    window.button("Add note").click()
    page.get_by_test_id("stText").get_by_text("Prefers *loose* tea", exact=True).wait_for()
    window.button("Edit").last.click()
    window.box("Note").fill("Prefers **green** tea")
    window.button("Save").click()
    page.get_by_test_id("stText").get_by_text("Prefers **green** tea", exact=True).wait_for()
    page.get_by_text("1 earlier version").click()
    page.get_by_test_id("stText").get_by_text("Prefers *loose* tea", exact=True).wait_for()
    window.look("notes")
    with open_records(window.house.settings) as records:
        (note,) = records.notes(SHOP, f"woo:{number}")
        assert [version.text for version in records.note_history(note.id)] == [
            "Prefers *loose* tea",
            "Prefers **green** tea",
        ]
    window.button("Delete").last.click()
    window.button("Delete this note").click()
    window.says("No notes yet")


@EVERY
def test_an_edit_goes_through_the_shop_with_its_errors_and_its_conflicts(window: Window) -> None:
    """Refused, overtaken, saved: and the profile shows it before anything is merged."""
    house, number = window.house, window.house.next_account()
    window.open(customer=f"woo:{number}")
    window.button("Edit").click()
    window.box("E-mail").wait_for()
    email = window.box("E-mail").input_value()
    window.look("form")
    window.box("E-mail").fill("nonsense")
    window.box("Billing city").fill("Lund")
    window.button("Save in the shop").click()
    window.says("Not saved. E-mail: Invalid email address.")
    window.look("refused")

    window.box("E-mail").fill(email)
    house.client.put(f"customers/{number}", {"billing": {"city": "Malmö"}})
    window.button("Save in the shop").click()
    window.says("Somebody changed this customer in the shop")
    window.look("conflict")
    window.button("Save mine").click()

    window.says("1 change has arrived that is not merged yet")
    window.says("not merged yet")
    window.look("saved")
    assert house.client.get(f"customers/{number}").items[0]["billing"]["city"] == "Lund"
    assert window.page.url.endswith(f"customer=woo:{number}") or window.page.url.endswith(f"customer=woo%3A{number}")


@EVERY
def test_deleting_hides_and_is_undone(window: Window) -> None:
    """Asked before, told after, taken back in one click."""
    house, number = window.house, window.house.next_account()
    window.open(customer=f"woo:{number}")
    window.button("Delete").click()
    window.says("The shop keeps the customer")
    window.look("asked")
    window.button("Delete here").click()
    window.button("Undo").wait_for()
    window.look("hidden")
    with open_records(house.settings) as records:
        assert list(records.hidden(SHOP)) == [f"woo:{number}"]
        window.open(customer=f"woo:{number}")
        window.button("Show again").click()
        window.button("Delete").wait_for()
        assert records.hidden(SHOP) == {}


@EVERY
def test_somebody_new_is_made_in_the_shop_and_opened(window: Window) -> None:
    """From the list's button to a profile."""
    page = window.page
    email = f"new-{secrets.token_hex(4)}@example.com"
    page.goto(f"{window.house.address}/customers")
    window.button("New customer").click()
    page.get_by_role("heading", name="New customer").wait_for()
    window.box("E-mail").fill(email)
    window.box("First name").fill("Nia")
    window.look("new")
    window.button("Create in the shop").click()
    page.get_by_role("heading", name="Nia").wait_for()
    window.says("has just arrived")
    window.look("created")
    (item,) = window.house.client.page("customers", {"email": email, "role": "all"}).items
    assert item["first_name"] == "Nia"
    window.open(customer=GUEST, edit="1")
    window.says("Ordered as a guest")
    window.look("guest")


@EVERY
def test_what_arrives_while_the_profile_is_open_is_shown_by_itself(window: Window) -> None:
    """Nobody reloads a page while on the phone."""
    house, number = window.house, window.house.next_account()
    window.open(customer=f"woo:{number}")
    with open_inbox(house.settings) as inbox:
        body = an_order_body(9000 + number, customer_id=number, status="on-hold", total="12.50")
        append_answer(inbox, SHOP, "order.created", body, datetime.now(UTC))

    window.says(f"New order {9000 + number}, on hold · 12.50 EUR")
    window.look("arrived")


@USUAL
def test_the_next_one_in_the_list_is_a_key_away(window: Window) -> None:
    """Going through a list without the mouse, and typing the same letter into a note goes nowhere."""
    page = window.page
    page.goto(f"{window.house.address}/customers?sort=-name")
    page.get_by_text(re.compile(r"\d+ people")).first.wait_for()
    settle(page)
    table = "people-wide" if page.viewport_size["width"] > 767 else "people-narrow"
    page.locator(f".st-key-{table} canvas td").first.wait_for(state="attached")
    settle(page)
    click_at(page, table, 120, HEADER + 20)
    place = page.locator(".st-key-neighbours")
    place.get_by_text(re.compile(r"^1 of \d")).wait_for()
    before = page.locator("h1").inner_text()
    page.locator("h1").click()
    page.keyboard.press("j")
    place.get_by_text(re.compile(r"^2 of \d")).wait_for()
    page.wait_for_function("before => document.querySelector('h1')?.innerText !== before", arg=before)
    window.look("second")
    page.keyboard.press("k")
    place.get_by_text(re.compile(r"^1 of \d")).wait_for()
    window.tab("Notes")
    window.box("New note").press_sequentially("jjjkkk")
    assert page.locator("h1").inner_text() == before
