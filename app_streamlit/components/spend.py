"""What a person spent: gross less refunded is net, in each currency apart, and the rows that each figure adds up."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit.components import formats
from app_streamlit.components.statuses import status_words
from regulars.directory.layout import Manifest

GROSS_HELP = "The totals of the orders that count, taxes and shipping included, before refunds."
REFUNDED_HELP = "What was given back, on the day it was given back, for orders that count."
NET_HELP = "Gross less refunded. Negative where more came back than was paid."


def spend(currencies: pl.DataFrame, orders: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    """Show the sums, a currency each, each with the orders and refunds that it is the sum of."""
    if currencies.is_empty():
        st.info("No order that counts yet, so nothing was spent.")
    for row in currencies.iter_rows(named=True):
        _currency(row, orders, refunds, about)
    uncounted = orders.filter(~pl.col("counted")).height
    if uncounted:
        one = uncounted == 1
        which = "1 order does not count and adds" if one else f"{formats.number(uncounted)} orders do not count and add"
        st.caption(f"{which} nothing here; the Orders tab shows why.")


def _currency(row: Mapping[str, Any], orders: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    code, label = row["currency"], formats.plain(row["currency"])
    # Polars compares null with nothing: a refund whose order is gone has no currency, as its row here has none.
    here = pl.col("currency").eq_missing(code) & pl.col("counted")
    sold, back = orders.filter(here), refunds.filter(here)
    count = "1 order" if sold.height == 1 else f"{formats.number(sold.height)} orders"
    with st.grid(3, min_column_width=120, border=True, gap="small"):
        st.metric(f"Gross, {label}", formats.money(row["gross"], code), help=GROSS_HELP)
        st.metric(f"− Refunded, {label}", formats.money(row["refunded"], code), help=REFUNDED_HELP)
        st.metric(f"= Net, {label}", formats.money(row["net"], code), help=NET_HELP)
    with st.expander(f"Gross, {label}: {count}", key=f"gross-{row['customer_key']}-{code}"):
        _rows(_order_rows(sold, about), sold["total"], row["gross"], code)
    if not back.is_empty():
        refunds_word = "1 refund" if back.height == 1 else f"{formats.number(back.height)} refunds"
        with st.expander(f"Refunded, {label}: {refunds_word}", key=f"back-{row['customer_key']}-{code}"):
            _rows(_refund_rows(back, orders, about), back["amount"], row["refunded"], code)


def _rows(cells: pl.DataFrame, amounts: pl.Series, figure: Decimal, code: str) -> None:
    """Show rows and their sum. The sum is added up here, from what is on the screen."""
    column = st.column_config
    st.dataframe(
        cells,
        hide_index=True,
        placeholder="",
        column_config={
            "when": column.TextColumn("When", width=130),
            "order": column.TextColumn("Order", width=80),
            "amount": column.TextColumn("Amount", width=110, alignment="right"),
            "what": column.TextColumn("What", width=240),
        },
    )
    total = sum(amounts.drop_nulls().to_list(), Decimal(0))
    st.text(f"Sum of {formats.number(cells.height)}: {formats.money(total, code)}")
    if total != figure:
        st.warning(f"These rows do not add up to the figure above, {formats.plain(formats.money(figure, code))}.")


def _order_rows(orders: pl.DataFrame, about: Manifest) -> pl.DataFrame:
    return _cells(
        {
            "when": formats.minute(order["created_at"], about.timezone),
            "order": formats.one_line(order["number"]),
            "amount": formats.money(order["total"], order["currency"]),
            "what": status_words(order["status"]),
        }
        for order in orders.iter_rows(named=True)
    )


def _refund_rows(refunds: pl.DataFrame, orders: pl.DataFrame, about: Manifest) -> pl.DataFrame:
    numbers: dict[int, str] = dict(orders.select("order_id", "number").iter_rows())
    return _cells(
        {
            "when": formats.minute(refund["created_at"], about.timezone),
            "order": formats.one_line(numbers.get(refund["order_id"], str(refund["order_id"]))),
            "amount": formats.money(refund["amount"], refund["currency"]),
            "what": formats.one_line(refund["reason"]),
        }
        for refund in refunds.iter_rows(named=True)
    )


def _cells(rows: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(("when", "order", "amount", "what"), pl.String()))
