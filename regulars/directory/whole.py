"""Figures over everybody of the current version: groups, scores, currencies, the overview, and past days."""

from datetime import datetime
from pathlib import Path

import polars as pl

from regulars.directory.figures import Figures
from regulars.directory.kept import Kept
from regulars.directory.query import Count, LiveRecords
from regulars.directory.reconstructed import Reconstructed
from regulars.directory.selection import Selection
from regulars.directory.snapshot import ROW_COLUMNS, Snapshot
from regulars.directory.tables import PublishedTables
from transforms.overview import Overview
from transforms.rules import Rule

SAMPLE = 10


class PublishedFigures(PublishedTables):
    """What can be said of a shop as a whole. Hidden people are in none of it."""

    def __init__(self, folder: Path, *, shop: str, records: LiveRecords | None = None) -> None:
        """Read from `folder`, the shop's published folder; `records` are the live tags and segments, if any."""
        super().__init__(folder, shop=shop, records=records)
        self._forget()

    def close(self) -> None:
        """Let go of what is kept in memory; further calls open it again."""
        super().close()
        self._forget()

    def _forget(self) -> None:
        self._selections = Kept[Selection](most=1)
        self._figures = Kept[Figures](most=1)
        self._past = Kept[Reconstructed](most=1)

    def rfm_counts(self) -> dict[str, Count]:
        """Return people and net of each RFM group that has anyone, in no particular order."""
        overlay = self._overlay()
        return self._reading(lambda snapshot: self._figures_of(snapshot).rfm_counts(overlay))

    def rfm_grid(self) -> pl.DataFrame:
        """Return how people and money spread over the scores; one row for each cell and main currency that has anyone.

        Columns: `r`, `fm` (the mean of F and M, rounded up), `rfm_group`, `currency` (a main currency), `people` (whose
        main currency it is), `net` (theirs, in that currency). Sorted by `r`, `fm` and currency.
        """
        overlay = self._overlay()
        return self._reading(lambda snapshot: self._figures_of(snapshot).rfm_grid(overlay))

    def overview(self, days: int | None = None, currency: str | None = None) -> Overview:
        """Return the shop's figures for the last `days` shop days (None: all time) and for as many days before those.

        The period ends with the day before the version's as-of instant: live, that is today. `currency` decides which
        money is summed; None means the one that most people use. Definitions stand in `transforms.overview`.
        """
        overlay = self._overlay()

        def read(snapshot: Snapshot) -> Overview:
            figures = self._figures_of(snapshot)
            return figures.overview(overlay, days, currency or next(iter(figures.buyers(overlay)), ""))

        return self._reading(read)

    def buyers(self) -> dict[str, int]:
        """Return how many people have counted orders in each currency, the largest first; who paid in two counts twice."""
        overlay = self._overlay()
        return self._reading(lambda snapshot: self._figures_of(snapshot).buyers(overlay))

    def count_as_of(self, rule: Rule, as_of: datetime) -> Count:
        """Return how many people `rule` described as of an exclusive instant, reconstructed; see `directory.past`.

        Their net, and up to ten of them by net, are of then. Raises LaterThanFigures, and RuleError as `count` does.
        """
        overlay = self._overlay()
        return self._reading(lambda snapshot: self._past_of(snapshot).count(rule, overlay, as_of, SAMPLE))

    def migration(self, since: datetime, until: datetime) -> pl.DataFrame:
        """Return how people moved between RFM groups from one exclusive instant to a later one, reconstructed.

        Columns of `transforms.migration`. Raises LaterThanFigures.
        """
        overlay = self._overlay()
        return self._reading(lambda snapshot: self._past_of(snapshot).migration(overlay, since, until))

    def moved(self, since: datetime, until: datetime, *, from_group: str | None, to_group: str | None) -> pl.DataFrame:
        """Return those who were in one RFM group and then in another, the largest net of today first.

        None is "no counted order yet". Columns: `ROW_COLUMNS`, `tags` and `segments`, as of the version, as in
        `Directory.everyone`. Raises LaterThanFigures.
        """
        overlay = self._overlay()

        def read(snapshot: Snapshot) -> pl.DataFrame:
            rows = self._past_of(snapshot).moved(overlay, since, until, from_group=from_group, to_group=to_group)
            order = snapshot.people.select("_rank_net", "_currency_rank")[rows]
            sorted_rows = rows.gather(
                order.select(
                    pl.arg_sort_by("_currency_rank", "_rank_net", descending=[False, True], nulls_last=True)
                ).to_series()
            )
            found = snapshot.people.select(ROW_COLUMNS)[sorted_rows]
            segments = self._figures_of(snapshot).segment_names(overlay).gather(sorted_rows)
            return found.with_columns(overlay.tags_of(found["customer_key"]), segments)

        return self._reading(read)

    def _selection_of(self, snapshot: Snapshot) -> Selection:
        return self._selections.get(snapshot, lambda: Selection(snapshot))

    def _figures_of(self, snapshot: Snapshot) -> Figures:
        return self._figures.get(snapshot, lambda: Figures(self._selection_of(snapshot)))

    def _past_of(self, snapshot: Snapshot) -> Reconstructed:
        return self._past.get(snapshot, lambda: Reconstructed(self._selection_of(snapshot)))
