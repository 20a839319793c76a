"""Tables and charts, from frames of the directory to what a screen shows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from app_streamlit.components import formats
from regulars.directory.query import Count
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

# A phone shows three columns, the name above the e-mail: Streamlit wraps cells in rows above four times its base size.
WIDE_ROW, NARROW_ROW = 40, 61  # Streamlit wraps the text of rows above 60 px, and of no others
HEADER = 36
SEPARATOR = " · "
TEXT_COLOURS = {"light": "#1C2430", "dark": "#E8ECF2", None: "#1C2430"}


def text_on(colour: str) -> str:
    """Return the text colour that reads on `colour` (contrast at least 4.5 : 1 for every group)."""
    light, dark = (contrast(colour, text) for text in (LIGHT_TEXT, DARK_TEXT))
    return LIGHT_TEXT if light > dark else DARK_TEXT


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def people_table(
    rows: Sequence[Mapping[str, Any]], *, today: date, timezone: str, key: str, on_select: Callable[[str], None]
) -> None:
    """Show people, a row each: once for wide screens and once for phones; the style sheet shows the one that fits.

    After a click on a cell or on a column's head `on_select` is called with the key of the table that has the selection.
    """
    cells = pl.DataFrame([_person_cells(row, today, timezone) for row in rows], schema=PERSON_CELLS, orient="row")
    with st.container(key="people-wide"):
        _people(cells, WIDE_COLUMNS, WIDE_ROW, f"{key}-wide", on_select)
    with st.container(key="people-narrow"):
        _people(_narrow(cells), NARROW_COLUMNS, NARROW_ROW, f"{key}-narrow", on_select)


def _people(
    cells: pl.DataFrame, columns: Mapping[str, Any], row_height: int, key: str, on_select: Callable[[str], None] | None
) -> None:
    frame = cells.to_pandas()
    choosing: Any = "ignore" if on_select is None else lambda: on_select(key)
    st.dataframe(
        frame.style.map(_group_style, subset=["rfm"]) if "rfm" in cells.columns else frame,
        key=key,
        hide_index=True,
        row_height=row_height,
        height=HEADER + row_height * max(1, cells.height) + 2,
        column_config={name: columns[name] for name in cells.columns},
        on_select=choosing,
        selection_mode=["single-cell", "single-column"],
        placeholder="",
    )


PERSON_CELLS: Mapping[str, Any] = {
    "customer": pl.String(),
    "net": pl.String(),
    "last_order": pl.String(),
    "rfm": pl.String(),
    "orders": pl.Int64(),
    "average": pl.String(),
    "country": pl.String(),
    "tags": pl.List(pl.String()),
}
_column = st.column_config
NET_HELP = "What was paid less what was refunded. May be negative."
WIDE_COLUMNS: Mapping[str, Any] = {
    "customer": _column.TextColumn("Customer", width=330),
    "net": _column.TextColumn("Net", width=105, alignment="right", help=NET_HELP),
    "last_order": _column.TextColumn("Last order", width=180),
    "rfm": _column.TextColumn("RFM group", width=120),
    "orders": _column.NumberColumn("Orders", width=60, format="%,d", help="Orders that count; cancelled ones do not."),
    "average": _column.TextColumn("Average", width=100, alignment="right", help="Net divided by orders, rounded."),
    "country": _column.TextColumn("Country", width=62),
    "tags": _column.ListColumn("Tags", width=110),
}
NARROW_COLUMNS: Mapping[str, Any] = {
    "customer": _column.TextColumn("Customer", width=146),
    "net": _column.TextColumn("Net", width=106, alignment="right", help=NET_HELP),
    "last_order": _column.TextColumn("Last order", width=96),
}


def _narrow(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a phone."""
    return cells.select(
        pl.col("customer").str.replace(SEPARATOR, "\n", literal=True),
        "net",
        pl.col("last_order").str.split(SEPARATOR).list.first(),
    )


def _group_style(group: Any) -> str:
    colour = GROUP_COLOURS.get(str(group))
    return f"background-color: {colour}; color: {text_on(colour)}" if colour else ""


def _person_cells(row: Mapping[str, Any], today: date, timezone: str) -> dict[str, Any]:
    name = formats.name_of(row) + (" (deleted)" if row["deleted_at"] else "")
    email = formats.one_line(row["email"])
    last = row["last_order_at"]
    ago = formats.days_ago(last, today, timezone)
    return {
        "customer": name if email in ("", name) else f"{name}{SEPARATOR}{email}",
        "net": formats.money(row["net"], row["currency"]),
        "last_order": ago if last is None else f"{ago}{SEPARATOR}{formats.day(last, timezone)}",
        "rfm": row["rfm_group"] or "",
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


def people_sample(rows: Sequence[Mapping[str, Any]], *, today: date, timezone: str) -> None:
    """Show a few people of a rule, without choosing any."""
    cells = pl.DataFrame([_person_cells(row, today, timezone) for row in rows], schema=PERSON_CELLS, orient="row")
    with st.container(key="sample-wide"):
        _people(cells.drop("tags"), WIDE_COLUMNS, WIDE_ROW, "sample-wide-table", None)
    with st.container(key="sample-narrow"):
        _people(_narrow(cells), NARROW_COLUMNS, NARROW_ROW, "sample-narrow-table", None)


def group_bars(groups: Mapping[str, Count]) -> None:
    """Show the share of people in each RFM group as bars from zero, labelled directly, in the order of the groups."""
    data = pl.DataFrame(
        {
            "group": list(groups),
            "people": [count.people for count in groups.values()],
            "label": [f"{count.people:,}" for count in groups.values()],
            "net": [formats.totals(count.net) for count in groups.values()],
        }
    )
    base = alt.Chart(data).encode(
        y=alt.Y("group:N", sort=list(RFM_GROUPS), title=None, axis=alt.Axis(labelLimit=160, ticks=False, domain=False)),
        x=alt.X("people:Q", title=None, axis=None),
        tooltip=[
            alt.Tooltip("group", title="RFM group"),
            alt.Tooltip("label", title="People"),
            alt.Tooltip("net", title="Net"),
        ],
    )
    colours = alt.Scale(domain=list(GROUP_COLOURS), range=list(GROUP_COLOURS.values()))
    bars = base.mark_bar(cornerRadiusEnd=4).encode(color=alt.Color("group:N", scale=colours, legend=None))
    # Streamlit's chart theme colours axes and titles, but leaves the marks of text black, on a dark page too.
    labels = base.mark_text(align="left", dx=6, color=TEXT_COLOURS[st.context.theme.type]).encode(text="label:N")
    st.altair_chart((bars + labels).properties(height=26 * len(groups) + 10))


def net_metric(label: str, net: Mapping[str, Decimal], *, help_text: str = NET_HELP) -> None:
    """Show a net: the main currency large, what came in others below it. They are never added up."""
    main, *others = [formats.money(value, currency) for currency, value in net.items()] or ["0"]
    more = f"and {' and '.join(others)}" if others else None
    st.metric(label, main, delta=more, delta_color="off", delta_arrow="off", help=help_text)
