"""Read people and orders from the published marts, with what people wrote laid over them.

Readers never lock anything: they open the version that `CURRENT` names and start over when it was pruned in between.
Everyone of the current version is kept in memory (one version at a time); orders, lines and refunds are read from the
files by key, where the sort order lets Parquet skip nearly everything.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import polars as pl

from regulars.directory.layout import Manifest, current_version
from regulars.directory.overlay import Overlay, read_overlay
from regulars.directory.query import Count, LiveRecords, PeoplePage, PeopleQuery, Person
from regulars.directory.selection import member, ordered, selected
from regulars.directory.snapshot import KEY, ROW_COLUMNS, Snapshot, net_by_currency, open_snapshot
from regulars.errors import DataFolderError, NothingPublished, RecordNotFound
from regulars.models import Segment
from transforms.rules import Rule, RuleError, parse

ATTEMPTS = 5
SAMPLE = 10

Result = TypeVar("Result")


class Directory:
    """The people of one shop. Safe to share between threads.

    Example:
        >>> directory = Directory(Path("no/such/folder"), shop="demo")
        >>> directory.is_published()
        False
    """

    def __init__(self, folder: Path, *, shop: str, records: LiveRecords | None = None) -> None:
        """Read from `folder`, the shop's published folder; `records` are the live tags and segments, if any."""
        self._folder = folder
        self._shop = shop
        self._records = records
        self._loading = threading.Lock()
        self._snapshot: Snapshot | None = None

    def is_published(self) -> bool:
        """Return whether there is a version to read."""
        return current_version(self._folder) is not None

    def manifest(self) -> Manifest:
        """Return what the current version is. Raises NothingPublished."""
        return self._open().manifest

    def people(self, query: PeopleQuery) -> PeoplePage:
        """Return one page of the people that `query` asks for.

        The order is total: every person is on exactly one page. Raises NothingPublished, RecordNotFound for a segment
        that is not there, RuleError for a saved rule that no longer parses.
        """
        snapshot = self._open()
        overlay = self._overlay()
        found = selected(snapshot, query, overlay, self._keys_by_order)
        pages = max(1, -(-found.height // query.page_size))
        page = min(max(query.page, 1), pages)
        keys = ordered(found, query).slice((page - 1) * query.page_size, query.page_size).select(KEY)
        rows = keys.join(snapshot.people, on=KEY, how="left", maintain_order="left").select(ROW_COLUMNS)
        return PeoplePage(
            rows=overlay.with_tags(rows.lazy()).collect(),
            total=found.height,
            everyone=snapshot.people.height,
            net=net_by_currency(snapshot, found),
            page=page,
            pages=pages,
        )

    def person(self, key: str) -> Person:
        """Return one person, also under a key of the past. Raises RecordNotFound when nobody has this key."""
        overlay = self._overlay()
        mine = pl.col(KEY) == overlay.key_now(key)
        row, currencies = self._reading(
            lambda snapshot: pl.collect_all(
                [snapshot.scan(name).filter(mine) for name in ("customers", "customer_currencies")]
            )
        )
        if row.is_empty():
            raise RecordNotFound("Nobody in this shop has this key. The link may be old, or of another shop.")
        one = self._open().people.filter(mine)
        return Person(
            row=overlay.with_tags(row.lazy()).collect().to_dicts()[0],
            currencies=currencies.sort("orders_count", "currency", descending=[True, False]),
            segments=tuple(segment.id for segment in overlay.segments if self._in_segment(one, overlay, segment)),
        )

    def orders_of(self, key: str) -> pl.DataFrame:
        """Return everything the person ordered, newest first; columns of `ORDERS`."""
        return self._of_person("orders", key)

    def refunds_of(self, key: str) -> pl.DataFrame:
        """Return the person's refunds, newest first; columns of `REFUNDS`."""
        return self._of_person("refunds", key)

    def lines_of(self, order_ids: Sequence[int]) -> pl.DataFrame:
        """Return the lines of these orders, in the order of the lines; columns of `ORDER_LINES`."""
        wanted = pl.Series(order_ids, dtype=pl.Int64).sort()
        return self._reading(
            lambda snapshot: (
                snapshot.scan("order_lines")
                .filter(pl.col("order_id").is_between(wanted.min(), wanted.max()), pl.col("order_id").is_in(wanted))
                .sort("order_id", "line_id")
                .collect()
            )
        )

    def count(self, rule: Rule) -> Count:
        """Return how many people `rule` describes now, their net, and up to ten of them by net."""
        return self._counted(PeopleQuery(rule=rule), sample=SAMPLE)

    def segment_counts(self) -> dict[str, Count | RuleError]:
        """Return the count of each saved segment by id; a rule that no longer parses has its error instead."""
        counts: dict[str, Count | RuleError] = {}
        for segment in self._overlay().segments:
            try:
                counts[segment.id] = self._counted(PeopleQuery(rule=parse(segment.rule)), sample=0)
            except RuleError as error:
                counts[segment.id] = error
        return counts

    def rfm_counts(self) -> dict[str, Count]:
        """Return people and net of each RFM group that has anyone, in no particular order."""
        snapshot = self._open()
        scored = snapshot.people.filter(pl.col("rfm_group").is_not_null())
        return {
            str(group[0]): Count(people=frame.height, net=net_by_currency(snapshot, frame))
            for group, frame in scored.select(KEY, "currency", "net", "rfm_group").group_by("rfm_group")
        }

    def buyers(self) -> dict[str, int]:
        """Return how many people have counted orders in each currency; who paid in two counts in both."""
        snapshot = self._open()
        mains = snapshot.people.filter(pl.col("orders_count") > 0).select("currency")
        more = snapshot.more_currencies.filter(pl.col("orders_count") > 0).select("currency")
        return dict(pl.concat([mains, more]).group_by("currency").len().iter_rows())

    def tags_in_use(self) -> list[str]:
        """Return every tag that somebody has, sorted."""
        tags = self._overlay().tags
        return sorted({tag for mine in tags.values() for tag in mine}, key=str.casefold)

    def _counted(self, query: PeopleQuery, sample: int) -> Count:
        snapshot = self._open()
        overlay = self._overlay()
        found = selected(snapshot, query, overlay, self._keys_by_order)
        some = ordered(found, query).head(sample).select(KEY)
        return Count(
            people=found.height,
            net=net_by_currency(snapshot, found),
            sample=some.join(snapshot.people, on=KEY, how="left", maintain_order="left").select(ROW_COLUMNS),
        )

    def _in_segment(self, one: pl.DataFrame, overlay: Overlay, segment: Segment) -> bool:
        try:
            belongs = member(parse(segment.rule), self._open())
        except RuleError:
            return False
        return overlay.with_tags(one.lazy()).filter(belongs).collect().height > 0

    def _of_person(self, table: str, key: str) -> pl.DataFrame:
        return self._reading(
            lambda snapshot: (
                snapshot.scan(table).filter(pl.col(KEY) == key).sort("created_at", descending=True).collect()
            )
        )

    def _keys_by_order(self, number: str) -> pl.Series:
        return self._reading(
            lambda snapshot: (
                snapshot.scan("orders").filter(pl.col("number") == number).select(KEY).unique().collect()[KEY]
            )
        )

    def _overlay(self) -> Overlay:
        return read_overlay(self._records, self._shop)

    def _reading(self, read: Callable[[Snapshot], Result]) -> Result:
        """Run `read` on the current version; start over with the new one when a publish pruned it meanwhile."""
        for _ in range(ATTEMPTS):
            snapshot = self._open()
            try:
                return read(snapshot)
            except FileNotFoundError:
                with self._loading:
                    self._snapshot = None
        raise DataFolderError(f"The published files under {self._folder} vanish while they are read. Sync again.")

    def _open(self) -> Snapshot:
        """Return the current version, from memory where it is the one already there."""
        with self._loading:
            for _ in range(ATTEMPTS):
                version = current_version(self._folder)
                if version is None:
                    raise NothingPublished("Nothing is published yet: the first sync of this shop has not ended.")
                if self._snapshot is not None and self._snapshot.manifest.version == version:
                    return self._snapshot
                try:
                    self._snapshot = open_snapshot(self._folder / version)
                except FileNotFoundError:
                    continue
                return self._snapshot
        raise DataFolderError(f"{self._folder} names a version that is not there. Sync again to publish a new one.")
