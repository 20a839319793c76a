"""The first page: how the shop's customers stood in a period, against the one before, and where each RFM group is."""

from datetime import date

import streamlit as st

from app_streamlit import charts, figures, reads, reads_figures
from app_streamlit.components import formats, links
from app_streamlit.components.boundary import screen
from app_streamlit.components.choices import choose, choose_from_list
from app_streamlit.components.comparing import Change, change, change_of_rate, compared
from app_streamlit.components.frame import head
from app_streamlit.components.groups import group_cards
from transforms.overview import Overview
from transforms.rfm import RFM_GROUPS

PERIODS = {"30": "30 days", "90": "90 days", "365": "12 months", "all": "All time"}
EVER = "all"
HELP = {
    "People": "Everybody known by the end of the period: accounts, and guests who ordered.",
    "Active": "People with an order in the period that counts; cancelled and failed ones do not.",
    "New": "Active people whose first order ever lies in the period. Example: ordered on Monday for the first time.",
    "Returning": "Active people who had ordered before the period began.",
    "Net": "Orders of these days less the refunds paid in these days, whenever their orders were made. May be negative.",
    "Average order": "Net divided by the orders of the period, rounded.",
    "Repeat rate": (
        "The share of active people who had ordered before, or ordered twice or more in the period. Example: 3 of 10 "
        "active people came back, so it is 30 %."
    ),
}


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    head("Overview", "How this shop's customers stand, for a period and against the one before.")
    buyers = reads_figures.buyers(shop)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        period = choose("period", PERIODS, label="Period", help_text="Whole days of the shop, up to and with today.")
        currency = next(iter(buyers), "")
        if len(buyers) > 1:
            currency = choose_from_list(
                "currency",
                list(buyers),
                label="Currency",
                format_func=formats.plain,
                help_text="Money is summed a currency each, never added up; people are counted over all currencies.",
            )
    with st.skeleton(height=420):
        told = reads_figures.overview(shop, None if period == EVER else int(period), currency or None)
    _when(told, period, live=reads.manifest(shop).live)
    _figures(told, period)
    if not buyers:
        st.info("Nobody has an order that counts yet, so there are no sums and no RFM groups.")
        return
    st.header("How much came in?", anchor=False)
    with st.container(key="chart-net"):
        charts.net_over_time(told)
    st.header("Are they new, or do they come back?", anchor=False)
    with st.container(key="chart-people"):
        charts.new_and_returning(told)
    _groups(shop)


def _when(told: Overview, period: str, *, live: bool) -> None:
    first, last = day_words(told.first_day), day_words(told.last_day)
    against = "" if told.before is None else f" Changes are against the {PERIODS[period]} before."
    of_the_day = "" if live else " People are those known by then; lists hold everybody known today."
    st.caption(f"{first} to {last}.{against}{of_the_day}")


def _figures(told: Overview, period: str) -> None:
    now, before = told.now, told.before
    ever = period == EVER

    def against(name: str) -> Change | None:
        return None if before is None else change(getattr(now, name), getattr(before, name))

    counts = {
        "People": (now.people, against("people")),
        "Active": (now.active, against("active")),
        # Over all time everybody was new once: the two would only repeat the active.
        "New": (None if ever else now.new, against("new")),
        "Returning": (None if ever else now.returning, against("returning")),
    }
    rate = formats.ABSENT if now.repeat_rate is None else formats.share(now.repeat_rate)
    with (
        st.container(key="answers"),
        st.grid(4, min_column_width=150, border=True, gap="small") as grid,
    ):
        for label, (count, changed) in counts.items():
            with grid.cell():
                compared(label, formats.number(count), changed, help_text=HELP[label])
                _opener(label, count, period)
        compared("Net", formats.money(now.net, told.currency), against("net"), help_text=HELP["Net"])
        average = formats.money(now.average_order, told.currency, rounded=True)
        compared("Average order", average, against("average_order"), help_text=HELP["Average order"])
        of_rate = None if before is None else change_of_rate(now.repeat_rate, before.repeat_rate)
        compared("Repeat rate", rate, of_rate, help_text=HELP["Repeat rate"])
        compared(
            "Orders", formats.number(now.orders), against("orders"), help_text="Orders that count, in this currency."
        )


def _opener(label: str, count: int | None, period: str) -> None:
    """Show the way to the people behind a figure."""
    if not count:
        return
    word = "everybody" if label == "People" else f"{label.lower()} people"
    if st.button(f"Show {word}", key=f"open-{label}", type="tertiary"):
        rule = rule_of(label, period)
        links.go("customers", {"rule": rule} if rule else {})


def rule_of(label: str, period: str) -> str:
    """Return the rule that describes the people behind a figure; empty for everybody.

    >>> rule_of("New", "30"), rule_of("Active", "all"), rule_of("People", "90")
    ('first_order within 30 days', 'orders_count >= 1', '')
    """
    if label == "People":
        return ""
    if period == EVER:
        return "orders_count >= 1"
    within = f"within {period} days"
    return {
        "Active": f"last_order {within}",
        "New": f"first_order {within}",
        "Returning": f"last_order {within} and first_order older than {period} days",
    }[label]


def _groups(shop: str) -> None:
    groups = reads_figures.rfm_counts(shop)
    st.header("Who are they?", anchor=False)
    st.caption("All people with an order that counts, by RFM group: how recently, how often and how much they bought.")
    with st.container(key="chart-groups"):
        figures.group_bars({group: groups[group] for group in RFM_GROUPS if group in groups})
    group_cards(groups)


def day_words(day: date) -> str:
    """Return a day as people write it.

    >>> day_words(date(2026, 3, 9))
    '9 Mar 2026'
    """
    return f"{day.day} {day:%b %Y}"
