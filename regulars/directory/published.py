"""Read people and orders from the published marts, with what people wrote laid over them.

Readers never lock anything: they open the version that `CURRENT` names and start over when it was pruned in between.
Everyone of the current version is kept in memory (one version at a time); orders, lines and refunds are read from the
files by key, where the sort order lets Parquet skip nearly everything.

People who were deleted here (hidden) are in no list, count, figure, segment or tag; `PeopleQuery.hidden` lists them
alone, and `person` still opens them. People whom the shop deleted stay in lists and figures, since what they bought was
bought, and are in no segment.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from regulars.directory.apart import Apart, person_apart
from regulars.directory.kept import Kept
from regulars.directory.not_derived import NotYetDerived
from regulars.directory.overlay import Overlay
from regulars.directory.query import Count, LiveRecords, PeoplePage, PeopleQuery, Person, Place
from regulars.directory.selection import EVERYBODY, Filters, Selection
from regulars.directory.snapshot import KEY, ROW_COLUMNS, Snapshot
from regulars.directory.whole import SAMPLE, PublishedFigures
from regulars.errors import RecordNotFound
from transforms.rules import Rule, RuleError

# Whoever shows orders shows refunds too: both are read at once, and kept for so many people. A version never changes.
PROFILES = 8
Bought = Mapping[str, pl.DataFrame]


class Directory(PublishedFigures):
    """The people of one shop. Safe to share between threads.

    Example:
        >>> directory = Directory(Path("no/such/folder"), shop="demo")
        >>> directory.is_published()
        False
    """

    def __init__(self, folder: Path, *, shop: str, records: LiveRecords | None = None) -> None:
        """Read from `folder`, the shop's published folder; `records` are the live tags and segments, if any."""
        super().__init__(folder, shop=shop, records=records)
        self._owned = Kept[Bought](most=PROFILES)

    def close(self) -> None:
        """Let go of what is kept in memory; further calls open it again."""
        super().close()
        self._owned = Kept(most=PROFILES)

    def people(self, query: PeopleQuery) -> PeoplePage:
        """Return one page of the people that `query` asks for.

        The order is total: every person is on exactly one page. Raises NothingPublished, RecordNotFound for a segment
        that is not there, RuleError for a saved rule that no longer parses.
        """
        overlay = self._overlay()
        filters = Filters.of(query, overlay)

        def read(snapshot: Snapshot) -> PeoplePage:
            selection = self._selection_of(snapshot)
            total = selection.count(filters, overlay)
            pages = max(1, -(-total // query.page_size))
            page = min(max(query.page, 1), pages)
            return PeoplePage(
                rows=self._page(selection, query, filters, overlay, page),
                total=total,
                everyone=selection.count(EVERYBODY, overlay),
                net=selection.net(filters, overlay),
                page=page,
                pages=pages,
            )

        return self._reading(read)

    def keys(self, query: PeopleQuery) -> pl.Series:
        """Return the keys of everybody that `query` asks for, in its order; its page does not matter."""
        overlay = self._overlay()
        return self._reading(lambda snapshot: snapshot.people[KEY].gather(self._rows(snapshot, query, overlay)))

    def place(self, query: PeopleQuery, key: str) -> Place | None:
        """Return where a person (also under a key of the past) stands in a list; None where the list is without them."""
        overlay = self._overlay()

        def read(snapshot: Snapshot) -> Place | None:
            row = snapshot.row_of(overlay.key_now(key))
            rows = self._rows(snapshot, query, overlay)
            here = (rows == row).arg_max() if row is not None else None
            if here is None or rows[here] != row:
                return None
            keys = snapshot.people[KEY]
            return Place(
                position=here + 1,
                total=rows.len(),
                before=keys[rows[here - 1]] if here else None,
                after=keys[rows[here + 1]] if here + 1 < rows.len() else None,
            )

        return self._reading(read)

    def everyone(self, query: PeopleQuery) -> pl.DataFrame:
        """Return everybody that `query` asks for, in its order, for an export; its page does not matter.

        Columns: `ROW_COLUMNS`, `tags` and `segments` (the names of the saved segments the person is in now).
        """
        overlay = self._overlay()

        def read(snapshot: Snapshot) -> pl.DataFrame:
            rows = self._rows(snapshot, query, overlay)
            found = snapshot.people.select(ROW_COLUMNS)[rows]
            segments = self._figures_of(snapshot).segment_names(overlay).gather(rows)
            return found.with_columns(overlay.tags_of(found[KEY]), segments)

        return self._reading(read)

    def person(self, key: str) -> Person:
        """Return one person, also under a key of the past. Raises RecordNotFound when nobody has this key.

        Whoever was separated since the version was published has orders and sums, and no scores yet; see `apart`.
        """
        overlay = self._overlay()
        now = overlay.key_now(key)

        def read(snapshot: Snapshot) -> Person:
            row, currencies = self._profile(snapshot, now)
            if row is None and (apart := self._apart_of(snapshot, now)) is not None:
                row, currencies = apart.row, apart.currencies
            if row is None:
                raise RecordNotFound("Nobody in this shop has this key. The link may be old, or of another shop.")
            return Person(
                row={**row, "tags": list(overlay.tags.get(now, ()))},
                currencies=currencies,
                segments=() if now in overlay.hidden else self._segments_of(snapshot, now, overlay),
                hidden=overlay.hidden.get(now),
            )

        return self._reading(read)

    def segments_of(self, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the ids of the saved segments that each of these people is in now; hidden people are in none."""
        overlay = self._overlay()
        shown = [key for key in keys if key not in overlay.hidden]
        found = self._reading(lambda snapshot: {key: self._segments_of(snapshot, key, overlay) for key in shown})
        return {key: found.get(key, ()) for key in keys}

    def orders_of(self, key: str) -> pl.DataFrame:
        """Return everything the person ordered, newest first; columns of `ORDERS`."""
        return self._of_person("orders", key)

    def refunds_of(self, key: str) -> pl.DataFrame:
        """Return the person's refunds, newest first; columns of `REFUNDS`."""
        return self._of_person("refunds", key)

    def lines_of(self, order_ids: Sequence[int]) -> pl.DataFrame:
        """Return the lines of these orders, in the order of the lines; columns of `ORDER_LINES`."""
        wanted = pl.Series(order_ids, dtype=pl.Int64).unique().sort()
        return self._reading(lambda snapshot: self._lines(snapshot, wanted))

    def count(self, rule: Rule) -> Count:
        """Return how many people `rule` describes now, their net, and up to ten of them by net."""
        overlay = self._overlay()
        return self._reading(lambda snapshot: self._counted(snapshot, rule, overlay, sample=SAMPLE))

    def segment_counts(self) -> dict[str, Count | RuleError]:
        """Return the count of each saved segment by id; one whose rule cannot be evaluated has its error instead."""
        overlay = self._overlay()
        rules, broken = overlay.order

        def read(snapshot: Snapshot) -> dict[str, Count | RuleError]:
            counts = {segment: self._card(snapshot, rule, overlay) for segment, rule in rules.items()}
            return {segment.id: counts.get(segment.id) or broken[segment.id] for segment in overlay.segments}

        return self._reading(read)

    def _card(self, snapshot: Snapshot, rule: Rule, overlay: Overlay) -> Count | RuleError:
        try:
            return self._counted(snapshot, rule, overlay, sample=0)
        except NotYetDerived as error:
            return error

    def tags_in_use(self) -> list[str]:
        """Return every tag that somebody has, sorted."""
        overlay = self._overlay()
        seen = {tag for key, mine in overlay.tags.items() if key not in overlay.hidden for tag in mine}
        return sorted(seen, key=str.casefold)

    def _page(
        self, selection: Selection, query: PeopleQuery, filters: Filters, overlay: Overlay, page: int
    ) -> pl.DataFrame:
        """Return the rows of one page: `ROW_COLUMNS` and `tags`."""
        rows = selection.rows(filters, overlay, query.sort, descending=query.descending)
        shown = selection.snapshot.people.select(ROW_COLUMNS)[rows.slice((page - 1) * query.page_size, query.page_size)]
        return shown.with_columns(overlay.tags_of(shown[KEY]))

    def _profile(self, snapshot: Snapshot, key: str) -> tuple[Mapping[str, Any] | None, pl.DataFrame]:
        """Return the person's row of `customers`, None where there is nobody, and those of `customer_currencies`.

        The currency of most orders is first; of two, by name.
        """
        people, spent = (
            snapshot.scan(name).filter(pl.col(KEY) == key) for name in ("customers", "customer_currencies")
        )
        most_first = spent.sort("orders_count", "currency", descending=[True, False])
        found, currencies = pl.collect_all([people, most_first])
        return (found.row(0, named=True) if found.height else None), currencies

    def _rows(self, snapshot: Snapshot, query: PeopleQuery, overlay: Overlay) -> pl.Series:
        filters = Filters.of(query, overlay)
        return self._selection_of(snapshot).rows(filters, overlay, query.sort, descending=query.descending)

    def _counted(self, snapshot: Snapshot, rule: Rule, overlay: Overlay, sample: int) -> Count:
        selection = self._selection_of(snapshot)
        query = PeopleQuery(rule=rule, page_size=max(sample, 1))
        filters = Filters.of(query, overlay)
        return Count(
            people=selection.count(filters, overlay),
            net=selection.net(filters, overlay),
            sample=self._page(selection, query, filters, overlay, 1) if sample else pl.DataFrame(),
        )

    def _segments_of(self, snapshot: Snapshot, key: str, overlay: Overlay) -> tuple[str, ...]:
        row = snapshot.row_of(key) if overlay.segments else None
        if row is None:
            return ()
        masks = self._selection_of(snapshot).described.segments(overlay)
        return tuple(segment for segment, mask in masks.items() if mask[row])

    def _of_person(self, table: str, key: str) -> pl.DataFrame:
        def read(snapshot: Snapshot) -> pl.DataFrame:
            about = snapshot.manifest.version, key
            return self._owned.get(about, lambda: self._bought_by(snapshot, key))[table].clone()

        return self._reading(read)

    def _bought_by(self, snapshot: Snapshot, key: str) -> Bought:
        apart = self._apart_of(snapshot, key)
        return self._bought(snapshot, key) if apart is None else {"orders": apart.orders, "refunds": apart.refunds}

    def _apart_of(self, snapshot: Snapshot, key: str) -> Apart | None:
        return person_apart(snapshot, key) if snapshot.row_of(key) is None else None

    def _bought(self, snapshot: Snapshot, key: str) -> Bought:
        """Return the person's rows of `orders` and `refunds`, the newest first, as they stand in the files."""
        tables = (snapshot.scan(name).filter(pl.col(KEY) == key) for name in ("orders", "refunds"))
        newest_first = (
            mine.sort("created_at", descending=True, nulls_last=True, maintain_order=True) for mine in tables
        )
        orders, refunds = pl.collect_all(newest_first)
        return {"orders": orders, "refunds": refunds}

    def _lines(self, snapshot: Snapshot, orders: pl.Series) -> pl.DataFrame:
        """Return the lines of these orders (ids, sorted)."""
        wanted = pl.col("order_id").is_between(orders.min(), orders.max()) & pl.col("order_id").is_in(orders)
        return snapshot.scan("order_lines").filter(wanted).sort("order_id", "line_id").collect()
