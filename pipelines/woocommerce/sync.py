"""Bring the raw tables of one shop up to date: change rows first, then what changed, or everything, or a comparison.

Each slice is committed with the mark that says how far it goes, and what was read since then stands in a journal: the
next sync goes on from there. Whoever calls this holds the shop's warehouse lock.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from pipelines.woocommerce.changes import merge_changes
from pipelines.woocommerce.follow import Follower
from pipelines.woocommerce.journal import Journal
from pipelines.woocommerce.known import Known
from pipelines.woocommerce.listings import CUSTOMERS, ORDERS, TRASH
from pipelines.woocommerce.precedence import supersedes
from pipelines.woocommerce.progress import Batch, Mark, slices
from pipelines.woocommerce.reads import Reader, Report
from pipelines.woocommerce.reconcile import Reconciler
from pipelines.woocommerce.source import Loader
from pipelines.woocommerce.splitting import Splitting
from regulars.models import ChangeRow, Drift
from regulars.shop.index import ShopIndex
from regulars.shop.port import ShopReader


@dataclass(frozen=True)
class SyncOutcome:
    """What a sync did.

    `rows` counts the rows written by raw table (tombstones under `deletions`); `customers_upserted` and
    `orders_upserted` count records, each once. `last_change_seq` is the last change row that is in. `requests` were
    sent to the shop in `seconds` of wall time. `shop_now` is the shop's clock at the start, `shop_name` its title and
    `timezone` its IANA zone. `drift` is what a comparison found, None where nothing was compared; `unreadable` counts
    the records, at least, that the shop could not show, `pages` the pages of listings read to copy or to pull. `doubts`
    are sentences for people: what the shop said and was not believed.
    """

    rows: dict[str, int]
    customers_upserted: int
    orders_upserted: int
    last_change_seq: int
    requests: int
    seconds: float
    shop_name: str
    timezone: str
    shop_now: datetime
    drift: tuple[Drift, ...] | None = None
    unreadable: int = 0
    pages: int = 0
    doubts: tuple[str, ...] = ()


def now() -> datetime:
    """Return the present instant: the one clock of a sync."""
    return datetime.now(UTC)


def sync_shop(
    client: ShopReader,
    *,
    warehouse: Path,
    pipelines_dir: Path,
    shop: str,
    overlap: timedelta,
    report: Report,
    changes: Sequence[ChangeRow] = (),
    pull: bool = True,
    full: bool = False,
    reconcile: bool = False,
    believe: bool = False,
    clock: Callable[[], datetime] = now,
    look: Callable[[ShopIndex], None] = lambda _: None,
) -> SyncOutcome:
    """Copy what is new at `shop` into `raw` of the DuckDB file `warehouse`.

    `changes` are merged first; those already in are passed over. With `pull` the shop is asked for what changed since
    the last pull, less `overlap`; the first time, and with `full`, everything is read, and records that the shop no
    longer has get a tombstone. With `reconcile` nothing is pulled: everything is compared, and what differs is mended;
    only a shop that was never read to its end is pulled first. `believe` takes the shop's word where it suddenly lacks
    a large part of its records. `report(stage, done, total)` is called for each page read. `look` is given what the
    shop says of itself before anything is read, and raises where this is not the shop that it should be.

    Raises ShopError as the client does, WarehouseBusy or DataFolderError where the warehouse cannot be used. What was
    committed before stays, and the next sync goes on from there.
    """
    started, sent = time.monotonic(), client.requests_sent
    index = client.index()
    look(index)
    known = Known(warehouse)
    run = _Run(Loader(warehouse, pipelines_dir, shop), Journal(pipelines_dir / f"{shop}.journal"), known, clock)
    run.recover()
    parts = _Parts.over(client, known, overlap=overlap, report=report, clock=clock, believe=believe)
    run.commit(merge_changes(changes, run.mark, known, parts.follower, shop_now=index.server_now, clock=clock))
    if (pull and not reconcile) or (reconcile and not run.mark.complete):
        _pull(parts.listed, run, parts.reader, known, full=full, shop_now=index.server_now)
    drift = _reconcile(run, parts.comparison) if reconcile else None
    return _outcome(run, parts, index, drift, requests=client.requests_sent - sent, seconds=time.monotonic() - started)


@dataclass(frozen=True)
class _Parts:
    """What reads the shop in one sync; they share what was already asked."""

    listed: Splitting
    follower: Follower
    reader: Reader
    comparison: Reconciler

    @classmethod
    def over(
        cls,
        client: ShopReader,
        known: Known,
        *,
        overlap: timedelta,
        report: Report,
        clock: Callable[[], datetime],
        believe: bool,
    ) -> Self:
        follower, listed = Follower(client, known, clock, believe=believe), Splitting(client)
        reader = Reader(listed, known, follower, overlap=overlap, report=report, clock=clock)
        return cls(listed, follower, reader, Reconciler(listed, known, follower, report=report, clock=clock))


def _outcome(
    run: "_Run", parts: _Parts, index: ShopIndex, drift: tuple[Drift, ...] | None, *, requests: int, seconds: float
) -> SyncOutcome:
    return SyncOutcome(
        rows=dict(run.rows),
        customers_upserted=len(run.customers),
        orders_upserted=len(run.orders),
        last_change_seq=run.mark.change_seq,
        requests=requests,
        seconds=seconds,
        shop_name=index.name,
        timezone=index.timezone,
        shop_now=index.server_now,
        drift=drift,
        unreadable=max(len(parts.follower.unreadable), parts.listed.left_out_in_all()),
        pages=parts.reader.pages,
        doubts=parts.follower.doubts,
    )


class _Run:
    """Commits batches, slice by slice, and counts what was written."""

    def __init__(self, loader: Loader, journal: Journal, known: Known, clock: Callable[[], datetime]) -> None:
        self._loader, self._journal, self._known, self._clock = loader, journal, known, clock
        self.mark: Mark = loader.mark()
        self.rows: Counter[str] = Counter()
        self.orders: set[int] = set()
        self.customers: set[int] = set()

    def recover(self) -> None:
        """Commit what a sync had read that was killed before it could."""
        self.commit(self._journal.recover(self.mark))
        self._journal.clear()

    def commit(self, batches: Iterable[Batch]) -> None:
        for part in slices(batches, self._journal, self.mark):
            if not any(batch.rows or batch.gone for batch in part) and part[-1].mark == self.mark:
                continue
            self._keep_newer(part)
            self.rows.update(self._loader.load(part))
            self.mark = part[-1].mark
            for batch in part:
                self.orders.update(row.id for row in batch.rows.get("orders", []))
                self.customers.update(row.id for row in batch.rows.get("customers", []))

    def _keep_newer(self, part: Sequence[Batch]) -> None:
        """Leave out rows that were observed before the ones held: pages read ahead may come after a read by id."""
        now = self._clock()
        for table in {table for batch in part for table in batch.rows}:
            held = self._known.observed(table, [row.id for batch in part for row in batch.rows.get(table, ())])
            for batch in part:
                if rows := batch.rows.get(table):
                    batch.rows[table] = [row for row in rows if supersedes(row.observed_at, held.get(row.id), now)]


def _pull(shop: Splitting, run: _Run, reader: Reader, known: Known, *, full: bool, shop_now: datetime) -> None:
    if run.mark.complete:  # first, so that a sweep that fails again and again holds nothing else up
        run.commit(reader.changes(run.mark))
    if full or run.mark.sweep is not None or not run.mark.complete:
        _sweep(run, reader, shop_now)
    if not run.mark.counted:
        if not _holds_all(shop, known):
            _sweep(run, reader, shop_now)
        run.commit([Batch(run.mark.model_copy(update={"counted": True}))])


def _reconcile(run: _Run, comparison: Reconciler) -> tuple[Drift, ...]:
    run.commit(comparison.batches(run.mark))
    return comparison.drift()


def _sweep(run: _Run, reader: Reader, shop_now: datetime) -> None:
    """Read everything, then what changed meanwhile."""
    run.commit(reader.sweep(run.mark, shop_now))
    run.commit(reader.changes(run.mark))


def _holds_all(shop: Splitting, known: Known) -> bool:
    """Return whether we hold as many records as the shop lists and can show: paging may skip one without a sign."""
    listed = [
        shop.head_total(one.path, one.params) - shop.left_out(one.path, one.params)
        for one in (ORDERS, TRASH, CUSTOMERS)
    ]
    return all(ours >= theirs for ours, theirs in zip(known.counts(), listed, strict=True))
