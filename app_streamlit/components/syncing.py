"""Starting a sync from the app, and following it while it runs; the page can be left meanwhile."""

import streamlit as st

from app_streamlit import actions, machinery, reads
from app_streamlit.components import formats
from app_streamlit.components.boundary import screen
from app_streamlit.components.frame import progress_bar
from app_streamlit.components.proof import found_words
from regulars.errors import DagsterError, RegularsError
from regulars.models import SyncRun

FOLLOW_SECONDS = 2.0
KINDS = {"pull": "What changed", "full": "Everything", "changes": "Deliveries", "reconcile": "Compared"}
EVERYTHING = (
    "Reads every customer, order, refund and product of the shop again, and finds what was deleted there. For a large "
    "shop this takes an hour and thousands of requests. Comparing finds the same with far fewer."
)


def sync_buttons(shop: str, title: str) -> None:
    """Show the buttons that start a sync of `shop`, what the one started here does, and how it ended.

    `title` is what people call the shop, for whoever hears the buttons rather than sees them.
    """
    following = shop in _started()
    st.fragment(screen(lambda: _sync(shop, title)), run_every=FOLLOW_SECONDS if following else None)()


def _sync(shop: str, title: str) -> None:
    # Follow first: a sync that has just ended leaves the buttons free.
    if shop in _started():
        _follow(shop)
    configured = shop in reads.settings().shops
    busy = shop in _started()
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Sync now",
            key=f"sync-{shop}",
            icon=":material/sync:",
            type="primary",
            disabled=busy or not configured,
            help=f"Asks {formats.plain(title)} what changed since the last sync.",
        ):
            _start(shop)
        if st.button(
            "Compare now",
            key=f"compare-{shop}",
            icon=":material/difference:",
            disabled=busy or not configured,
            help="Compares every record with the shop, mends what differs, and says how many did.",
        ):
            _start(shop, reconcile=True)
        with st.popover("Read everything again", key=f"full-{shop}", disabled=busy or not configured):
            st.write(EVERYTHING)
            if st.button("Start", key=f"start-full-{shop}"):
                _start(shop, full=True)
    if not configured:
        st.caption("This shop is not configured any more: what was copied is shown, and stays as it is.")
    if (ended := _ended().get(shop)) is not None:
        kind, sentence = ended
        {"success": st.success, "warning": st.warning, "error": st.error}[kind](sentence)


def _start(shop: str, *, full: bool = False, reconcile: bool = False) -> None:
    _ended().pop(shop, None)
    try:
        _started()[shop] = actions.start_sync(shop, full=full, reconcile=reconcile)
    except DagsterError as error:
        _ended()[shop] = ("error", formats.sentence(error.message, 1000))
    st.rerun(scope="app")  # the page draws this part anew, at the pace of a sync


def _follow(shop: str) -> None:
    run_id = _started()[shop]
    try:
        now = machinery.follow(shop, run_id)
    except RegularsError as error:
        st.warning(f"How the sync stands cannot be told now. {formats.sentence(error.message, 1000)}")
        st.button("Stop watching", key=f"unwatch-{shop}", on_click=_forget, args=(shop,))
        return
    if now.done:
        del _started()[shop]
        _ended()[shop] = ("error", f"The sync failed. {formats.sentence(now.failure, 1000)}")
        if not now.failure:
            warned = now.ended is not None and now.ended.message
            _ended()[shop] = ("warning" if warned else "success", outcome_words(now.ended))
        st.rerun(scope="app")
    if now.progress is None:
        st.progress(0.0, text="Waiting for its turn: Dagster starts a run within about 15 seconds")
    else:
        progress_bar(now.progress)
    st.caption("You can leave this page; the sync goes on.")


def _forget(shop: str) -> None:
    del _started()[shop]


def outcome_words(run: SyncRun | None) -> str:
    """Return how a sync that went well ended, in a sentence or two of Markdown."""
    if run is None:
        return "The sync is done."
    if run.message:
        return formats.sentence(run.message, 1000)
    if run.drift is not None:
        return found_words(run.drift)
    if not run.customers and not run.orders:
        return "Synced: nothing had changed in the shop."
    return f"Synced {rows_words(run.customers, run.orders)} in {formats.number(max(1, round(run.seconds)))} s."


def rows_words(customers: int, orders: int) -> str:
    """Return how many customers and orders came.

    >>> rows_words(0, 0), rows_words(1, 1200)
    ('nothing new', '1 customer and 1,200 orders')
    """
    if not customers and not orders:
        return "nothing new"
    some = f"{formats.number(customers)} {'customer' if customers == 1 else 'customers'}"
    return f"{some} and {formats.number(orders)} {'order' if orders == 1 else 'orders'}"


def _started() -> dict[str, str]:
    """Run ids of the syncs started in this window, by shop."""
    started: dict[str, str] = st.session_state.setdefault("_syncs_started", {})
    return started


def _ended() -> dict[str, tuple[str, str]]:
    """How the last sync started in this window ended, by shop."""
    ended: dict[str, tuple[str, str]] = st.session_state.setdefault("_syncs_ended", {})
    return ended
