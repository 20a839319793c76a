"""What the builder of rules reads beside `reads`: words to suggest, and counts that only it needs."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import streamlit as st

from app_streamlit import reads
from regulars.directory.layout import scan_table

# So many suggestions a list: the browser holds all of them, and nobody scrolls through more.
MOST_WORDS = 2_000


def catalogue(shop: str, column: str) -> Sequence[str]:
    """Return the words of a column of the shop's products (`name`, `sku` or `categories`), sorted, the first 2,000."""
    return _words(str(reads.paths().published(shop) / reads.manifest(shop).version), "products", column)


def order_words(shop: str, column: str) -> Sequence[str]:
    """Return the words of a column of the shop's orders (`status`, `payment_method` or `coupons`), sorted."""
    return _words(str(reads.paths().published(shop) / reads.manifest(shop).version), "orders", column)


@st.cache_data(show_spinner=False, max_entries=30)
def _words(version_folder: str, table: str, column: str) -> list[str]:
    try:
        rows = scan_table(Path(version_folder), table).select(column)
        words = rows.explode(column) if isinstance(rows.collect_schema()[column], pl.List) else rows
        found = words.unique().drop_nulls().sort(column).head(MOST_WORDS).collect()[column]
    except FileNotFoundError:  # pruned in between: the next look reads the newer version
        return []
    return [word for word in found if word.strip()]
