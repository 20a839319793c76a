"""What the app knows of the machinery behind the figures: versions, syncs, deliveries, checks, stores, Dagster.

Cheap on purpose: what is published is read from its manifest, not by opening everybody's data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import streamlit as st

from app_streamlit import reads
from regulars.dagster import Dagster, outcome
from regulars.directory.layout import Manifest, current_manifest
from regulars.drift import differing
from regulars.errors import InboxError, RecordsError, RegularsError
from regulars.models import ChangeRow, CheckResult, SyncProgress, SyncRun, WebhookState
from regulars.progress import read_progress

SYNCS_READ = 500
DEAD_LETTERS_SHOWN = 100
SIZE_SECONDS = 300


@dataclass(frozen=True)
class ShopState:
    """How one shop's copy stands. None: not known, since a store is away; `problems` are the sentences that say so.

    `last` is the last sync that ended, `compared` the last one that compared the copy with the shop (None: none did);
    `webhooks` are as they were last seen (empty: nobody looked). `waiting` counts change rows that no published version
    holds, `oldest` is when the first of them arrived (UTC); `dead` counts deliveries that could not be understood.
    """

    shop: str
    manifest: Manifest | None
    last: SyncRun | None = None
    compared: SyncRun | None = None
    webhooks: Sequence[WebhookState] | None = None
    checks: Sequence[CheckResult] | None = None
    waiting: int | None = None
    oldest: datetime | None = None
    dead: int | None = None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Followed:
    """A sync that was started here: where it stands, and how it ended once it has (`ended`, or `failure`)."""

    progress: SyncProgress | None = None
    done: bool = False
    ended: SyncRun | None = None
    failure: str = ""


def manifest(shop: str) -> Manifest | None:
    """Return what the published version of a shop is, None where there is none. Raises NewerSchema, DataFolderError."""
    return current_manifest(reads.paths().published(shop))


def state(shop: str) -> ShopState:
    """Return how a shop's copy stands, with whatever of it can be read now."""
    about = manifest(shop)
    found, problems = ShopState(shop, about), []
    try:
        records = reads.records()
        found = replace(
            found,
            last=next(iter(records.syncs(shop, 1)), None),
            compared=records.last_compared(shop),
            webhooks=records.webhooks(shop),
            checks=records.checks(shop),
        )
    except RecordsError as error:
        problems.append(error.message)
    after, waiting, oldest, dead = about.change_seq if about else 0, None, None, None
    try:
        inbox = reads.inbox()
        waiting, dead = inbox.waiting(shop, after), inbox.dead_letter_count(shop)
        first = inbox.pending(shop, after, 1) if waiting else []
        oldest = first[0].received_at if first else None
    except InboxError as error:
        problems.append(error.message)
    return replace(found, waiting=waiting, oldest=oldest, dead=dead, problems=tuple(problems))


def syncs(shop: str) -> list[SyncRun]:
    """Return the shop's syncs, the last to end first. Raises RecordsUnavailable."""
    return reads.records().syncs(shop, SYNCS_READ)


def checks(shop: str) -> list[CheckResult]:
    """Return the last result of every check. Raises RecordsUnavailable."""
    return reads.records().checks(shop)


def webhooks(shop: str) -> list[WebhookState]:
    """Return the shop's webhooks as they were last seen, by topic. Raises RecordsUnavailable."""
    return reads.records().webhooks(shop)


def differing_now(shop: str) -> int | None:
    """Return how many records differ from the shop since the last comparison; None where that is not known now."""
    try:
        run = reads.records().last_compared(shop)
    except RecordsError:
        return None
    return None if run is None or run.drift is None else differing(run.drift)[1]


def hidden_people(shop: str) -> int:
    """Return how many people of the shop were deleted here; 0 where that is not known now."""
    try:
        return len(reads.records().hidden(shop))
    except RecordsError:
        return 0


def dead_letters(shop: str) -> list[ChangeRow]:
    """Return the latest deliveries that could not be understood, newest first. Raises InboxUnavailable."""
    return reads.inbox().dead_letters(shop, DEAD_LETTERS_SHOWN)


def store_problem() -> str:
    """Return why the store of records cannot be used now, empty where it can."""
    try:
        reads.records().change_token()
    except RegularsError as error:
        return error.message
    return ""


def on_mongodb() -> bool:
    """Return whether records and change rows are on a MongoDB server rather than in files."""
    return reads.settings().mongodb_uri is not None


def folder_size() -> int:
    """Return the size of the data folder in bytes, as of the last minutes."""
    return _folder_size(str(reads.paths().root.absolute()))


@st.cache_data(show_spinner=False, ttl=SIZE_SECONDS, max_entries=4)
def _folder_size(root: str) -> int:
    size = 0
    for entry in Path(root).rglob("*"):
        try:
            size += entry.lstat().st_size if entry.is_file() else 0
        except OSError:  # runs come and go while we look
            continue
    return size


def dagster() -> Dagster:
    """Return the way to Dagster's web server."""
    return Dagster(reads.settings())


def follow(shop: str, run_id: str) -> Followed:
    """Return where a sync that was started here stands. Raises DagsterUnavailable where nobody can tell."""
    progress = read_progress(reads.paths().progress(shop))
    mine = progress if progress is not None and progress.run_id == run_id else None
    if mine is not None and mine.state == "failed":
        return Followed(done=True, failure=mine.message)
    if mine is not None and mine.state == "done":
        return Followed(done=True, ended=_told(shop, run_id))
    run = dagster().run(run_id)
    if not run.ended:
        return Followed(progress=mine)
    try:
        return Followed(done=True, ended=outcome(run, shop, records=reads.records(), paths=reads.paths()))
    except RegularsError as error:
        return Followed(done=True, failure=error.message)


def _told(shop: str, run_id: str) -> SyncRun | None:
    return next((run for run in reads.records().syncs(shop) if run.run_id == run_id), None)
