"""Where things lie under `REGULARS_DATA`. Others script against these places: they are a contract."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DataPaths:
    """Paths under one data folder; nothing is created by asking."""

    root: Path

    def warehouse(self, shop: str) -> Path:
        """Return the shop's DuckDB file."""
        return self.root / "warehouse" / f"{shop}.duckdb"

    def warehouse_lock(self, shop: str) -> Path:
        """Return the lock file whose holder may open the warehouse."""
        return self.root / "warehouse" / f"{shop}.lock"

    def published(self, shop: str) -> Path:
        """Return the folder with the shop's published versions and its `CURRENT` file."""
        return self.root / "published" / shop

    def progress(self, shop: str) -> Path:
        """Return the file that tells where the shop's sync stands."""
        return self.root / "progress" / f"{shop}.json"

    @property
    def inbox(self) -> Path:
        """The change rows; the receiver's process is its only writer."""
        return self.root / "inbox.db"

    @property
    def records(self) -> Path:
        """The records: notes, tags, segments."""
        return self.root / "records.db"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME."""
        return self.root / "dagster"

    @property
    def dlt(self) -> Path:
        """The working folders of dlt's pipelines."""
        return self.root / "dlt"

    @property
    def logs(self) -> Path:
        """Logs of the processes that `regulars up` starts."""
        return self.root / "logs"
