"""Tables of the health page: the last syncs, the checks, and the deliveries that could not be understood."""

from collections.abc import Sequence

import streamlit as st

from app_streamlit import machinery
from app_streamlit.components import formats
from app_streamlit.components.commands import command
from app_streamlit.components.proof import change_words
from app_streamlit.components.syncing import KINDS
from app_streamlit.components.tables import number_column, text_column, text_table
from regulars.models import CheckResult, SyncRun

RUNS_SHOWN = 50


def syncs(shop: str) -> None:
    """Show how the shop's last syncs ended."""
    st.header("How did the last syncs go?", anchor=False)
    runs = machinery.syncs(shop)
    if not runs:
        st.info("No sync has ended yet. The first one is started by `regulars up`, or by Sync now.")
        return
    failed = sum(run.status == "failure" for run in runs)
    since = formats.minute(runs[-1].finished_at, _zone(shop))
    counted = f"{formats.number(len(runs))} {'sync' if len(runs) == 1 else 'syncs'} since {since}"
    st.caption(f"{counted}, {'none failed' if not failed else f'{formats.number(failed)} failed'}.")
    rows = [_sync_row(run, _zone(shop)) for run in runs[:RUNS_SHOWN]]
    columns = {
        "when": text_column("Ended", width=150),
        "outcome": text_column("Outcome", width=90),
        "kind": text_column(
            "Read", width=110, help="What changed, everything, deliveries alone, or all of it compared."
        ),
        "drift": text_column("Differed", width=90, help="Records that differed before they were mended, and after it."),
        "customers": number_column("Customers", width=85, format="%,d"),
        "orders": number_column("Orders", width=75, format="%,d"),
        "seconds": number_column("Seconds", width=75, format="%,.1f"),
        "message": text_column("What it said", width=380),
    }
    text_table(rows, columns, "syncs")


def _sync_row(run: SyncRun, zone: str) -> dict[str, object]:
    return {
        "when": formats.minute(run.finished_at, zone),
        "outcome": "done" if run.status == "success" else "failed",
        "kind": KINDS[run.kind],
        "drift": change_words(run.drift),
        "customers": run.customers,
        "orders": run.orders,
        "seconds": run.seconds,
        "message": formats.one_line(run.message, 600),
    }


def checks(shop: str) -> None:
    """Show what the checks of the shop's data found: counts, and ids where a check names some."""
    st.header("Are the data sound?", anchor=False)
    found = machinery.checks(shop)
    if not found:
        st.info("No check has run yet. The invariants run before every publish, the suites once a day.")
        return
    for check in found:
        if not check.passed:
            name, suite = formats.plain(check.name), formats.plain(check.suite)
            st.warning(f"**{name}** ({suite}): {formats.plain(check.detail, 600)}")
    for suite in dict.fromkeys(check.suite for check in found):
        _suite(suite, [check for check in found if check.suite == suite], _zone(shop))


def _suite(suite: str, checks: Sequence[CheckResult], zone: str) -> None:
    held, when = sum(check.passed for check in checks), formats.minute(max(check.at for check in checks), zone)
    with st.expander(f"{formats.plain(suite).capitalize()}: {held} of {len(checks)} hold, checked {when}"):
        rows: list[dict[str, object]] = [
            {"holds": "yes" if check.passed else "no", "name": check.name, "detail": check.detail}
            for check in sorted(checks, key=lambda check: (check.passed, check.name))
        ]
        columns = {
            "holds": text_column("Holds", width=60),
            "name": text_column("Check", width=300),
            "detail": text_column("What it found", width=560),
        }
        text_table(rows, columns, f"checks-{suite}")


def dead_letters(shop: str) -> None:
    """Show the deliveries that could not be understood, without their bodies; nothing where there are none."""
    letters = machinery.dead_letters(shop)
    if not letters:
        return
    st.header("What could not be understood?", anchor=False)
    st.caption(
        "The latest dead letters. Their bodies stay in the inbox; nobody sees them here. What they were about, a "
        f"comparison finds. After an update of Regulars {command('replay --dead', shop)} reads them again."
    )
    rows: list[dict[str, object]] = [
        {
            "when": formats.minute(letter.received_at, _zone(shop)),
            "topic": formats.one_line(letter.topic),
            "id": str(letter.resource_id or ""),  # 0 where the body names nothing
            "reason": formats.one_line(letter.reason, 300),
        }
        for letter in letters
    ]
    columns = {
        "when": text_column("Received", width=150),
        "topic": text_column("Topic", width=150),
        "id": text_column("Id", width=90),
        "reason": text_column("Why", width=520),
    }
    text_table(rows, columns, "dead-letters")


def _zone(shop: str) -> str:
    about = machinery.manifest(shop)
    return about.timezone if about else "UTC"
