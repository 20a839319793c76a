"""Figures over everybody of one version: groups, scores, currencies, and the overview. Hidden people are in none."""

from datetime import datetime

import polars as pl

from regulars.directory.kept import Kept
from regulars.directory.overlay import Overlay
from regulars.directory.query import Count
from regulars.directory.selection import EVERYBODY, Selection
from regulars.directory.snapshot import KEY
from transforms.days import day_number
from transforms.overview import (
    ORDER_COLUMNS,
    PERSON_COLUMNS,
    REFUND_COLUMNS,
    Overview,
    overview,
    overview_frames,
    period,
)


class Figures:
    """The figures of one version, worked out when they are first asked for."""

    def __init__(self, selection: Selection) -> None:
        """Work out figures of the people of `selection`."""
        self._selection = selection
        self._snapshot = selection.snapshot
        self._groups = Kept[dict[str, Count]](most=2)
        self._grids = Kept[pl.DataFrame](most=2)
        self._buyers = Kept[dict[str, int]](most=2)
        self._overviews = Kept[Overview](most=64)

    def rfm_counts(self, overlay: Overlay) -> dict[str, Count]:
        """Return people and net of each RFM group that has anyone."""
        return self._groups.get(frozenset(overlay.hidden), lambda: self._rfm_counts(overlay))

    def rfm_grid(self, overlay: Overlay) -> pl.DataFrame:
        """Return one row for each cell of the scores and main currency; see `Directory.rfm_grid`."""
        return self._grids.get(frozenset(overlay.hidden), lambda: self._rfm_grid(overlay))

    def _rfm_grid(self, overlay: Overlay) -> pl.DataFrame:
        cell = ["r", "fm", "rfm_group", "currency"]
        scored = self._visible("r", "f", "m", "rfm_group", "currency", "net", overlay=overlay)
        return (
            scored.drop_nulls("rfm_group")
            .with_columns(fm=(pl.col("f") + pl.col("m") + 1) // 2)
            .group_by(cell)
            .agg(pl.len().cast(pl.Int64).alias("people"), pl.col("net").sum())
            .sort(cell)
        )

    def buyers(self, overlay: Overlay) -> dict[str, int]:
        """Return how many people have counted orders in each currency, the largest first."""
        return self._buyers.get(frozenset(overlay.hidden), lambda: self._count_buyers(overlay))

    def _count_buyers(self, overlay: Overlay) -> dict[str, int]:
        mains = self._visible("orders_count", "currency", overlay=overlay)
        more = self._snapshot.more_currencies
        more = more.filter(self._selection.mask(EVERYBODY, overlay).gather(more["row"]))
        bought = pl.concat([frame.filter(pl.col("orders_count") > 0).select("currency") for frame in (mains, more)])
        counted = bought.group_by("currency").len().sort(["len", "currency"], descending=[True, False])
        return dict(counted.iter_rows())

    def overview(self, overlay: Overlay, days: int | None, currency: str) -> Overview:
        """Return the overview of the last `days` shop days, None for all time; see `Directory.overview`."""
        question = (frozenset(overlay.hidden), days, currency)
        return self._overviews.get(question, lambda: self._overview(overlay, days, currency))

    def segment_names(self, overlay: Overlay) -> pl.Series:
        """Return a column `segments`: the names of the saved segments that each person is in now."""
        names = {segment.id: segment.name for segment in overlay.segments}
        masks = self._selection.described.segments(overlay)
        if not masks:
            nothing = pl.lit([], dtype=pl.List(pl.String)).alias("segments")
            return self._snapshot.people.select(KEY).with_columns(nothing)["segments"]
        named = [pl.when(pl.col(segment)).then(pl.lit(names[segment])) for segment in masks]
        return pl.DataFrame(masks).select(pl.concat_list(named).list.drop_nulls().alias("segments")).to_series()

    def _visible(self, *columns: str, overlay: Overlay) -> pl.DataFrame:
        people = self._snapshot.people.select(columns)
        return people.filter(self._selection.mask(EVERYBODY, overlay)) if overlay.hidden else people

    def _rfm_counts(self, overlay: Overlay) -> dict[str, Count]:
        columns = ["rfm_group", "currency", "net"]
        mains = self._visible(*columns, overlay=overlay).drop_nulls("rfm_group")
        more = self._snapshot.more_currencies
        elsewhere = more.with_columns(self._snapshot.people["rfm_group"].gather(more["row"])).filter(
            self._selection.mask(EVERYBODY, overlay).gather(more["row"])
        )
        sums = (
            pl.concat([mains.with_columns(main=1), elsewhere.select(columns).with_columns(main=0)])
            .drop_nulls("rfm_group")
            .group_by("rfm_group", "currency")
            .agg(pl.col("net").sum(), pl.len().alias("paid"), people=pl.col("main").sum())
            .sort(["paid", "currency"], descending=[True, False])
        )
        return {
            str(group[0]): Count(
                people=int(cells["people"].sum()), net=dict(cells.select("currency", "net").iter_rows())
            )
            for group, cells in sums.group_by("rfm_group", maintain_order=True)
        }

    def _overview(self, overlay: Overlay, days: int | None, currency: str) -> Overview:
        about = self._snapshot.manifest
        hidden = pl.Series(list(overlay.hidden), dtype=pl.String)

        def visible(table: str, columns: tuple[str, ...]) -> pl.LazyFrame:
            scanned = self._snapshot.scan(table).select(columns)
            return scanned.filter(~pl.col(KEY).is_in(hidden.implode())) if hidden.len() else scanned

        end = day_number(about.as_of, about.timezone)
        told = period(days, end=end, first_day=self._first_day() if days is None else None)
        frames = overview_frames(
            visible("orders", ORDER_COLUMNS),
            visible("refunds", REFUND_COLUMNS),
            self._visible(*PERSON_COLUMNS, overlay=overlay).lazy(),
            period=told,
            timezone=about.timezone,
            currency=currency,
        )
        collected = dict(zip(frames, pl.collect_all(list(frames.values())), strict=True))
        return overview(told, collected, currency=currency)

    def _first_day(self) -> int | None:
        """Return the shop day of the first counted order or refund: imports date some refunds before their order."""
        first: datetime | None = self._snapshot.people["first_order_at"].min()  # type: ignore[assignment]
        ordered = None if first is None else day_number(first, self._snapshot.manifest.timezone)
        refunds = self._snapshot.scan("refunds").filter("counted").select(pl.col("refund_day").min())
        days = [day for day in (ordered, refunds.collect().item()) if day is not None]
        return min(days, default=None)
