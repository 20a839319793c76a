"""Past days, reconstructed from a version: whom a rule described then, and how people moved between groups.

*Reconstructed* means: orders and refunds known now and dated before that day, with the statuses, owners, profiles, tags
and deletions of today (see `transforms.as_of`); who was observed in a segment then stands in `segment_events`.
"""

from datetime import datetime
from decimal import Decimal

import polars as pl

from regulars.directory.described import needed
from regulars.directory.kept import Kept
from regulars.directory.lookup import IN_MEMORY
from regulars.directory.overlay import Overlay
from regulars.directory.query import Count
from regulars.directory.selection import EVERYBODY, Selection
from regulars.directory.snapshot import KEY, ROW_COLUMNS
from regulars.errors import LaterThanFigures
from transforms.as_of import PROFILE, customers_as_of
from transforms.metrics import currency_totals
from transforms.migration import migration
from transforms.orders import before
from transforms.rules import QUERY_TABLES, InSegment, Rule, by_id, compile_rule, flag_name, with_flags

TABLES = ("refunds", *QUERY_TABLES)
SCORED = ("rfm_group", "currency", "net")
FIGURES = tuple(name for name in IN_MEMORY if name not in PROFILE)


class Past:
    """Past days of one version. A day of a shop with a million people takes seconds: what was asked is kept."""

    def __init__(self, selection: Selection) -> None:
        """Look back from the people of `selection`."""
        self._selection = selection
        self._snapshot = selection.snapshot
        self._scored = Kept[pl.DataFrame](most=4)
        self._migrations = Kept[pl.DataFrame](most=32)
        self._counts = Kept[Count](most=64)

    def count(self, rule: Rule, overlay: Overlay, as_of: datetime, sample: int) -> Count:
        """Return how many people `rule` described as of an instant, their net then, and some of them by net."""
        question = (by_id(rule, overlay.segments), overlay, as_of)
        return self._counts.get(question, lambda: self._count(rule, overlay, as_of, sample))

    def everyone(self, rule: Rule, overlay: Overlay, as_of: datetime) -> pl.DataFrame:
        """Return everybody whom `rule` described as of an instant, the largest net first, with the figures of then.

        Columns: `ROW_COLUMNS` and `tags` (today's).
        """
        described = self._described(rule, overlay, as_of)
        figures = described.select(KEY, *FIGURES).sort(KEY).collect(engine="streaming")
        whose = self._snapshot.people.select(name for name in ROW_COLUMNS if name not in FIGURES)
        found = figures.hstack(whose[self._snapshot.rows_of(figures[KEY])].drop(KEY)).select(ROW_COLUMNS)
        told = found.with_columns(overlay.tags_of(found[KEY]))
        # Amounts of two currencies have no order between them: the currency of most people comes first.
        order = [pl.col(KEY).count().over("currency"), pl.col("currency"), pl.col("net"), pl.col(KEY)]
        return told.sort(order, descending=[True, False, True, False], nulls_last=True)

    def migration(self, overlay: Overlay, since: datetime, until: datetime) -> pl.DataFrame:
        """Return how people moved between groups from one instant to another; columns of `transforms.migration`."""
        question = (frozenset(overlay.hidden), since, until)
        return self._migrations.get(question, lambda: self._migration(overlay, since, until))

    def moved(
        self, overlay: Overlay, since: datetime, until: datetime, *, before: str | None, after: str | None
    ) -> pl.Series:
        """Return the keys of those who were in the group `before` and then in `after`; None is no order yet."""
        was, now = (self._groups(instant) for instant in (since, until))
        there = was["rfm_group"].eq_missing(pl.Series([before], dtype=pl.String)) & now["rfm_group"].eq_missing(
            pl.Series([after], dtype=pl.String)
        )
        visible = self._selection.mask(EVERYBODY, overlay)
        return self._snapshot.people[KEY].filter(there & visible)

    def _migration(self, overlay: Overlay, since: datetime, until: datetime) -> pl.DataFrame:
        visible = self._selection.mask(EVERYBODY, overlay)
        keys = self._snapshot.people.select(KEY)
        was, now = (keys.hstack(self._groups(instant)).filter(visible).lazy() for instant in (since, until))
        return migration(was, now).collect(engine="streaming")

    def _groups(self, instant: datetime) -> pl.DataFrame:
        """Return group, main currency and net of everybody as of an instant, in the order of `people`."""
        if instant == self._snapshot.manifest.as_of:
            return self._snapshot.people.select(SCORED)
        return self._scored.get(
            instant,
            lambda: self._reconstructed(instant).select(KEY, *SCORED).sort(KEY).collect(engine="streaming").drop(KEY),
        )

    def _reconstructed(self, as_of: datetime) -> pl.LazyFrame:
        about = self._snapshot.manifest
        if as_of > about.as_of:
            raise LaterThanFigures(f"The figures end on {about.as_of:%Y-%m-%d}; a later day has not been yet.")
        tables = {name: self._snapshot.scan(name) for name in TABLES}
        return customers_as_of(tables, as_of=as_of, timezone=about.timezone)

    def _described(self, rule: Rule, overlay: Overlay, as_of: datetime) -> pl.LazyFrame:
        """Return the rows of `CUSTOMERS` as of then, and `tags`, of those whom `rule` described."""
        timezone = self._snapshot.manifest.timezone
        named = by_id(rule, overlay.segments)
        segments = needed(named, overlay)
        rules = [*(overlay.order.rules[segment] for segment in segments), named]
        tables = {name: self._snapshot.scan(name) for name in QUERY_TABLES}
        people = self._reconstructed(as_of).join(_tags(overlay), on=KEY, how="left")
        flagged = with_flags(people, rules, tables, as_of=as_of, timezone=timezone)
        there = pl.col("deleted_at").is_null()
        if overlay.hidden:
            there &= ~pl.col(KEY).is_in(list(overlay.hidden))
        for segment, its_rule in zip(segments, rules, strict=False):
            member = there & compile_rule(its_rule, as_of=as_of, timezone=timezone)
            flagged = flagged.with_columns(member.alias(flag_name(InSegment(segment))))
        return flagged.filter(there & compile_rule(named, as_of=as_of, timezone=timezone))

    def _count(self, rule: Rule, overlay: Overlay, as_of: datetime, sample: int) -> Count:
        everyone = self.everyone(rule, overlay, as_of)
        return Count(everyone.height, self._net(everyone.select(KEY), as_of), everyone.head(sample))

    def _net(self, keys: pl.DataFrame, as_of: datetime) -> dict[str, Decimal]:
        """Return the net of people as of then, a currency each; what they spent outside their main one is told too."""
        orders, refunds = (
            self._snapshot.scan(name)
            .with_columns(pl.col("counted") & before(as_of))
            .join(keys.lazy(), on=KEY, how="semi")
            for name in ("orders", "refunds")
        )
        spent = currency_totals(orders, refunds).group_by("currency").agg(pl.col("net").sum(), people=pl.len())
        ordered = spent.sort("people", "currency", descending=[True, False]).collect(engine="streaming")
        return dict(ordered.select("currency", "net").iter_rows())


def _tags(overlay: Overlay) -> pl.LazyFrame:
    written = {KEY: list(overlay.tags), "tags": [list(tags) for tags in overlay.tags.values()]}
    return pl.LazyFrame(written, schema={KEY: pl.String(), "tags": pl.List(pl.String())})
