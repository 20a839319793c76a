"""Tables and charts, from frames of the directory to what a screen shows."""

from collections.abc import Mapping
from decimal import Decimal

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

NET_HELP = "What was paid less what was refunded. May be negative."
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
