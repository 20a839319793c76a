"""What the app reads: settings, published marts, records, progress; beside it `reads_figures` and others like it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from regulars.directory import arrived, open_directory, written
from regulars.directory.layout import Manifest, current_manifest, table_file
from regulars.directory.published import Directory
from regulars.directory.query import Count, PeoplePage, PeopleQuery, Person, Place
from regulars.directory.unmerged import Unmerged
from regulars.directory.unmerged import unmerged as unmerged_of
from regulars.inbox import open_inbox
from regulars.inbox.port import Inbox
from regulars.models import Note, PersonEvent, Segment, SyncProgress
from regulars.paths import DataPaths
from regulars.progress import read_progress
from regulars.records import open_records
from regulars.records.ports import Records
from regulars.settings import Settings, load_settings
from regulars.shop.customers import current_customer
from transforms.rules import STARTING_SEGMENTS, Rule, RuleError

# A running sync reports every page; one that has been silent for so long was killed.
SILENT_SECONDS = 180
# A profile looks through so many of the newest change rows for those about its person.
LOOKED_THROUGH = 1_000


@dataclass(frozen=True)
class Health:
    """How fresh a shop's data are. `manifest` is None before the first publish; ages are in seconds."""

    shop: str
    manifest: Manifest | None
    progress: SyncProgress | None
    synced_ago: float | None
    silent_for: float | None

    @property
    def syncing(self) -> bool:
        """Whether a sync runs now and still reports."""
        running = self.progress is not None and self.progress.state == "running"
        return running and (self.silent_for or 0) < SILENT_SECONDS

    @property
    def failed(self) -> SyncProgress | None:
        """The last sync, when it failed after the last publish."""
        if self.progress is None or self.progress.state != "failed":
            return None
        published = self.manifest is not None and self.manifest.published_at > self.progress.updated_at
        return None if published else self.progress


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """Return the settings, read once per process. Raises SettingsError."""
    return load_settings()


@st.cache_resource(show_spinner=False)
def records() -> Records:
    """Return the store of notes, tags and segments. Raises RecordsUnavailable."""
    return open_records(settings())


@st.cache_resource(show_spinner=False)
def directory(shop: str) -> Directory:
    """Return the people of a shop; its starting segments are there from the first look on."""
    records().ensure_shop(shop, STARTING_SEGMENTS)
    return open_directory(settings(), shop, records())


@st.cache_resource(show_spinner=False)
def inbox() -> Inbox:
    """Return the change rows; each call opens them anew. Raises SettingsError."""
    return open_inbox(settings())


def paths() -> DataPaths:
    """Return where things lie."""
    return DataPaths(settings().data_dir)


def shops() -> list[str]:
    """Return the shops there are: configured ones, and those with published data or a sync under way."""
    found = set(settings().shops)
    for folder, pattern in ((paths().root / "published", "*"), (paths().root / "progress", "*.json")):
        found |= {entry.stem for entry in folder.glob(pattern) if not entry.name.startswith(".")}
    return sorted(found)


def shop_title(shop: str) -> str:
    """Return the shop's own name where it is known."""
    about = current_manifest(paths().published(shop))
    return about.shop_name if about else shop


def health(shop: str, now: datetime | None = None) -> Health:
    """Return how fresh the shop's data are."""
    now = now or datetime.now(UTC)
    progress = read_progress(paths().progress(shop))
    manifest = current_manifest(paths().published(shop))  # a small file: this runs beside every page, all the time
    return Health(
        shop=shop,
        manifest=manifest,
        progress=progress,
        synced_ago=(now - manifest.synced_at).total_seconds() if manifest else None,
        silent_for=(now - progress.updated_at).total_seconds() if progress else None,
    )


def manifest(shop: str) -> Manifest:
    """Return what the published version is. Raises NothingPublished."""
    return directory(shop).manifest()


def today(about: Manifest, now: datetime | None = None) -> date:
    """Return the shop's day that "12 days ago" counts from: today, or the day the data were asked for."""
    instant = (now or datetime.now(UTC)) if about.live else about.as_of
    return instant.astimezone(ZoneInfo(about.timezone)).date()


def people(shop: str, query: PeopleQuery) -> PeoplePage:
    """Return one page of people."""
    return directory(shop).people(query)


def person(shop: str, key: str) -> Person:
    """Return one person. Raises RecordNotFound."""
    return directory(shop).person(key)


def orders_of(shop: str, key: str) -> pl.DataFrame:
    """Return a person's orders, newest first."""
    return directory(shop).orders_of(key)


def lines_of(shop: str, order_ids: Sequence[int]) -> pl.DataFrame:
    """Return the lines of these orders, in the order of the lines."""
    return directory(shop).lines_of(order_ids)


def refunds_of(shop: str, key: str) -> pl.DataFrame:
    """Return a person's refunds, newest first."""
    return directory(shop).refunds_of(key)


def notes_of(shop: str, key: str) -> list[Note]:
    """Return the notes on a person, newest first, those written under earlier keys among them."""
    return written.notes_of(records(), shop, directory(shop).known_as(key))


def note(note_id: int) -> Note:
    """Return one note as it is now. Raises RecordNotFound."""
    return records().note(note_id)


def note_history(note_id: int) -> list[Note]:
    """Return every version of a note, the first one first. Raises RecordNotFound."""
    return records().note_history(note_id)


def events_of(shop: str, key: str) -> list[PersonEvent]:
    """Return what was done about a person here, newest first, also under earlier keys."""
    return written.events_of(records(), shop, directory(shop).known_as(key))


def place(shop: str, query: PeopleQuery, key: str) -> Place | None:
    """Return where a person stands in a list, None for somebody who is not in it."""
    return directory(shop).place(query, key)


def unmerged(shop: str, person: Mapping[str, Any], orders: pl.DataFrame) -> Unmerged:
    """Return what has arrived about a person and is in no version yet, looking through the last change rows.

    `person` is the published row, `orders` the published orders. Raises InboxError.
    """
    after = manifest(shop).change_seq
    waiting = inbox().waiting(shop, after)
    if not waiting:
        return Unmerged()
    number, complete = person["woocommerce_id"], waiting <= LOOKED_THROUGH
    since = after if complete else max(after, inbox().last_seq(shop) - LOOKED_THROUGH)
    rows = inbox().pending(shop, since, LOOKED_THROUGH)
    rows += inbox().changes_of(shop, "customer", number, after) if number is not None else []
    shared = bool(rows) and directory(shop).strangers_share(person["email"])
    return unmerged_of({row.seq: row for row in rows}.values(), person, orders, shared=shared, complete=complete)


def arrived_person(shop: str, key: str) -> Person | None:
    """Return somebody whose account has arrived and is in no version yet, None where there is nobody. Raises InboxError."""
    return arrived.arrived_person(shop, key, manifest(shop), inbox(), records())


def shop_record(shop: str, woocommerce_id: int) -> Mapping[str, Any]:
    """Return a customer as the shop has it now. Raises ShopError, SettingsError where the shop is not configured."""
    return current_customer(settings().shop(shop), woocommerce_id)


def tags_in_use(shop: str) -> list[str]:
    """Return every tag of the shop."""
    return directory(shop).tags_in_use()


def tag_counts(shop: str) -> Mapping[str, int]:
    """Return how many people have each tag, by tag."""
    return records().tag_counts(shop)


def countries(shop: str) -> list[str]:
    """Return the country codes that people of the shop have, sorted."""
    return _countries(str(table_file(paths().published(shop) / manifest(shop).version, "customers")))


@st.cache_data(show_spinner=False, max_entries=20)
def _countries(file: str) -> list[str]:
    people = pl.scan_parquet(file)
    try:
        found = people.select(pl.col("country").unique()).collect()["country"]
    except FileNotFoundError:  # pruned in between: the next look reads the newer version
        return []
    return sorted(code for code in found if code)


def keys(shop: str, query: PeopleQuery) -> pl.Series:
    """Return the keys of everybody that `query` asks for, whatever the page."""
    return directory(shop).keys(query)


def everyone(shop: str, query: PeopleQuery) -> pl.DataFrame:
    """Return everybody that `query` asks for, whatever the page, as exports need them."""
    return directory(shop).everyone(query)


def everybody(shop: str) -> int:
    """Return how many people the shop has, without those who were deleted here."""
    return directory(shop).people(PeopleQuery(page_size=1)).everyone


def segment_history(shop: str, segment_id: str) -> list[Segment]:
    """Return every version of a segment, the first one first. Raises RecordNotFound."""
    return records().segment_history(shop, segment_id)


def segments(shop: str) -> list[Segment]:
    """Return the saved segments."""
    directory(shop)
    return records().segments(shop)


def segment(shop: str, segment_id: str) -> Segment:
    """Return one saved segment. Raises RecordNotFound."""
    directory(shop)
    return records().segment(shop, segment_id)


def segment_counts(shop: str) -> Mapping[str, Count | RuleError]:
    """Return people and net of each saved segment."""
    return directory(shop).segment_counts()


def count(shop: str, rule: Rule) -> Count:
    """Return people, net and a sample of a rule that need not be saved."""
    return directory(shop).count(rule)
