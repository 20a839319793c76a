"""What the builder of rules reads beside `reads`: words to suggest, and counts that only it needs."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl
import streamlit as st

from app_streamlit import reads
from regulars.directory.layout import Manifest, scan_table
from regulars.directory.query import Count, PeopleQuery
from transforms.days import as_of_for_day, zone
from transforms.rules import Rule

# So many suggestions a list: the browser holds all of them, and nobody scrolls through more.
MOST_WORDS = 2_000


def catalogue(shop: str, column: str) -> Sequence[str]:
    """Return the words of a column of the shop's products (`name`, `sku` or `categories`), sorted, the first 2,000."""
    return _words(str(reads.paths().published(shop) / reads.manifest(shop).version), "products", column)


def order_words(shop: str, column: str) -> Sequence[str]:
    """Return the words of a column of the shop's orders (`status`, `payment_method`, `currency`, `coupons`), sorted."""
    return _words(str(reads.paths().published(shop) / reads.manifest(shop).version), "orders", column)


def roles(shop: str) -> Sequence[str]:
    """Return the roles that accounts of the shop have, sorted."""
    return _words(str(reads.paths().published(shop) / reads.manifest(shop).version), "customers", "role")


def overlap(shop: str, rule: Rule, segments: Sequence[str]) -> Mapping[str, tuple[int, int]]:
    """Return, by segment id, how many people a rule shares with it and how many it has; those without any are left out."""
    directory, counts = reads.directory(shop), reads.segment_counts(shop)
    found: dict[str, tuple[int, int]] = {}
    for segment in segments:
        there = counts.get(segment)
        if isinstance(there, Count) and there.people:
            both = directory.people(PeopleQuery(rule=rule, segments=(segment,), page_size=1)).total
            found |= {segment: (both, there.people)} if both else {}
    return found


def last_day(about: Manifest) -> date:
    """Return the last day as of which figures can be asked for."""
    return about.as_of.astimezone(zone(about.timezone)).date()


def count_as_of(shop: str, rule: Rule, day: date) -> Count:
    """Return people and net of a rule when `day` began in the shop's time zone, reconstructed.

    The day is not after `last_day`. Raises RuleError for a segment that is not there, or cannot be evaluated.
    """
    return reads.directory(shop).count_as_of(rule, as_of_for_day(day, reads.manifest(shop).timezone))


@st.cache_data(show_spinner=False, max_entries=30)
def _words(version_folder: str, table: str, column: str) -> list[str]:
    try:
        rows = scan_table(Path(version_folder), table).select(column)
        words = rows.explode(column) if isinstance(rows.collect_schema()[column], pl.List) else rows
        found = words.unique().drop_nulls().sort(column).head(MOST_WORDS).collect()[column]
    except FileNotFoundError:  # pruned in between: the next look reads the newer version
        return []
    return [word for word in found if word.strip()]
