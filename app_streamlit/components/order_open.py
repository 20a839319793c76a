"""One order of a profile, opened: its lines and what else its total is made of, and the refunds with what they did."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit import reads
from app_streamlit.components import formats
from app_streamlit.components.statuses import status_words
from regulars.directory.layout import Manifest
from transforms.ledger import REST, SHIPPING, WHY_NOT, order_components, spend_ledger

CELLS = {"quantity": pl.Int64(), "what": pl.String(), "sku": pl.String(), "amount": pl.String()}
WORDS = {SHIPPING: "Shipping", REST: "Fees and rounding"}
TOTAL_HELP = "Each line with its tax, shipping with its tax, fees and rounding: together the order's total, exactly."


def order_open(shop: str, opened: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    """Show an order, the one row of `opened` (columns of `ORDERS`, and `remark`: why it does not count), and its refunds."""
    order = opened.row(0, named=True)
    with st.container(border=True, gap="small", key="order-open"):
        st.subheader(f"Order {formats.plain(order['number'])}", anchor=False)
        when = formats.minute(order["created_at"], about.timezone)
        st.caption(f"{when} · {formats.plain(status_words(order['status']))}{_paid(order, about)}")
        if order["remark"]:
            st.info(f"This order {formats.plain(order['remark'])}.", icon=":material/info:")
        lines = reads.lines_of(shop, [order["order_id"]])
        _components(order_components(opened.lazy(), lines.lazy()).collect(), order)
        _refunds(opened, refunds, about)


def _components(parts: pl.DataFrame, order: Mapping[str, Any]) -> None:
    """Show what the total is made of, and its sum, added up here from what is on the screen."""
    code = order["currency"]
    cells = [
        {
            "quantity": part["quantity"],
            "what": formats.one_line(part["name"]) or WORDS.get(part["kind"], formats.ABSENT),
            "sku": formats.one_line(part["sku"]),
            "amount": formats.money(part["amount"], code),
        }
        for part in parts.iter_rows(named=True)
    ]
    column = st.column_config
    st.dataframe(
        pl.DataFrame(cells, schema=CELLS),
        hide_index=True,
        placeholder="",
        column_config={
            "quantity": column.NumberColumn("Quantity", format="%,d", width=70),
            "what": column.TextColumn("What", width=260),
            "sku": column.TextColumn("SKU", width=90),
            "amount": column.TextColumn("With tax", width=110, alignment="right"),
        },
    )
    total = sum(parts["amount"].drop_nulls().to_list(), Decimal(0))
    with st.container(horizontal=True, gap="medium"):
        st.text(f"Total {formats.money(order['total'], code)}", help=TOTAL_HELP)
        for label, value in (("of it tax", order["tax"]), ("discount given", order["discount"])):
            if value:
                st.text(f"{label} {formats.money(value, code)}")
    if total != order["total"]:
        st.warning(f"These rows add up to {formats.plain(formats.money(total, code))}, not to the total.")


def _refunds(opened: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    if refunds.is_empty():
        return
    order = opened.row(0, named=True)
    entries = (
        spend_ledger(opened.lazy(), refunds.lazy(), as_of=about.as_of).filter(pl.col("kind") == "refund").collect()
    )
    why_not: dict[int, str | None] = dict(entries.select("refund_id", "why_not").iter_rows())
    for refund in refunds.iter_rows(named=True):
        reason = formats.one_line(refund["reason"])
        said = f": {reason}" if reason else ""
        day = formats.day(refund["created_at"], about.timezone)
        st.text(f"Refund of {formats.money(refund['amount'], refund['currency'])} on {day}{said}")
        if because := why_not.get(refund["refund_id"]):
            st.caption(f"It lowers no sum because {WHY_NOT[because]}.")
    code = order["currency"]
    st.text(
        f"{formats.money(order['total'], code)} − {formats.money(order['refunded'], code)} refunded = "
        f"{formats.money(order['net'], code)} net"
    )


def _paid(order: Mapping[str, Any], about: Manifest) -> str:
    return f" · paid {formats.minute(order['paid_at'], about.timezone)}" if order["paid_at"] else ""
