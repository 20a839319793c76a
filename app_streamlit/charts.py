"""Charts of the overview: one question each, bars from zero, exact figures in the tooltip.

Buckets are named by us, in the shop's days: a browser elsewhere in the world would move dates by its own zone.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from app_streamlit.components import formats
from transforms.overview import Overview

HEIGHT = 240
ACCENT: Mapping[str | None, str] = {"light": "#2F5FD0", "dark": "#7FA3FF", None: "#2F5FD0"}
SECOND: Mapping[str | None, str] = {"light": "#B7791F", "dark": "#E0B23C", None: "#B7791F"}
PARTIAL = " (not a whole {grain})"


def net_over_time(told: Overview) -> None:
    """Show the net of each bucket as bars."""
    data = _buckets(told).with_columns(
        amount=pl.col("net").cast(pl.Float64),
        exact=pl.col("net").map_elements(lambda net: formats.money(net, told.currency), return_dtype=pl.String),
    )
    bars = (
        alt.Chart(_plain(data, "label", "amount", "exact", "span", "orders", "whole"))
        .mark_bar(cornerRadiusEnd=3, color=ACCENT[st.context.theme.type])
        .encode(
            x=_time(data),
            y=alt.Y("amount:Q", title=f"Net, {told.currency}", scale=alt.Scale(zero=True)),
            opacity=_faint(),
            tooltip=[
                alt.Tooltip("span:N", title="When"),
                alt.Tooltip("exact:N", title="Net"),
                alt.Tooltip("orders:Q", title="Orders", format=",d"),
            ],
        )
        .properties(height=HEIGHT)
    )
    total = formats.money(told.now.net, told.currency)
    st.altair_chart(bars, alt=f"Bars: net by {told.grain}, {total} in all.")


def new_and_returning(told: Overview) -> None:
    """Show how many of the people of each bucket were new, and how many came back, as stacked bars."""
    data = _buckets(told)
    kinds = {"New": "new", "Returning": "returning"}
    long = pl.concat(
        [
            data.select("label", "span", "whole", "position", people=pl.col(column), kind=pl.lit(kind))
            for kind, column in kinds.items()
        ]
    ).sort("position")
    theme = st.context.theme.type
    bars = (
        alt.Chart(_plain(long, "label", "span", "whole", "people", "kind"))
        .mark_bar(cornerRadiusEnd=3)
        .encode(
            x=_time(data),
            y=alt.Y("people:Q", title="People", stack="zero", axis=alt.Axis(format=",d", tickMinStep=1)),
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(domain=list(kinds), range=[SECOND[theme], ACCENT[theme]]),
                legend=alt.Legend(orient="top", title=None),
            ),
            opacity=_faint(),
            tooltip=[
                alt.Tooltip("span:N", title="When"),
                alt.Tooltip("kind:N", title="Customers"),
                alt.Tooltip("people:Q", title="People", format=",d"),
            ],
        )
        .properties(height=HEIGHT + 30)
    )
    st.altair_chart(bars, alt=f"Bars: new and returning people by {told.grain}, {told.now.new:,} new in all.")


def _buckets(told: Overview) -> pl.DataFrame:
    """Return the series with `position`, `label` (short, on the axis), `span` (whole) and `whole` (not cut off)."""
    rows = list(told.series.select("start", "end").iter_rows())
    several_years = len({start.year for start, _ in rows}) > 1
    wholes = [_is_whole(told.grain, start, end) for start, end in rows]
    return told.series.with_columns(
        pl.Series("position", range(len(rows)), dtype=pl.Int64),
        pl.Series("label", [_label(told.grain, start, several_years) for start, _ in rows], dtype=pl.String),
        pl.Series(
            "span",
            [
                _span(start, end) + ("" if whole else PARTIAL.format(grain=told.grain))
                for (start, end), whole in zip(rows, wholes, strict=True)
            ],
            dtype=pl.String,
        ),
        pl.Series("whole", wholes, dtype=pl.Boolean),
    )


def _is_whole(grain: str, start: date, end: date) -> bool:
    if grain == "month":
        return start.day == 1 and end.day == 1
    return grain == "day" or (end - start).days == 7


def _label(grain: str, start: date, several_years: bool) -> str:
    if grain == "month":
        return f"{start:%b %Y}" if several_years else f"{start:%b}"
    return f"{start.day} {start:%b}" + (f" {start:%y}" if several_years and grain == "week" else "")


def _span(start: date, end: date) -> str:
    last = end - timedelta(days=1)
    first = f"{start.day} {start:%b %Y}"
    return first if last == start else f"{first} to {last.day} {last:%b %Y}"


def _plain(data: pl.DataFrame, *columns: str) -> Any:
    return data.select(columns).to_pandas()


def _time(data: pl.DataFrame) -> alt.X:
    return alt.X(
        "label:O",
        sort=data["label"].to_list(),
        title=None,
        axis=alt.Axis(labelOverlap=True, labelAngle=0, ticks=False, labelFlush=True),
    )


def _faint() -> alt.Opacity:
    """A bucket that the period cuts off is drawn paler: it is not to be compared with the others."""
    return alt.condition("datum.whole", alt.value(1), alt.value(0.55))
