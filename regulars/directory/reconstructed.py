"""Past days of one version, kept once they were asked for: counts of rules, and how people moved between groups."""

from datetime import datetime

import polars as pl

from regulars.directory.kept import Kept
from regulars.directory.overlay import Overlay
from regulars.directory.past import Day, day_of, reconstruct
from regulars.directory.query import Count
from regulars.directory.selection import EVERYBODY, Selection
from regulars.directory.snapshot import KEY
from regulars.errors import LaterThanFigures
from transforms.days import zone
from transforms.migration import migration
from transforms.rules import Rule, by_id

TABLES = ("customers", "orders", "order_lines", "refunds", "products")
SCORED = ("rfm_group", "currency", "net")
NO_NET = pl.col("net").fill_null(0)


class Reconstructed:
    """Past days of one version. A day of a shop with a million people takes seconds: what was asked is kept."""

    def __init__(self, selection: Selection) -> None:
        """Look back from the people of `selection`."""
        self._selection = selection
        self._snapshot = selection.snapshot
        self._days = Kept[Day](most=1)  # of a million buyers some hundred megabytes
        self._scored = Kept[pl.DataFrame](most=4)
        self._migrations = Kept[pl.DataFrame](most=32)
        self._counts = Kept[Count](most=64)

    def count(self, rule: Rule, overlay: Overlay, as_of: datetime, sample: int) -> Count:
        """Return how many people `rule` described, their net then, and `sample` of them; see `past.reconstruct`."""
        question = (by_id(rule, overlay.segments), overlay, as_of)
        return self._counts.get(question, lambda: self._count(rule, overlay, as_of, sample))

    def migration(self, overlay: Overlay, since: datetime, until: datetime) -> pl.DataFrame:
        """Return how people moved between groups from one instant to another; columns of `transforms.migration`."""
        question = (frozenset(overlay.hidden), since, until)
        return self._migrations.get(question, lambda: self._migration(overlay, since, until))

    def moved(
        self, overlay: Overlay, since: datetime, until: datetime, *, from_group: str | None, to_group: str | None
    ) -> pl.Series:
        """Return the rows of those who were in one group and then in another; None is "no counted order yet"."""
        visible = self._selection.mask(EVERYBODY, overlay)
        was, now = (self._of(instant)["rfm_group"] for instant in (since, until))
        there = was.eq_missing(pl.Series([from_group], dtype=pl.String))
        return (there & now.eq_missing(pl.Series([to_group], dtype=pl.String)) & visible).arg_true()

    def _count(self, rule: Rule, overlay: Overlay, as_of: datetime, sample: int) -> Count:
        about = self._snapshot.manifest
        self._refuse_later(as_of)
        tables = {name: self._snapshot.scan(name) for name in TABLES}
        day = self._day(as_of)
        then = reconstruct(tables, rule, overlay, as_of=as_of, timezone=about.timezone, most=sample, day=day)
        return Count(then.total, then.net, then.people)

    def _migration(self, overlay: Overlay, since: datetime, until: datetime) -> pl.DataFrame:
        visible = self._selection.mask(EVERYBODY, overlay)
        keys = self._snapshot.people.select(KEY)
        was, now = (keys.hstack(self._of(instant)).filter(visible).lazy() for instant in (since, until))
        return migration(was, now).collect(engine="streaming")

    def _of(self, instant: datetime) -> pl.DataFrame:
        """Return group, main currency and net of everybody as of an instant, in the order of their keys."""
        if instant == self._snapshot.manifest.as_of:
            return self._snapshot.people.select(SCORED)
        return self._scored.get(instant, lambda: self._score(instant))

    def _score(self, as_of: datetime) -> pl.DataFrame:
        self._refuse_later(as_of)
        keys = self._snapshot.people.select(KEY)
        scored = self._day(as_of).scored.select(KEY, *SCORED)
        return keys.join(scored, on=KEY, how="left", maintain_order="left").select(SCORED).with_columns(NO_NET)

    def _day(self, as_of: datetime) -> Day:
        tables = {name: self._snapshot.scan(name) for name in ("orders", "refunds")}
        timezone = self._snapshot.manifest.timezone
        return self._days.get(as_of, lambda: day_of(tables, as_of=as_of, timezone=timezone))

    def _refuse_later(self, as_of: datetime) -> None:
        about = self._snapshot.manifest
        if as_of > about.as_of:
            last = about.as_of.astimezone(zone(about.timezone)).date()
            raise LaterThanFigures(f"The figures are as of {last}; ask for that day or one before it.")
