"""Where a sync stands: kept in dlt's state, which commits with the rows it describes.

A *sweep* reads every listing from end to end (the first sync, and each full one); it can be cut anywhere and goes on
from the last page that was committed. A *cursor* is the modification time up to which changes are known to be read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

import polars as pl

from pipelines.woocommerce.rows import Row, Tombstone
from regulars.models import Model
from transforms.schemas import TIME

How = Literal["body", "fetched", "skipped"]
# A load costs dlt a third of a second, whatever is in it; a page is kept in the journal until it is committed.
SLICE_PAGES: Final = 150
SLICE_SIZE: Final = 40_000_000


class Sweep(Model):
    """A sweep under way.

    `stage` counts the listings done; `page` is the last page read of the next one, and `last_id` the last id on it. For
    refunds read order by order, `last_id` is the last order done and `page` stays 0.
    """

    started_at: datetime
    stage: int = 0
    page: int = 0
    last_id: int | None = None


class Mark(Model):
    """What has been read and committed. Cursors are instants of the shop's clock.

    `complete` since a sweep reached its end; `counted` since what is held was then compared with the shop's totals.
    `customers_page` is the last page read of the list of accounts (0: begin again), `customers_last_id` the last id on it.
    `reread_page` and `reread_last_id` say the same of the orders that reconciles read again whole, a part each time.
    """

    change_seq: int = 0
    complete: bool = False
    counted: bool = False
    sweep: Sweep | None = None
    orders: datetime | None = None
    trash: datetime | None = None
    products: datetime | None = None
    customers_page: int = 0
    customers_last_id: int = 0
    reread_page: int = 0
    reread_last_id: int = 0


class Applied(NamedTuple):
    """What became of one change row: its "body" was taken, the record was "fetched", or it was "skipped".

    Skipped: a newer change row told of the same record, the shop cannot show it, or it is of a kind that is not copied.
    """

    seq: int
    applied_at: datetime
    how: How


APPLIED: Final = {"seq": pl.Int64(), "applied_at": TIME, "how": pl.String()}


@dataclass
class Batch:
    """Rows that were read together, and the mark that is true once they are committed.

    `applied` says what became of the change rows among them, for the ledger that is committed with them.
    `flush` asks to commit before anything more is read, since what follows looks them up in the warehouse.
    """

    mark: Mark
    rows: dict[str, list[Row]] = field(default_factory=dict)
    gone: list[Tombstone] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    flush: bool = False

    @property
    def size(self) -> int:
        """The size of the bodies, in characters."""
        return sum(len(row.body) for rows in self.rows.values() for row in rows)


class Keeper(Protocol):
    """Keeps what was read until it is committed; see `pipelines.woocommerce.journal`."""

    def append(self, batch: Batch, after: Mark) -> None:
        """Keep a batch that was read while the warehouse stood at `after`."""

    def clear(self) -> None:
        """Forget what was kept."""


def slices(batches: Iterable[Batch], keeper: Keeper, mark: Mark) -> Iterator[list[Batch]]:
    """Group batches into what is committed at once, bounded in pages and size so that memory is.

    `keeper` is given each batch as soon as it is read, and cleared once the next slice is asked for: whoever asks has
    committed the last one. `mark` is where the warehouse stands at the start.
    """
    held: list[Batch] = []
    size = 0
    for batch in batches:
        keeper.append(batch, mark)
        held.append(batch)
        size += batch.size
        if batch.flush or len(held) >= SLICE_PAGES or size >= SLICE_SIZE:
            yield held
            keeper.clear()
            mark, held, size = batch.mark, [], 0
    if held:
        yield held
        keeper.clear()
