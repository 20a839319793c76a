"""A person's orders: the whole history, each order's lines on opening, and the timeline of everything."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit import reads
from app_streamlit.components import formats
from regulars.directory.layout import Manifest
from regulars.models import Note

STATUS_WORDS = {"checkout-draft": "draft", "on-hold": "on hold"}
MOST_EVENTS = 200


def history(shop: str, orders: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    """Show all orders, sortable and by status, and the lines of the one that was clicked."""
    if orders.is_empty():
        st.info("No orders yet.")
        return
    orders = _of_status(orders)
    if orders.is_empty():
        return
    chosen = st.dataframe(
        _order_cells(orders),
        key=f"orders-{orders['customer_key'][0]}",
        hide_index=True,
        placeholder="",
        column_config=_order_columns(about.timezone, _decimals(orders)),
        on_select="rerun",
        selection_mode="single-cell",
    )
    cells: list[Any] = chosen["selection"]["cells"]
    if not cells or cells[0][0] >= orders.height:
        count = "1 order" if orders.height == 1 else f"{formats.number(orders.height)} orders"
        st.caption(f"{count}. Choose one to see its lines.")
        return
    order = orders.row(cells[0][0], named=True)
    _order(shop, order, refunds.filter(pl.col("order_id") == order["order_id"]), about)


def _of_status(orders: pl.DataFrame) -> pl.DataFrame:
    statuses = orders["status"].unique().sort().to_list()
    if len(statuses) == 1:
        return orders
    chosen = st.pills(
        "Status",
        statuses,
        selection_mode="multi",
        format_func=lambda status: formats.plain(_status(status)),
        key=f"status-{orders['customer_key'][0]}",
        label_visibility="collapsed",
    )
    return orders.filter(pl.col("status").is_in(chosen)) if chosen else orders


def _order_cells(orders: pl.DataFrame) -> pl.DataFrame:
    remark = (
        pl.when(pl.col("deleted_at").is_not_null())
        .then(pl.lit("deleted in the shop"))
        .when(~pl.col("counted"))
        .then(pl.lit("does not count"))
        .otherwise(pl.lit(""))
    )
    return orders.select(
        pl.col("created_at").alias("when"),
        pl.col("number"),
        # Numbers and not text, so that a click on the head sorts them; the sums on this page are exact ones.
        *[pl.col(name).cast(pl.Float64) for name in ("total", "refunded", "net")],
        pl.col("currency"),
        pl.col("status").map_elements(_status, return_dtype=pl.String()),
        pl.col("items"),
        pl.col("payment_method").map_elements(formats.one_line, return_dtype=pl.String()).alias("payment"),
        pl.col("coupons").list.join(", ").alias("coupons"),
        remark.alias("remark"),
    )


def _order_columns(timezone: str, decimals: int) -> dict[str, Any]:
    column = st.column_config
    amount = f"%,.{decimals}f"
    return {
        "when": column.DatetimeColumn("When", format="D MMM YYYY, HH:mm", timezone=timezone, width=140),
        "number": column.TextColumn("Number", width=75),
        "total": column.NumberColumn("Total", format=amount, width=85),
        "refunded": column.NumberColumn("Refunded", format=amount, width=85),
        "net": column.NumberColumn("Net", format=amount, width=85),
        "currency": column.TextColumn("Currency", width=70),
        "status": column.TextColumn("Status", width=90),
        "items": column.NumberColumn("Items", format="%d", width=60),
        "payment": column.TextColumn("Payment", width=110),
        "coupons": column.TextColumn("Coupons", width=90),
        "remark": column.TextColumn("Remark", width=110),
    }


def _order(shop: str, order: Mapping[str, Any], refunds: pl.DataFrame, about: Manifest) -> None:
    code = order["currency"]
    with st.container(border=True, gap="small"):
        st.subheader(f"Order {formats.plain(order['number'])}", anchor=False)
        when = formats.minute(order["created_at"], about.timezone)
        st.caption(f"{when} · {formats.plain(_status(order['status']))}{_paid(order, about)}")
        _lines(reads.lines_of(shop, [order["order_id"]]), code)
        parts = [("Discount", -order["discount"]), ("Shipping", order["shipping"]), ("Tax", order["tax"])]
        parts += [("Total", order["total"])]
        if not refunds.is_empty():
            parts += [("Refunded", -order["refunded"]), ("Net", order["net"])]
        st.text(
            "   ".join(f"{label} {formats.money(value, code)}" for label, value in parts if value or label == "Total")
        )
        for refund in refunds.iter_rows(named=True):
            reason = formats.one_line(refund["reason"])
            said = f": {reason}" if reason else ""
            day = formats.day(refund["created_at"], about.timezone)
            st.text(f"Refund of {formats.money(refund['amount'], refund['currency'])} on {day}{said}")


def _paid(order: Mapping[str, Any], about: Manifest) -> str:
    return f" · paid {formats.minute(order['paid_at'], about.timezone)}" if order["paid_at"] else ""


def _lines(lines: pl.DataFrame, code: str) -> None:
    if lines.is_empty():
        st.caption("This order has no lines.")
        return
    cells = [
        {
            "quantity": row["quantity"],
            "product": formats.one_line(row["name"]),
            "sku": formats.one_line(row["sku"]),
            "total": formats.money(row["total"], code),
        }
        for row in lines.iter_rows(named=True)
    ]
    column = st.column_config
    st.dataframe(
        pl.DataFrame(cells),
        hide_index=True,
        placeholder="",
        column_config={
            "quantity": column.NumberColumn("Quantity", format="%,d", width=70),
            "product": column.TextColumn("Product", width=260),
            "sku": column.TextColumn("SKU", width=90),
            "total": column.TextColumn("Total before tax", width=110, alignment="right"),
        },
    )


def timeline(
    row: Mapping[str, Any], orders: pl.DataFrame, refunds: pl.DataFrame, written: list[Note], about: Manifest
) -> None:
    """Show everything that happened, newest first: orders, refunds, notes, the account."""
    events = sorted(_events(row, orders, refunds, written), key=lambda event: event[0], reverse=True)
    if not events:
        st.info("Nothing happened yet.")
        return
    table = pl.DataFrame(
        {
            "when": [formats.minute(when, about.timezone) for when, *_ in events[:MOST_EVENTS]],
            "what": [what for _, what, _ in events[:MOST_EVENTS]],
            "amount": [amount for *_, amount in events[:MOST_EVENTS]],
        }
    )
    column = st.column_config
    st.dataframe(
        table,
        hide_index=True,
        placeholder="",
        column_config={
            "when": column.TextColumn("When", width=130),
            "what": column.TextColumn("What", width=260),
            "amount": column.TextColumn("Amount", width=100, alignment="right"),
        },
    )
    if len(events) > MOST_EVENTS:
        st.caption(f"The latest {MOST_EVENTS} of {len(events):,} events. All orders stand under Orders.")


def _events(
    row: Mapping[str, Any], orders: pl.DataFrame, refunds: pl.DataFrame, written: list[Note]
) -> list[tuple[datetime, str, str]]:
    found: list[tuple[datetime, str, str]] = []
    numbers: dict[int, str] = dict(orders.select("order_id", "number").iter_rows())
    for order in orders.iter_rows(named=True):
        what = f"Order {formats.one_line(order['number'])}, {_status(order['status'])}"
        found.append((order["created_at"], what, formats.money(order["total"], order["currency"])))
    for refund in refunds.iter_rows(named=True):
        what = f"Refund on order {numbers.get(refund['order_id'], refund['order_id'])}"
        found.append((refund["created_at"], what, formats.money(-refund["amount"], refund["currency"])))
    found += [
        (note.created_at, f"Note by {formats.one_line(note.author)}: {formats.one_line(note.text)}", "")
        for note in written
    ]
    if row["created_at"] is not None and row["woocommerce_id"] is not None:  # a guest's is the first order's time
        found.append((row["created_at"], "Account created", ""))
    if row["deleted_at"] is not None:
        found.append((row["deleted_at"], "Account deleted in the shop", ""))
    return [event for event in found if event[0] is not None]


def _status(status: str) -> str:
    return STATUS_WORDS.get(status, formats.one_line(status).replace("-", " "))


def _decimals(orders: pl.DataFrame) -> int:
    """Return how many decimals the amounts need, at least those of their currencies."""
    least = max(formats.DECIMALS.get(code, 2) for code in orders["currency"].unique().to_list())
    amounts: list[Decimal] = [value for name in ("total", "net") for value in orders[name].drop_nulls().to_list()]
    return max([least, *(-int(value.normalize().as_tuple().exponent) for value in amounts)])
