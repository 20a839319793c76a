"""The number that proves a copy: how many records differ from the shop, when that was found out, and in what way."""

from datetime import datetime

import streamlit as st

from app_streamlit.components import formats
from regulars.drift import OBJECTS, WAYS, differing
from regulars.models import Drift, SyncRun

DIFFER_HELP = (
    "Orders, customers, refunds and products that are not as the shop has them, as the last comparison left them. A "
    "comparison reads the key figures of every record, mends what differs and counts again. It runs each night."
)


def differing_metric(run: SyncRun | None, now: datetime) -> None:
    """Show how many records differ from the shop; `run` is the last sync that compared."""
    label = "Differ from the shop"
    if run is None or run.drift is None:
        st.metric(label, formats.ABSENT, "never compared", delta_color="gray", delta_arrow="off", help=DIFFER_HELP)
        return
    _, after = differing(run.drift)
    ago = formats.seconds_ago((now - run.finished_at).total_seconds())
    st.metric(
        label,
        records_words(after),
        f"compared {ago}",
        delta_color="red" if after else "gray",
        delta_arrow="off",
        help=DIFFER_HELP,
    )


def proof(shop: str, run: SyncRun | None, zone: str) -> None:
    """Say what the last comparison found, and show it by kind where anything differed."""
    if run is None or run.drift is None:
        st.caption("Nobody has compared this copy with the shop yet. “Compare now” does; it also runs each night.")
        return
    _, after = differing(run.drift)
    when = formats.minute(run.finished_at, zone)
    sentence = f"{found_words(run.drift)} Compared {when}, in {formats.number(max(1, round(run.seconds)))} s."
    if after:
        st.warning(sentence)
    else:
        st.markdown(sentence)
    if run.message:
        st.caption(formats.sentence(run.message, 1000))
    elif after:
        st.caption("The shop could not show these records when they were asked for again. The next comparison tries.")
    if run.drift:
        with st.expander("What differed", expanded=bool(after), key=f"drift-{shop}"):
            # A table of the page itself: its words wrap on a phone, where a grid would hide the numbers.
            st.table(by_kind(run.drift), border="horizontal", hide_index=True, alt="What differed, by kind")


def by_kind(drift: tuple[Drift, ...]) -> dict[str, list[str]]:
    """Return the columns of the table of what differed; all of its words are ours."""
    return {
        "Records": [OBJECTS[each.object] for each in drift],
        "How they differed": [WAYS[each.kind] for each in drift],
        "Before": [formats.number(each.before) for each in drift],
        "After": [formats.number(each.after) for each in drift],
    }


def found_words(drift: tuple[Drift, ...]) -> str:
    """Return what a comparison found, in a sentence or two of Markdown.

    >>> found_words(())
    '**0 records differ from the shop.**'
    >>> found_words((Drift(object="order", kind="total", before=37, after=0),))
    '**0 records differ from the shop.** 37 differed, all were mended.'
    >>> found_words((Drift(object="order", kind="total", before=3, after=1),))
    '**1 record still differs from the shop.** 3 differed, the others were mended.'
    """
    before, after = differing(drift)
    if after:
        verb = "still differs" if after == 1 else "still differ"
        rest = f" {formats.number(before)} differed, the others were mended." if before > after else ""
        return f"**{records_words(after)} {verb} from the shop.**{rest}"
    mended = f" {formats.number(before)} differed, all were mended." if before else ""
    return f"**0 records differ from the shop.**{mended}"


def change_words(drift: tuple[Drift, ...] | None) -> str:
    """Return what a sync found in the least room: empty where it compared nothing.

    >>> change_words(None), change_words(()), change_words((Drift(object="order", kind="total", before=37, after=0),))
    ('', '0', '37 → 0')
    """
    if drift is None:
        return ""
    before, after = differing(drift)
    return f"{formats.number(before)} → {formats.number(after)}" if before or after else "0"


def records_words(count: int) -> str:
    """Return a count of records with its word."""
    return "1 record" if count == 1 else f"{formats.number(count)} records"
