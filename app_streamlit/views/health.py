"""How the copies stand: each shop's last sync, deliveries that wait, checks, stores; and what to do about it."""

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from app_streamlit import machinery, reads
from app_streamlit.components import formats, health_tables, links, webhooks
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import head
from app_streamlit.components.shop_card import shop_card


@screen
def show() -> None:
    """Show the page."""
    head("Health", "How the copy of each shop stands: what differs from the shop, syncs, deliveries, checks, stores.")
    now, shown = datetime.now(UTC), links.shop()
    screen(_half_configured)()
    for shop in sorted(reads.shops(), key=lambda shop: (shop != shown, shop)):
        with st.container(border=True, key=f"shop-card-{shop}"):
            screen(partial(_card, shop, now))()
    for part in (health_tables.syncs, webhooks.webhooks, health_tables.checks, health_tables.dead_letters):
        screen(partial(part, shown))()
    screen(_stores)()
    screen(partial(_dagster, shown))()


def _half_configured() -> None:
    """Name the shops that nothing is copied from until somebody mends their settings; there are no cards of them else."""
    for sentence in reads.settings().broken_shops.values():
        st.warning(f"{formats.sentence(sentence, 600)} Until then nothing comes from it.")


def _card(shop: str, now: datetime) -> None:
    shop_card(machinery.state(shop), now)


def _stores() -> None:
    st.header("Where are things kept?", anchor=False)
    problem = machinery.store_problem()
    where = "MongoDB" if machinery.on_mongodb() else "Files"
    with st.grid(3, min_column_width=150, gap="small"):
        st.metric(
            "Notes, tags, segments",
            where,
            "cannot be reached" if problem else "reachable",
            delta_color="red" if problem else "gray",
            delta_arrow="off",
            help="In files of the data folder, or on the server that MONGODB_URI names.",
        )
        st.metric(
            "Data folder",
            size_words(machinery.folder_size()),
            delta_color="off",
            help="Warehouses, published versions, logs and Dagster's own storage; counted every five minutes.",
        )
        st.metric("Published versions kept", formats.number(reads.settings().published_keep), help="For each shop.")
    if problem:
        st.error(formats.sentence(problem, 1000))


def _dagster(shop: str) -> None:
    st.header("Behind the scenes", anchor=False)
    dagster = machinery.dagster()
    if not dagster.is_up():
        st.warning(
            f"Dagster does not answer at {formats.plain(dagster.url)}: nothing syncs by itself until it does. "
            "`regulars up` starts it; until then `regulars sync` works without it."
        )
        return
    st.caption("Dagster runs the syncs. Its own pages tell engineers more: logs, tables, checks, schedules.")
    last = next(iter(machinery.syncs(shop)), None)
    with st.container(horizontal=True):
        st.link_button("All runs", dagster.runs_url())
        if last is not None:
            st.link_button("The last sync", dagster.run_url(last.run_id))
        st.link_button("The people's table and its checks", dagster.asset_url("marts", "customers"))
        st.link_button("What is published", dagster.asset_url("published", "marts"))


def size_words(size: float) -> str:
    """Return a number of bytes in the unit that reads best.

    >>> size_words(0), size_words(1_340_000), size_words(81_920_000_000)
    ('0 B', '1.3 MB', '82 GB')
    """
    units = iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 1000 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.1f} {unit}" if 0 < size < 10 and unit != "B" else f"{size:.0f} {unit}"
