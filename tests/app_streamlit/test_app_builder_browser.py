"""Rules on orders, products and segments clicked together in a real browser, while the count follows."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.app_streamlit.conftest import serving, wait_for
from tests.app_streamlit.test_app_browser import PHONE, WIDE, open_page, settle
from tests.app_streamlit.test_app_builder_edits import a_product
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, a_line, an_order, publish_people

pytestmark = pytest.mark.browser

EPOCH = date(1970, 1, 1)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the app over nine people: the n-th has n orders of one tea each, those from the sixth on bought a mug too."""
    folder = tmp_path_factory.mktemp("builder") / "data"
    orders, lines = [], []
    for person in range(1, 10):
        for place in range(person):
            order, when = person * 100 + place, AS_OF - timedelta(days=2 + place)
            orders.append(an_order(order, f"woo:{person}", created_at=when, order_day=(when.date() - EPOCH).days))
            lines.append(a_line(order, order))
        if person >= 6:
            lines.append(a_line(person * 100, 9000 + person, product_id=8, name="Blue mug", sku="MUG-2"))
    publish_people(
        folder / "published" / SHOP,
        [a_buyer(n, orders=n, net=str(10 * n)) for n in range(1, 10)],
        orders=orders,
        order_lines=lines,
        products=[a_product(7, "Green tea", ["Tea"]), a_product(8, "Blue mug", ["Mugs"])],
    )
    with serving(folder) as address:
        yield address


def choose(page: Any, name: str, option: str) -> None:
    """Choose an option of a box by its name, as somebody without a mouse does."""
    box = page.get_by_role("combobox", name=name, exact=True)
    box.focus()
    box.press("ArrowDown")
    page.get_by_role("option", name=option, exact=True).wait_for()
    box.press_sequentially(option)
    box.press("Enter")


def counted(page: Any, people: int) -> None:
    """Wait until so many people are counted."""
    page.get_by_test_id("stMetricValue").get_by_text(str(people), exact=True).wait_for()
    settle(page)


@pytest.mark.parametrize("size", [WIDE, pytest.param(PHONE, marks=pytest.mark.deep)], ids=["wide", "phone"])
def test_questions_are_clicked_together_and_the_count_follows(served: str, browser: Any, size: dict[str, int]) -> None:
    """Who bought twice, who bought mugs: by clicks and by keyboard, each step counted, the text saying the same."""
    page = open_page(browser, f"{served}/segment", size)
    text = page.get_by_role("textbox", name="As text")
    counted(page, 7)

    page.get_by_role("button", name="Orders, products, segments").click()
    page.get_by_role("menuitem", name="What they bought").click()
    wait_for(lambda: text.input_value() == 'orders_count >= 3 and bought(category = "Mugs")', 20)
    counted(page, 4)

    choose(page, "value 2.1", "Tea")
    wait_for(lambda: text.input_value() == 'orders_count >= 3 and bought(category = "Tea")', 20)
    counted(page, 7)

    choose(page, "field 1", "ordered, where")
    wait_for(lambda: text.input_value().startswith("orders(count >= 2, within 90 days) and bought("), 20)
    counted(page, 8)
    page.get_by_role("textbox", name="value 1.1", exact=True).fill("5")
    counted(page, 5)
    choose(page, "sense 1", "has not")
    wait_for(lambda: text.input_value() == 'not orders(count >= 5, within 90 days) and bought(category = "Tea")', 20)
    counted(page, 4)

    page.get_by_role("textbox", name="value 1.1", exact=True).fill("many")
    page.get_by_text("takes a whole number").wait_for()
    page.get_by_text("This is the count of the last rule that could be read.").wait_for()
    assert page.get_by_role("button", name="Save", exact=True).is_disabled()


def test_the_text_stands_beside_the_rows_where_both_have_room(browser: Any, served: str) -> None:
    """Whoever learns the language sees both forms at once; on a narrow screen a squeezed row helps nobody."""
    page = open_page(browser, f"{served}/segment")
    page.get_by_role("textbox", name="As text").wait_for()
    page.get_by_role("button", name="Add a condition").wait_for()
    rows, text = page.locator(".st-key-rule-rows"), page.locator(".st-key-rule-text")

    def stands(width: int, *, beside: bool) -> bool:
        left, right = rows.bounding_box(), text.bounding_box()
        apart = right["x"] >= left["x"] + left["width"] if beside else right["y"] >= left["y"] + left["height"]
        return bool(apart) and right["width"] >= 320 and right["x"] + right["width"] <= width

    for width, beside in ((1920, True), (1440, True), (1280, False), (390, False)):
        page.set_viewport_size({"width": width, "height": 900})
        wait_for(lambda width=width, beside=beside: stands(width, beside=beside), 20)
    page.context.close()
