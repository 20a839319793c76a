"""Tables and charts, from frames of the directory to what a screen shows."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import streamlit as st

from app_streamlit.components import formats
from transforms.rfm import RFM_GROUPS

# One colour a group everywhere, from best to lost; told apart also by those who see no red or no green.
GROUP_COLOURS: Mapping[str, str] = dict(
    zip(
        RFM_GROUPS,
        (
            "#0B6E4F",
            "#2E9C6F",
            "#6BBF59",
            "#3B82C4",
            "#7DB4E6",
            "#E0B23C",
            "#D98E32",
            "#CF5C36",
            "#A63A50",
            "#8C8FA3",
            "#5C6070",
        ),
        strict=True,
    )
)
DARK_TEXT, LIGHT_TEXT = "#11151C", "#FFFFFF"

PERSON_ROW = 56
ROW, HEADER = 35, 36


def text_on(colour: str) -> str:
    """Return the text colour that reads on `colour` (contrast at least 4.5 : 1 for every group)."""
    light, dark = (_contrast(colour, text) for text in (LIGHT_TEXT, DARK_TEXT))
    return LIGHT_TEXT if light > dark else DARK_TEXT


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def people_table(rows: Sequence[Mapping[str, Any]], *, today: date, timezone: str, key: str, on_select: Any) -> None:
    """Show people, a row each; what matters most stands left, so that a phone shows it without scrolling.

    `on_select` is called after a click on a cell or on a column's head; the selection is under `key`.
    """
    data = pl.DataFrame([_person_cells(row, today, timezone) for row in rows], schema=PERSON_CELLS, orient="row")
    st.dataframe(
        data,
        key=key,
        hide_index=True,
        row_height=PERSON_ROW,
        height=HEADER + PERSON_ROW * max(1, data.height) + 2,
        column_config=_person_columns(),
        on_select=on_select,
        selection_mode=["single-cell", "single-column"],
        placeholder="",
    )


PERSON_CELLS: Mapping[str, Any] = {
    "customer": pl.String(),
    "net": pl.String(),
    "last_order": pl.String(),
    "rfm": pl.List(pl.String()),
    "orders": pl.Int64(),
    "average": pl.String(),
    "country": pl.String(),
    "tags": pl.List(pl.String()),
}


def _person_columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "customer": column.TextColumn("Customer", width=150),
        "net": column.TextColumn("Net", width=104, alignment="right", help="What was paid less what was refunded."),
        "last_order": column.TextColumn("Last order", width=100),
        "rfm": column.MultiselectColumn(
            "RFM group", width=140, options=list(GROUP_COLOURS), color=list(GROUP_COLOURS.values())
        ),
        "orders": column.NumberColumn("Orders", width=70, format="%,d", help="Orders that count."),
        "average": column.TextColumn("Average", width=104, alignment="right", help="Net divided by orders, rounded."),
        "country": column.TextColumn("Country", width=70),
        "tags": column.ListColumn("Tags", width=140),
    }


def _person_cells(row: Mapping[str, Any], today: date, timezone: str) -> dict[str, Any]:
    name = formats.name_of(row) + (" (deleted)" if row["deleted_at"] else "")
    email = formats.one_line(row["email"])
    last = row["last_order_at"]
    ago = formats.days_ago(last, today, timezone)
    return {
        "customer": name if email in ("", name) else f"{name}\n{email}",
        "net": formats.money(row["net"], row["currency"]),
        "last_order": ago if last is None else f"{ago}\n{formats.day(last, timezone)}",
        "rfm": [row["rfm_group"]] if row["rfm_group"] else [],
        "orders": row["orders_count"],
        "average": formats.money(row["average_order"], row["currency"], rounded=True),
        "country": row["country"] or "",
        "tags": [formats.one_line(tag) for tag in row["tags"]],
    }


def group_chip(group: str | None) -> None:
    """Show an RFM group in its colour. The name is one of ours, so it may stand in HTML."""
    if group is None or group not in GROUP_COLOURS:
        return
    colour = GROUP_COLOURS[group]
    st.html(
        f'<span style="background:{colour};color:{text_on(colour)};border-radius:10px;padding:3px 10px;'
        f'font-size:13px;font-weight:500;white-space:nowrap">{group}</span>',
        width="content",
    )
