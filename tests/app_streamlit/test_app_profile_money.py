"""What stands behind a profile's figures: how somebody buys, what an order's total is made of, why an order counts or not."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit import reads
from app_streamlit.components.orders import remarked
from tests.app_streamlit.test_app_profile import opened
from tests.app_streamlit.test_app_views import Open, Publish, metrics, no_failure, said, table
from tests.regulars.directory.builders import AS_OF, BERLIN, a_buyer, a_line, a_person, a_refund, an_order, frame

HABITS = {
    "median_days_between": 15.5,
    "days_to_second": 10,
    "active_months": 2,
    "products_count": 4,
    "refund_rate": Decimal("0.208333"),
    "categories": ["Mugs", "*Tea*"],
    "coupons": ["summer"],
}


def test_a_profile_tells_how_somebody_buys(app: Open, published: Publish) -> None:
    """Before writing to somebody one asks how often they come, what for, and whether coupons brought them."""
    published([a_buyer(1, **HABITS)])

    test = app("customer", customer="woo:1")

    no_failure(test)
    expected = {
        "Days between": "15.5",
        "Days to the 2nd": "10",
        "Active months": "2",
        "Products": "4",
        "Refund rate": "20.8 %",
    }
    assert expected.items() <= metrics(test).items()
    assert all(metric.help for metric in test.metric if metric.label in expected)
    badges = [block.value for block in test.markdown if "badge" in block.value]
    assert [any(word in badge for badge in badges) for word in ("Mugs", "\\*Tea\\*", "summer")] == [True] * 3


@pytest.mark.parametrize("person", [a_buyer(1), a_person(1, active_months=0)])
def test_habits_that_are_not_known_take_no_room(app: Open, published: Publish, person: dict[str, Any]) -> None:
    """A version of an earlier release does not know them, and who never bought has none."""
    published([person])

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert "Active months" not in metrics(test)


def test_each_order_that_does_not_count_says_why(app: Open, published: Publish) -> None:
    """Whoever compares with the shop stumbles over exactly these."""
    orders = [
        an_order(11, "woo:1"),
        an_order(12, "woo:1", status="checkout-draft", counted=False),
        an_order(13, "woo:1", deleted_at=AS_OF, counted=False),
        an_order(14, "woo:1", created_at=AS_OF, counted=False),
    ]
    published([a_buyer(1)], orders=orders)

    test = opened(app, "Orders")

    no_failure(test)
    shown = table(test, "orders-woo")
    assert dict(zip(shown["number"], shown["remark"], strict=True)) == {
        "11": "",
        "12": "does not count: it is draft",
        "13": "does not count: the shop deleted the order",
        "14": "does not count: it is not before the day of the figures",
    }


def _an_opened_order(rows, refunds, about):  # type: ignore[no-untyped-def] # runs as a script, where no name is known
    from app_streamlit.components.order_open import order_open

    order_open("demo", rows, refunds, about)


def opened_order(order: dict[str, Any], refunds: list[dict[str, Any]]) -> AppTest:
    """Show one order alone, as a click on it does."""
    about = SimpleNamespace(timezone=BERLIN, as_of=AS_OF)
    rows = remarked(frame("orders", [order]), AS_OF)
    return AppTest.from_function(_an_opened_order, args=(rows, frame("refunds", refunds), about)).run()


def test_an_orders_total_is_the_sum_of_what_is_shown(published: Publish) -> None:
    """Lines, shipping, fees and rounding: the total to the last digit, so that nobody has to wonder about a cent."""
    order = an_order(11, "woo:1", total="30.117", shipping=Decimal("4.90"), shipping_tax=Decimal("0.93"))
    published([a_buyer(1)], orders=[order], order_lines=[a_line(11, 1)])

    test = opened_order(order, [])

    assert not test.exception
    shown = pl.from_pandas(test.dataframe[0].value)
    assert shown.select("what", "amount").rows() == [
        ("Green tea", "23.20 EUR"),
        ("Shipping", "5.83 EUR"),
        ("Fees and rounding", "1.087 EUR"),
    ]
    assert "Total 30.117 EUR" in said(test)
    assert not test.warning


def test_a_refund_tells_what_it_did(published: Publish) -> None:
    """Refunds of a cancelled order lower nothing; those that do end in the order's net."""
    order = an_order(11, "woo:1", total="40.00", refunded=Decimal(25), net=Decimal(15))
    gone = an_order(12, "woo:1", status="cancelled", counted=False, refunded=Decimal(9), net=Decimal(31))
    published([a_buyer(1)], orders=[order, gone])

    test = opened_order(order, [a_refund(5, 11, "woo:1", "25.00")])
    assert not test.exception
    assert "40.00 EUR − 25.00 EUR refunded = 15.00 EUR net" in said(test)
    assert "lowers no sum" not in said(test)

    test = opened_order(gone, [a_refund(6, 12, "woo:1", "9.00", counted=False)])
    told = said(test).replace("\\", "").replace("\u2060", "")
    assert "It lowers no sum because orders with this status do not count" in told
    assert "This order does not count: it is cancelled" in told


def test_the_lines_of_the_opened_order_are_read_for_it_alone(published: Publish) -> None:
    """A total made of another order's lines would be worse than none."""
    published([a_buyer(1)], orders=[an_order(11, "woo:1")], order_lines=[a_line(11, 1), a_line(12, 2)])

    assert reads.lines_of("demo", [11])["line_id"].to_list() == [1]
