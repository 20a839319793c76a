"""Who is who in a real browser: an analyst merges two people, sees it, takes it back, and decides on a shared address."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app_streamlit.conftest import serving
from tests.app_streamlit.test_app_accessibility import PHONE, WIDE, complaints, open_page
from tests.app_streamlit.test_app_browser import settle
from tests.app_streamlit.test_app_identity import GUEST, PARTS
from tests.regulars.directory.builders import SHOP, publish_people, tricky_people
from tests.webhook_receiver.api.test_api_identity import a_review

pytestmark = pytest.mark.browser
SCREENS = [
    pytest.param(WIDE, "light", id="desk by day"),
    pytest.param(PHONE, "dark", id="phone by night", marks=pytest.mark.deep),
]
SHARED = [a_review("woo:2", GUEST), a_review("woo:1", "woo:5", "woo:6") | {"email": "family@example.com", "orders": 3}]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve the app over a version that tells of identities and shared addresses."""
    folder = tmp_path / "data"
    publish_people(folder / "published" / SHOP, tricky_people(), identities=PARTS, identity_reviews=SHARED)
    with serving(folder) as address:
        yield address


def open_tab(page: Any, name: str) -> None:
    """Open a tab of the profile."""
    page.get_by_role("tab", name=name).click()
    settle(page)


def sound(page: Any, size: dict[str, int]) -> None:
    """Hold what is shown to everybody's needs."""
    settle(page)
    assert complaints(page) == []
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= size["width"]


@pytest.mark.parametrize(("size", "scheme"), SCREENS)
def test_two_people_are_merged_seen_and_parted_again(
    served: str, browser: Any, size: dict[str, int], scheme: str
) -> None:
    """The whole way, as an analyst goes it from the guest's profile: find, compare, merge, look, undo."""
    page, _ = open_page(browser, f"{served}/customer?customer={GUEST}", size, scheme)
    open_tab(page, "Identity")
    page.get_by_role("button", name="Merge with…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Who is the same person?").fill("Müller")
    dialog.get_by_text("Ærøskøbing").first.click()
    dialog.get_by_text("this key stays").wait_for()
    sound(page, size)
    dialog.get_by_role("button", name="These are one person").click()

    page.wait_for_url(re.compile("customer=woo(:|%3A)1"))
    page.get_by_role("heading", name="Ærøskøbing").wait_for()
    open_tab(page, "Timeline")
    page.get_by_text("Merged: account 1 and guest 0f3a9c are one person").wait_for()
    open_tab(page, "Identity")
    page.get_by_text("Figures follow with the next run").locator("visible=true").first.wait_for()
    page.get_by_role("button", name="Undo the merge").wait_for()
    sound(page, size)
    page.get_by_role("button", name="Undo the merge").click()
    page.get_by_text("Undone by").wait_for()
    page.goto(f"{served}/customer?customer={GUEST}")
    page.get_by_role("heading", name="Gustav Guest").wait_for()
    page.context.close()


@pytest.mark.parametrize(("size", "scheme"), SCREENS)
def test_shared_addresses_are_decided_on(served: str, browser: Any, size: dict[str, int], scheme: str) -> None:
    """From the count in the list to an empty page, both answers given."""
    page, _ = open_page(browser, f"{served}/customers", size, scheme)
    page.get_by_role("button", name="2 shared addresses").click()
    page.get_by_role("heading", name="Shared addresses").wait_for()
    page.get_by_text("2 addresses wait").wait_for()
    sound(page, size)
    page.get_by_role("button", name="Keep apart").first.click()
    page.get_by_text("1 address waits").wait_for()
    page.get_by_role("button", name="These are one person").click()
    page.get_by_text("No address waits for a decision").wait_for()
    page.context.close()
