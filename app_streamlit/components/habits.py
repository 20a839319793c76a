"""How a person buys, on the profile: gaps between orders, active months, products, categories, coupons, refunds."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import streamlit as st

from app_streamlit.components import formats

MOST_WORDS = 12
HELP: Mapping[str, str] = {
    "gap": (
        "The median of the days between one counted order and the next, in the shop's time zone. Orders on 1, 11 and "
        "31 May lie 10 and 20 days apart: 15 days."
    ),
    "second": "Days from the first counted order to the second. Orders on 1, 11 and 31 May: 10 days.",
    "months": "Calendar months of the shop with a counted order. Orders on 1 May, 11 May and 2 July: 2 months.",
    "products": "Different products in counted orders. The same tea bought four times is one product.",
    "rate": "What was refunded, as a part of gross, in the main currency. 25 refunded of 100 gross: 25 %.",
    "categories": "The categories of the products bought in counted orders.",
    "coupons": "The coupon codes used on counted orders. Capital letters make no difference.",
}


def habits(row: Mapping[str, Any]) -> None:
    """Show the habits of a person (a row of `CUSTOMERS`); nothing for somebody without an order that counts.

    Versions that an earlier release published do not know them.
    """
    if not row["orders_count"] or row["active_months"] is None:
        return
    with st.container(border=True, gap="small", key="person-habits"):
        st.caption("How they buy")
        with st.grid(2, min_column_width=110, gap="small"):
            st.metric("Days between", number_words(row["median_days_between"]), help=HELP["gap"])
            st.metric("Days to the 2nd", formats.number(row["days_to_second"]), help=HELP["second"])
            st.metric("Active months", formats.number(row["active_months"]), help=HELP["months"])
            st.metric("Products", formats.number(row["products_count"]), help=HELP["products"])
            st.metric("Refund rate", rate_words(row["refund_rate"]), help=HELP["rate"])
        _list("Categories", row["categories"], HELP["categories"])
        _list("Coupons", row["coupons"], HELP["coupons"])


def number_words(value: float | None) -> str:
    """Return a number of days that may lie between two whole ones.

    >>> number_words(15.0), number_words(15.5), number_words(None)
    ('15', '15.5', '–')
    """
    return formats.ABSENT if value is None else f"{value:,.1f}".removesuffix(".0")


def rate_words(value: Decimal | None) -> str:
    """Return a refund rate in per cent, a tenth at the finest.

    >>> rate_words(Decimal("0.25")), rate_words(None)
    ('25.0 %', '–')
    """
    return formats.ABSENT if value is None else formats.share(float(value))


def _list(label: str, words: list[str] | None, help_text: str) -> None:
    if not words:
        return
    st.caption(label, help=help_text)
    with st.container(horizontal=True, gap="xsmall"):
        for word in words[:MOST_WORDS]:
            st.badge(formats.plain(word, 60), color="gray")
        if len(words) > MOST_WORDS:
            st.caption(f"and {formats.number(len(words) - MOST_WORDS)} more", width="content")
