"""One shop's card on the health page: a verdict, how many records differ from the shop, what waits, and Sync now."""

from datetime import datetime

import streamlit as st

from app_streamlit import machinery, reads
from app_streamlit.components import formats
from app_streamlit.components.frame import STALE_SECONDS
from app_streamlit.components.proof import differing_metric, proof, records_words
from app_streamlit.components.syncing import KINDS, rows_words, sync_buttons
from app_streamlit.components.webhooks import off, webhooks_metric, webhooks_notice
from app_streamlit.machinery import ShopState
from regulars.drift import differing

DEAD_HELP = "Signed deliveries whose body could not be read, kept aside so that nothing is lost. Never shown here."
WAITING_HELP = "Deliveries of the shop that no published version holds yet. A run merges them within seconds."


def shop_card(state: ShopState, now: datetime) -> None:
    """Show how a shop's copy stands at the instant `now`."""
    title = formats.plain(reads.shop_title(state.shop))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(title, anchor=False, width="content")
        _verdict(state, now)
    for problem in dict.fromkeys(state.problems):  # records and deliveries may lie on one server: said once
        st.error(formats.sentence(problem, 1000))
    with st.grid(6, min_column_width=150, gap="small") as grid:
        differing_metric(state.compared, now)
        with grid.cell():
            _last_sync(state, now)
        webhooks_metric(state.webhooks)
        _waiting(state, now)
        st.metric("Dead letters", formats.number(state.dead), help=DEAD_HELP)
        _checks_held(state)
    if state.checks is not None:  # else the records are away, and nothing of this is known
        proof(state.shop, state.compared, state.manifest.timezone if state.manifest else "UTC")
    webhooks_notice(state.shop, state.webhooks)
    sync_buttons(state.shop, title)
    if (about := state.manifest) is not None:
        as_of = formats.minute(about.as_of, about.timezone)
        st.caption(
            f"Version {about.version}, published {formats.minute(about.published_at, about.timezone)}, "
            f"as of {as_of}{' (live)' if about.live else ''}, {formats.plain(about.timezone)} time. "
            f"{formats.people(about.rows.get('customers', 0))}{_hidden(state.shop)}, "
            f"{formats.number(about.rows.get('orders'))} orders."
        )
    else:
        st.caption("Nothing is published yet.")


def _verdict(state: ShopState, now: datetime) -> None:
    """Say in a word how the shop stands; the colour only repeats it."""
    health = reads.health(state.shop, now)
    if health.failed is not None or (state.last is not None and state.last.status == "failure"):
        st.badge("The last sync failed", icon=":material/error:", color="red")
    elif state.checks is not None and not all(check.passed for check in state.checks):
        st.badge("A check does not hold", icon=":material/warning:", color="orange")
    elif left := _left(state):
        st.badge(f"{records_words(left)} differ" + "s" * (left == 1), icon=":material/difference:", color="orange")
    elif off(state.webhooks):
        st.badge("Changes are lost", icon=":material/webhook:", color="red")
    elif state.problems:
        st.badge("Not all is known", icon=":material/help:", color="orange")
    elif health.syncing:
        st.badge("Syncing", icon=":material/sync:", color="blue")
    elif health.synced_ago is None:
        st.badge("Nothing published yet", icon=":material/schedule:", color="orange")
    elif health.synced_ago > STALE_SECONDS and health.manifest is not None and health.manifest.live:
        st.badge("Behind the shop", icon=":material/schedule:", color="orange")
    else:
        st.badge("Well", icon=":material/check_circle:", color="green")


def _hidden(shop: str) -> str:
    """Return how many of the people that a version holds are in no list; empty where all are."""
    hidden = machinery.hidden_people(shop)
    return f" ({formats.number(hidden)} of them deleted here)" if hidden else ""


def _left(state: ShopState) -> int:
    """Return how many records the last comparison left differing."""
    return differing(state.compared.drift)[1] if state.compared and state.compared.drift else 0


def _last_sync(state: ShopState, now: datetime) -> None:
    last = state.last
    help_text = "When the last sync ended, and what it brought. Pulls run every 15 minutes, deliveries at once."
    if last is None:
        st.metric("Last sync", formats.ABSENT, help=help_text)
        return
    ago = formats.seconds_ago((now - last.finished_at).total_seconds())
    if last.status == "failure":
        st.metric("Last sync", ago, "failed", delta_color="red", delta_arrow="off", help=help_text)
        st.caption(formats.sentence(last.message, 600))
        return
    st.metric("Last sync", ago, help=help_text)
    st.caption(f"{KINDS[last.kind]}: {rows_words(last.customers, last.orders)}, {last.seconds:.0f} s")
    if last.message and last.drift is None:  # what a comparison warns of stands under what it found
        st.caption(formats.sentence(last.message, 600))


def _waiting(state: ShopState, now: datetime) -> None:
    oldest = None
    if state.oldest is not None:
        oldest = f"the oldest came {formats.seconds_ago((now - state.oldest).total_seconds())}"
    st.metric(
        "Changes waiting",
        formats.number(state.waiting),
        oldest,
        delta_color="gray",
        delta_arrow="off",
        help=WAITING_HELP,
    )


def _checks_held(state: ShopState) -> None:
    help_text = (
        "Checks of the last run that hold. Those called invariants must hold, or nothing is published; a few orders or "
        "refunds without a date only warn."
    )
    if not state.checks:
        st.metric("Checks", formats.ABSENT, help=help_text)
        return
    held = sum(check.passed for check in state.checks)
    broken = len(state.checks) - held
    st.metric(
        "Checks",
        f"{held} of {len(state.checks)}",
        f"{broken} do not hold" if broken else "all hold",
        delta_color="red" if broken else "gray",
        delta_arrow="off",
        help=help_text,
    )
