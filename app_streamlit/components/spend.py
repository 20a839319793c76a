"""What a person spent: gross less refunded is net, in each currency apart, and the refunds one by one."""

import polars as pl
import streamlit as st

from app_streamlit.components import formats
from regulars.directory.layout import Manifest


def spend(currencies: pl.DataFrame, refunds: pl.DataFrame, about: Manifest) -> None:
    """Show the sums a currency each, then the refunds."""
    if currencies.is_empty():
        st.info("No order that counts yet, so nothing was spent.")
    for row in currencies.iter_rows(named=True):
        code, label = row["currency"], formats.plain(row["currency"])
        with st.grid(3, min_column_width=120, border=True, gap="small"):
            orders = "1 order" if row["orders_count"] == 1 else f"{formats.number(row['orders_count'])} orders"
            st.metric(f"Gross of {orders}, {label}", formats.money(row["gross"], code))
            st.metric(f"− Refunded, {label}", formats.money(row["refunded"], code))
            st.metric(f"= Net, {label}", formats.money(row["net"], code))
    if refunds.is_empty():
        st.caption("No refunds.")
        return
    st.subheader("Refunds", anchor=False)
    table = refunds.select(
        pl.col("created_at").dt.convert_time_zone(about.timezone).alias("when"),
        pl.col("order_id"),
        pl.Series(
            "amount",
            [formats.money(amount, code) for amount, code in refunds.select("amount", "currency").iter_rows()],
            dtype=pl.String(),
        ),
        pl.col("reason").map_elements(formats.one_line, return_dtype=pl.String()).alias("reason"),
        pl.when("counted").then(pl.lit("")).otherwise(pl.lit("does not count")).alias("remark"),
    )
    column = st.column_config
    st.dataframe(
        table,
        hide_index=True,
        placeholder="",
        column_config={
            "when": column.DatetimeColumn("When", format="D MMM YYYY, HH:mm", timezone=about.timezone),
            "order_id": column.NumberColumn("Order", format="%d"),
            "amount": column.TextColumn("Amount", alignment="right"),
            "reason": column.TextColumn("Reason"),
            "remark": column.TextColumn("Remark"),
        },
    )
