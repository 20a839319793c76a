"""A person's orders: the whole history, filtered and sorted, and each order's lines on opening."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit import reads
from app_streamlit.components import formats
from app_streamlit.components.order_open import order_open
from app_streamlit.components.statuses import status_words
from regulars.directory.layout import Manifest
from transforms.ledger import WHY_NOT, spend_ledger
from transforms.schemas import REFUNDS, empty

COUNTED, NOT_COUNTED = "Count", "Do not count"
COUNTS_HELP = (
    "Orders that count make up net, averages and RFM. Pending, cancelled, failed, draft and trashed orders do not count "
    "unless the settings say otherwise."
)
DAYS_HELP = "A day of the shop's time zone, itself included."
SORTS: Mapping[str, tuple[str, bool]] = {
    "Newest first": ("created_at", True),
    "Oldest first": ("created_at", False),
    "Highest total": ("total", True),
    "Lowest total": ("total", False),
    "Highest net": ("net", True),
    "Most refunded": ("refunded", True),
    "Most items": ("items", True),
    "Status": ("status", False),
}


def history(shop: str, orders: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    """Show the orders that the filters leave, and the lines of the one that was clicked."""
    if orders.is_empty():
        st.info("No orders yet.")
        return
    key = orders["customer_key"][0]
    found = remarked(_filtered(shop, orders, about, key), about.as_of)
    _sum_line(found, orders.height)
    if found.is_empty():
        st.button("Show all orders", on_click=_reset, args=(key,))
        return
    chosen = st.dataframe(
        _order_cells(found),
        key=f"orders-{key}",
        hide_index=True,
        placeholder="",
        column_config=_order_columns(about.timezone, decimals(found)),
        on_select="rerun",
        selection_mode="single-cell",
    )
    cells: list[Any] = chosen["selection"]["cells"]
    if not cells or cells[0][0] >= found.height:
        st.caption("Choose an order to see its lines.")
        return
    order = found[[cells[0][0]]]
    order_open(shop, order, refunds.filter(pl.col("order_id") == order["order_id"][0]), about)


def _filtered(shop: str, orders: pl.DataFrame, about: Manifest, key: str) -> pl.DataFrame:
    """Show the filters of the history and return the orders they leave, sorted."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="order-filters"):
        text = st.text_input(
            "Number or product",
            key=f"order-text-{key}",
            type="search",
            placeholder="Number, product or SKU",
            live="120ms",
            width=230,
            persist_state="page",
        )
        first = st.date_input(
            "From", None, key=f"order-from-{key}", format="YYYY-MM-DD", width=125, help=DAYS_HELP, persist_state="page"
        )
        last = st.date_input(
            "To", None, key=f"order-to-{key}", format="YYYY-MM-DD", width=125, help=DAYS_HELP, persist_state="page"
        )
        sort = st.selectbox("Sort", list(SORTS), key=f"order-sort-{key}", width=160, persist_state="page")
    with st.container(horizontal=True, gap="medium"):
        statuses = _statuses(orders, key)
        counting = _counting(orders, key)
    found = orders
    if statuses:
        found = found.filter(pl.col("status").is_in(statuses))
    if counting is not None:
        found = found.filter(pl.col("counted") == (counting == COUNTED))
    found = _within(found, first, last, about.timezone)
    if text and text.strip():
        found = _with_text(shop, found, text.strip().casefold())
    column, descending = SORTS[sort]
    return found.sort(column, "created_at", "order_id", descending=[descending, True, True], nulls_last=True)


def _statuses(orders: pl.DataFrame, key: str) -> list[str]:
    statuses = orders["status"].unique().sort().drop_nulls().to_list()
    if len(statuses) < 2:
        return []
    return st.pills(
        "Status",
        statuses,
        selection_mode="multi",
        format_func=lambda status: formats.plain(status_words(status)),
        key=f"status-{key}",
        persist_state="page",
    )


def _counting(orders: pl.DataFrame, key: str) -> str | None:
    if orders["counted"].n_unique() < 2:
        return None
    return st.pills("Orders that", (COUNTED, NOT_COUNTED), key=f"counted-{key}", help=COUNTS_HELP, persist_state="page")


def _within(orders: pl.DataFrame, first: date | None, last: date | None, timezone: str) -> pl.DataFrame:
    day = pl.col("created_at").dt.convert_time_zone(timezone).dt.date()
    if first is not None:
        orders = orders.filter(day >= first)
    if last is not None:
        orders = orders.filter(day <= last)
    return orders


def _with_text(shop: str, orders: pl.DataFrame, text: str) -> pl.DataFrame:
    """Return the orders with this text in their number, or in the name or SKU of something they hold."""
    if orders.is_empty():
        return orders
    lines = reads.lines_of(shop, orders["order_id"].to_list())
    named = [
        order_id
        for order_id, *words in lines.select("order_id", "name", "sku").iter_rows()
        if any(text in word.casefold() for word in words if word)
    ]
    # The number is only looked for from its beginning: "12" would be in half of them.
    number = pl.col("number").str.to_lowercase().str.starts_with(text.removeprefix("#"))
    return orders.filter(number.fill_null(value=False) | pl.col("order_id").is_in(named))


def _sum_line(found: pl.DataFrame, everything: int) -> None:
    count = "1 order" if everything == 1 else f"{formats.number(everything)} orders"
    of = count if found.height == everything else f"{formats.number(found.height)} of {count}"
    sums = found.filter("counted").group_by("currency").agg(pl.col("total").sum()).sort("currency")
    counted = " + ".join(formats.money(total, code) for code, total in sums.iter_rows())
    st.markdown(f"**{of}**" + (f" · those that count add up to {formats.plain(counted)} gross" if counted else ""))


def _reset(key: str) -> None:
    st.session_state.update(
        {
            f"order-text-{key}": "",
            f"order-from-{key}": None,
            f"order-to-{key}": None,
            f"status-{key}": [],
            f"counted-{key}": None,
        }
    )


def remarked(orders: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return the orders with `remark`: why one is not in the sums, empty where it is.

    `as_of` is the instant of the figures; the reason is the ledger's.
    """
    entries = spend_ledger(orders.lazy(), empty(REFUNDS), as_of=as_of).select("order_id", "why_not").collect()
    words = pl.col("status").map_elements(status_words, return_dtype=pl.String(), skip_nulls=False)
    because = (
        pl.when(pl.col("why_not") == "status")
        .then(pl.format("it is {}", words))
        .otherwise(pl.col("why_not").replace_strict(WHY_NOT, default="", return_dtype=pl.String()))
    )
    remark = pl.when("counted").then(pl.lit("")).otherwise(pl.format("does not count: {}", because))
    return orders.join(entries, on="order_id", how="left", maintain_order="left").with_columns(remark=remark)


def _order_cells(orders: pl.DataFrame) -> pl.DataFrame:
    several = orders["currency"].n_unique() > 1
    cells = orders.select(
        pl.col("created_at").alias("when"),
        pl.col("number").map_elements(formats.one_line, return_dtype=pl.String()),
        # Numbers and not text, so that a click on the head sorts them; the sums on this page are exact ones.
        pl.col("total").cast(pl.Float64),
        pl.col("currency").map_elements(formats.one_line, return_dtype=pl.String()),
        pl.col("status").map_elements(status_words, return_dtype=pl.String()),
        "remark",
        *[pl.col(name).cast(pl.Float64) for name in ("refunded", "net")],
        pl.col("items"),
        pl.col("payment_method").map_elements(formats.one_line, return_dtype=pl.String()).alias("payment"),
        pl.col("coupons").list.join(", ").map_elements(formats.one_line, return_dtype=pl.String()).alias("coupons"),
    )
    remarks = (orders["remark"] != "").any()
    return cells.drop([] if several else ["currency"], [] if remarks else ["remark"])


def _order_columns(timezone: str, places: int) -> dict[str, Any]:
    column = st.column_config
    amount = f"%,.{places}f"
    return {
        "when": column.DatetimeColumn("When", format="D MMM YYYY, HH:mm", timezone=timezone, width=140),
        "number": column.TextColumn("Number", width=75),
        "total": column.NumberColumn("Total", format=amount, width=80),
        "refunded": column.NumberColumn("Refunded", format=amount, width=80),
        "net": column.NumberColumn("Net", format=amount, width=80, help="Total less what was refunded of this order."),
        "currency": column.TextColumn("Currency", width=70),
        "status": column.TextColumn("Status", width=90),
        "items": column.NumberColumn("Items", format="%d", width=60),
        "payment": column.TextColumn("Payment", width=110),
        "coupons": column.TextColumn("Coupons", width=90),
        "remark": column.TextColumn("Remark", width=240),
    }


def decimals(orders: pl.DataFrame) -> int:
    """Return how many decimals the amounts need, at least those of their currencies."""
    least = max((formats.DECIMALS.get(code, 2) for code in orders["currency"].unique().to_list()), default=2)
    amounts: list[Decimal] = [value for name in ("total", "net") for value in orders[name].drop_nulls().to_list()]
    return max([least, *(-int(value.normalize().as_tuple().exponent) for value in amounts)])
