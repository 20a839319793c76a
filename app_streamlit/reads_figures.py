"""What the app reads of everybody together, beside `reads`: groups, scores, currencies and the overview."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from app_streamlit import reads
from regulars.directory.query import Count
from transforms.overview import Overview


def rfm_counts(shop: str) -> Mapping[str, Count]:
    """Return people and net of each RFM group."""
    return reads.directory(shop).rfm_counts()


def buyers(shop: str) -> Mapping[str, int]:
    """Return how many people have counted orders in each currency."""
    return reads.directory(shop).buyers()


def overview(shop: str, days: int | None, currency: str | None) -> Overview:
    """Return the figures of the last `days` shop days (None: all time) and of as many before; see `Directory.overview`."""
    return reads.directory(shop).overview(days, currency)


def rfm_grid(shop: str) -> pl.DataFrame:
    """Return how people and net spread over the scores; see `Directory.rfm_grid`."""
    return reads.directory(shop).rfm_grid()


def migration(shop: str, since: datetime, until: datetime) -> pl.DataFrame:
    """Return how people moved between RFM groups; see `Directory.migration`."""
    return reads.directory(shop).migration(since, until)


def moved(shop: str, since: datetime, until: datetime, from_group: str | None, to_group: str | None) -> pl.DataFrame:
    """Return those who moved from one RFM group to another; see `Directory.moved`."""
    return reads.directory(shop).moved(since, until, from_group=from_group, to_group=to_group)


def rfm_cuts(shop: str) -> pl.DataFrame:
    """Return the cuts between the scores."""
    return reads.directory(shop).rfm_cuts()


def rfm_cuts_history(shop: str) -> pl.DataFrame:
    """Return the cuts of earlier runs, the newest first."""
    return reads.directory(shop).rfm_cuts_history()
