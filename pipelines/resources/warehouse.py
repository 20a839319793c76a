"""The warehouse as a resource: one run of a shop holds it at a time, the others wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import PrivateAttr

from regulars.errors import WarehouseBusy
from regulars.paths import DataPaths

if TYPE_CHECKING:
    from pipelines.warehouse import Warehouse

PARTITION_TAG = "dagster/partition"
# A first sync of a large shop takes an hour or more; a run that waits longer than this says so and ends.
PATIENCE_SECONDS = 4 * 3600.0


class WarehouseResource(dg.ConfigurableResource["WarehouseResource"]):
    """Holds the shop's warehouse for the length of the run.

    DuckDB lets one process open a file for writing, and refuses every other one at once. So runs of one shop queue on a
    file lock, which the system gives back when a run is killed: nothing has to be cleaned up by hand.
    """

    data_dir: str
    patience_seconds: float = PATIENCE_SECONDS
    _opened: dict[str, Any] = PrivateAttr(default_factory=dict)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["WarehouseResource"]:
        """Wait for the warehouse of the run's shop, hold it until the run ends. Raises WarehouseBusy."""
        shop = context.run.tags.get(PARTITION_TAG) if context.run else None
        if shop is None:  # a run that names no shop opens no warehouse
            yield self
            return
        path = self._paths.warehouse_lock(shop)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)  # whichever of Dagster's threads ends the run gives it back
        try:
            lock.acquire(timeout=self.patience_seconds)
        except Timeout:
            raise WarehouseBusy(
                f"Another run has held the warehouse of {shop!r} for more than {self.patience_seconds:.0f} s."
            ) from None
        try:
            yield self
        finally:
            self._opened.clear()
            lock.release()

    @property
    def _paths(self) -> DataPaths:
        return DataPaths(Path(self.data_dir))

    def of(self, shop: str) -> "Warehouse":
        """Return the shop's warehouse, the same object in all steps of the run."""
        from pipelines.warehouse import Warehouse

        if shop not in self._opened:
            self._opened[shop] = Warehouse(self._paths.warehouse(shop))
        held: Warehouse = self._opened[shop]
        return held
