"""How our webhooks in a shop stand: whether changes arrive at once, and what to do where they do not."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from app_streamlit import machinery
from app_streamlit.components import formats
from app_streamlit.components.commands import command
from app_streamlit.components.tables import text_column, text_table
from regulars.models import WebhookState, WebhookStatus

WEBHOOKS_HELP = (
    "By webhooks the shop tells of each change at once. It switches one off for good after its deliveries failed "
    "seven times in a row. Without them changes come with the next pull."
)
STATES: Mapping[WebhookStatus, str] = {
    "active": "on",
    "paused": "paused in the shop",
    "disabled": "switched off by the shop",
    "absent": "missing in the shop",
}


def webhooks_metric(states: Sequence[WebhookState] | None) -> None:
    """Show how many of a shop's webhooks are on."""
    value, delta, colour = _told(states)
    st.metric("Webhooks", value, delta, delta_color=colour, delta_arrow="off", help=WEBHOOKS_HELP)  # type: ignore[arg-type]  # one of its words


def _told(states: Sequence[WebhookState] | None) -> tuple[str, str | None, str]:
    if states is None:
        return formats.ABSENT, None, "gray"
    if not states:
        return formats.ABSENT, "not looked at yet", "gray"
    if not_installed(states):
        return formats.ABSENT, "none installed", "gray"
    off = sum(state.status != "active" for state in states)
    told = f"{len(states) - off} of {len(states)} on"
    return told, "changes are lost" if off else "changes come at once", "red" if off else "gray"


def not_installed(states: Sequence[WebhookState]) -> bool:
    """Return whether the shop has none of our webhooks, so that nothing broke: nobody ever made them."""
    return bool(states) and all(state.status == "absent" for state in states)


def off(states: Sequence[WebhookState] | None) -> list[WebhookState]:
    """Return the webhooks that should be on and are not."""
    if not states or not_installed(states):
        return []
    return [state for state in states if state.status != "active"]


def webhooks_notice(shop: str, states: Sequence[WebhookState] | None) -> None:
    """Say what it means that webhooks are off, and what puts it right; nothing where all is well."""
    if states and not_installed(states):
        st.info(
            "The shop has no webhooks of ours, so changes come with the next pull. "
            f"{command('webhooks install', shop)} makes them, and changes come at once."
        )
    elif broken := off(states):
        told = ", ".join(f"**{formats.plain(state.topic)}** is {STATES[state.status]}" for state in broken)
        st.error(
            f"{told}. Such changes no longer arrive at once, and those that happened meanwhile were never sent: the next "
            f"comparison finds them. {command('webhooks repair', shop)} puts the webhooks right."
        )


def webhooks(shop: str) -> None:
    """Show each webhook of the shop as it was last seen; nothing where nobody looked yet."""
    states = machinery.webhooks(shop)
    if not states:
        return
    st.header("Do changes arrive at once?", anchor=False)
    about = machinery.manifest(shop)
    seen = max(state.checked_at for state in states)
    st.caption(f"Our webhooks in the shop, as they were {_when(seen, about.timezone if about else 'UTC')}.")
    rows: list[dict[str, object]] = [
        {"topic": formats.one_line(state.topic), "state": STATES[state.status], "id": str(state.webhook_id or "")}
        for state in states
    ]
    columns = {
        "topic": text_column("Topic", width=180),
        "state": text_column("State", width=220),
        "id": text_column("Id in the shop", width=120),
    }
    text_table(rows, columns, f"webhooks-{shop}")


def _when(seen: datetime, zone: str) -> str:
    return f"on {formats.minute(seen, zone)}"
