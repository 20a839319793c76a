"""What stands around every page: the shop, its health, and what to show before there is anything to show."""

from collections.abc import Iterator
from typing import Any

import streamlit as st

from app_streamlit import machinery, reads
from app_streamlit.components import formats, links
from app_streamlit.components.boundary import screen
from regulars.directory.layout import Manifest
from regulars.models import SyncProgress

SYNCING_SECONDS, QUIET_SECONDS = 2.0, 20.0
STALE_SECONDS = 3_600
DEMO = "regulars demo"

# Static, no data: numbers of one width in tables and figures, and less room around pages on a phone.
STYLE = """
<style>
.stMetric, .stDataFrame, .stText {font-variant-numeric: tabular-nums;}
.stText {font-family: inherit;}
.stMainBlockContainer {padding: 2.5rem 2rem 3rem;}
[data-testid="stMetricValue"] > div {white-space: normal; overflow-wrap: break-word;}
.st-key-people-wide [data-testid="stElementToolbar"], .st-key-people-narrow [data-testid="stElementToolbar"],
.st-key-sample-wide [data-testid="stElementToolbar"], .st-key-sample-narrow [data-testid="stElementToolbar"] {
  display: none;
}
.st-key-people-narrow, .st-key-sample-narrow {display: none;}
/* Streamlit's own muted text and the words on its full buttons have too little contrast. */
[data-testid="stCaptionContainer"] {color: light-dark(#5B6675, #9AA6B5); opacity: 1;}
[data-testid="stBaseButton-primary"]:not(:disabled) p {color: light-dark(#FFFFFF, #11151C);}
[data-testid="stMultiSelectTagsContainer"] [data-tag], [data-testid="stMultiSelectTagsContainer"] [data-tag] * {
  color: light-dark(#FFFFFF, #11151C);
}
/* The room of what is still on its way: nothing jumps when it comes. */
.st-key-chart-net, .st-key-chart-people {min-height: 262px;}
.st-key-chart-groups {min-height: 312px;}
.st-key-answers [data-testid="stGridCell"] {min-height: 104px;}
@media (max-width: 767px) {
  [data-testid="stMetricValue"] {font-size: 18px;}
  .stMainBlockContainer {padding: 3.5rem 1rem 3rem;}
  .st-key-people-wide, .st-key-sample-wide {display: none;}
  .st-key-people-narrow, .st-key-sample-narrow {display: flex;}
}
</style>
"""
# By the browser, in place of the address that was opened: Back then leads to where somebody came from, and not to an
# address that leads on again.
TO_THE_PROFILE = """<script>location.replace(new URL("customer" + location.search, location.href));</script>"""


def style() -> None:
    """Add the few rules that theme files cannot express."""
    st.html(STYLE)
    # Dialogs and popovers hang below the body, which does not know the theme.
    st.html(f"<style>body {{color-scheme: {st.context.theme.type or 'light'};}}</style>")


def choose_shop(shops: list[str], pages: dict[str, Any]) -> str:
    """Return the shop to show: the address's, else the one chosen in the sidebar, else the first."""
    asked = links.asked("shop")
    if asked in shops:
        st.session_state["shop_chosen"] = asked
    elif st.session_state.get("shop_chosen") not in shops:
        st.session_state["shop_chosen"] = shops[0]
    shop: str = st.session_state["shop_chosen"]
    if len(shops) > 1:
        shop = st.sidebar.selectbox(
            "Shop", shops, key="shop_chosen", format_func=reads.shop_title, on_change=_shop_chosen
        )
    else:
        st.sidebar.caption(formats.plain(reads.shop_title(shop)))
    links.register(pages, shop, several=len(shops) > 1)
    return shop


def _shop_chosen() -> None:
    """Bring the address along; what else stood in it was about the other shop."""
    st.query_params.from_dict({"shop": st.session_state["shop_chosen"]})


def leads_to_person(page: Any) -> bool:
    """Lead to the profile that an address names, whichever page it was put on; return whether it names one."""
    if page.url_path == "customer" or not links.asked("customer"):
        return False
    st.html(TO_THE_PROFILE, unsafe_allow_javascript=True)
    return True


def head(title: str, sentence: str) -> None:
    """Write a page's title and the one sentence on what it is."""
    st.title(title, anchor=False)
    st.caption(sentence)


def health_line(shop: str) -> None:
    """Show how fresh the shop's data are, and follow a running sync by itself."""
    pace = SYNCING_SECONDS if reads.health(shop).syncing else QUIET_SECONDS
    st.fragment(screen(lambda: _health(shop)), run_every=pace)()


def waiting(shop: str) -> None:
    """Show the first sync's progress and switch to the data by itself once they are published."""
    head("Almost there", f"{formats.plain(shop)}: nothing is published yet.")
    st.fragment(screen(lambda: _first_sync(shop)), run_every=SYNCING_SECONDS)()


def no_shop() -> None:
    """Say what to do where no shop is configured."""
    head("Welcome to Regulars", "No shop is connected yet.")
    with st.container(border=True):
        st.markdown(
            f"**To look around**, run `{DEMO}`: it starts a demo shop and shows its customers here.\n\n"
            "**To connect your shop**, set `WOOCOMMERCE_URL`, `WOOCOMMERCE_CONSUMER_KEY` and "
            "`WOOCOMMERCE_CONSUMER_SECRET` in `.env` and run `regulars up`. The README's chapter “Connect your shop” "
            "tells where WooCommerce makes the key."
        )


def _health(shop: str) -> None:
    health = reads.health(shop)
    about = health.manifest
    if about is None:
        return
    seen = st.session_state.setdefault("_version", about.version)
    if seen != about.version:
        st.session_state["_version"] = about.version
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="health"):
        _freshness(health)
        st.caption(" · ".join(_holdings(about)), width="content")
    if health.syncing and health.progress is not None:
        progress_bar(health.progress)


def _holdings(about: Manifest) -> Iterator[str]:
    """Yield what the copy holds, and how many records of it differ from the shop where that was ever compared."""
    yield formats.plain(about.shop_name)
    people = formats.people(max(0, about.rows.get("customers", 0) - machinery.hidden_people(about.shop)))
    # Lists hold everybody whatever the day that figures are asked for.
    yield people if about.live else f"{people} known today"
    orders = about.rows.get("orders")
    yield f"{formats.number(orders)} {'order' if orders == 1 else 'orders'}"
    differ = machinery.differing_now(about.shop)
    if differ is not None:
        yield f"{formats.number(differ)} {'record differs' if differ == 1 else 'records differ'} from the shop"


def _freshness(health: reads.Health) -> None:
    about, ago = health.manifest, health.synced_ago or 0
    if health.failed is not None:
        st.badge(
            "The last sync failed",
            icon=":material/error:",
            color="red",
            help=formats.sentence(health.failed.message, 1000),
        )
        return
    if about is not None and not about.live:
        when = formats.day(about.as_of, about.timezone)
        st.badge(f"As of {when}", icon=":material/history:", color="blue", help="Figures up to the start of this day.")
        return
    synced = f"Synced {formats.seconds_ago(ago)}"
    if health.syncing:
        st.badge("Syncing", icon=":material/sync:", color="blue", help=synced)
    elif ago > STALE_SECONDS:
        st.badge(synced, icon=":material/schedule:", color="orange", help="More than an hour behind the shop.")
    else:
        st.badge(synced, icon=":material/check_circle:", color="green", help="Start of the last pull from the shop.")


def _first_sync(shop: str) -> None:
    health = reads.health(shop)
    if health.manifest is not None:
        st.rerun(scope="app")
    progress = health.progress
    if progress is None:
        st.info(
            "The first sync has not started. `regulars up` starts it and keeps it going; "
            f"`{DEMO}` shows a demo shop. This page fills by itself."
        )
    elif progress.state == "failed":
        st.error(f"The first sync failed: {formats.sentence(progress.message, 600)}")
        st.caption("Once that is put right, `regulars sync` tries again, and continues where it stopped.")
    elif health.syncing:
        progress_bar(progress)
        st.caption("Customers and orders are copied from the shop. This page fills by itself when they are all there.")
    else:
        st.warning("The first sync stopped without a word. `regulars sync` continues where it stopped.")


def progress_bar(progress: SyncProgress) -> None:
    """Show how far a sync is."""
    stage = formats.plain(progress.stage)
    if progress.total:
        done = f"{formats.number(progress.done)} of {formats.number(progress.total)}{_pace(progress)}"
        st.progress(min(1.0, progress.done / progress.total), text=f"Syncing {stage}: {done}")
    else:
        done = f"{formats.number(progress.done)}{_pace(progress)}"
        st.progress(0.0, text=f"Syncing {stage}: {done}" if progress.done else f"Syncing: {stage}")


def _pace(progress: SyncProgress) -> str:
    """Return how fast a stage goes and how long it will take, as far as that is known."""
    told = ""
    if progress.per_minute is not None:
        told += f" · {formats.number(round(progress.per_minute))} a minute"
    if progress.seconds_left is not None:
        told += f" · {formats.seconds_left(progress.seconds_left)}"
    return told
