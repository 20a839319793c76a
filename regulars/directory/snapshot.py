"""One published version opened for reading: everyone, with the columns that lists, searches and rules read."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import polars as pl

from regulars.directory.layout import Manifest, read_manifest, scan_table
from regulars.directory.lookup import KEY, ROW_COLUMNS, read_numbers, read_people
from regulars.directory.overlay import same_address

__all__ = ["KEY", "ROW_COLUMNS", "Snapshot", "open_snapshot"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A version opened for reading.

    `people` is sorted by key and has `ROW_COLUMNS` and the derived columns of `regulars.directory.lookup`;
    `numbers` has `number` and `customer_key` of each order, sorted by number; `more_currencies` has `customer_key`,
    `row` (the position in `people`), `currency`, `orders_count` and `net` of what people spent outside their main
    currency.
    """

    folder: Path
    manifest: Manifest
    people: pl.DataFrame
    numbers: pl.DataFrame
    more_currencies: pl.DataFrame

    def scan(self, table: str) -> pl.LazyFrame:
        """Return a lazy frame over one table, with the columns of `PUBLISHED`; see `scan_table`."""
        return scan_table(self.folder, table)

    @cached_property
    def same_address(self) -> Mapping[str, str]:
        """The identities that are somebody else's by their address alone; see `overlay.same_address`."""
        return same_address(self.scan("identities"))

    def row_of(self, key: str) -> int | None:
        """Return the position of a person in `people`, None where there is nobody of this key."""
        mine = self.people[KEY]
        row = int(mine.search_sorted(key))
        return row if row < mine.len() and mine[row] == key else None

    def rows_of(self, keys: pl.Series) -> pl.Series:
        """Return the positions in `people` of those of `keys` who are there."""
        mine = self.people[KEY]
        if not mine.len() or not keys.len():
            return pl.Series(dtype=pl.UInt32)
        rows = mine.search_sorted(keys).clip(0, mine.len() - 1)
        return rows.filter(mine.gather(rows) == keys)

    def mask_of(self, keys: pl.Series) -> pl.Series:
        """Return a flag for everybody: whether the key is one of `keys`."""
        rows = self.rows_of(keys)
        return pl.repeat(value=False, n=self.people.height, dtype=pl.Boolean, eager=True).scatter(rows, values=True)

    def keys_by_order(self, number: str) -> pl.Series:
        """Return the keys of those who have an order of this number: nearly always one person, or nobody."""
        numbers = self.numbers["number"]
        first, end = (int(numbers.search_sorted(number, side=side)) for side in ("left", "right"))
        return self.numbers[KEY].slice(first, end - first).unique()

    def net_by_currency(self, mask: pl.Series) -> dict[str, Decimal]:
        """Return the net of the people whose flag in `mask` is set, a currency each.

        Currencies are never added up; what a person spent outside the main currency counts in that currency. The
        largest currency by people comes first.
        """
        mains = self.people.select("currency", "net").filter(mask & self.people["currency"].is_not_null())
        frames = [mains]
        if self.more_currencies.height:
            more = self.more_currencies.filter(mask.gather(self.more_currencies["row"]))
            frames.append(more.select("currency", "net"))
        sums = pl.concat(frames).group_by("currency").agg(pl.col("net").sum(), pl.len().alias("people"))
        ordered = sums.sort(["people", "currency"], descending=[True, False])
        return dict(zip(ordered["currency"].to_list(), ordered["net"].to_list(), strict=True))


def open_snapshot(version_folder: Path) -> Snapshot:
    """Open a version. Raises FileNotFoundError when it was pruned in between, and what `read_manifest` raises."""
    manifest = read_manifest(version_folder)
    people = read_people(version_folder)
    more = (
        scan_table(version_folder, "customer_currencies")
        .select(KEY, "currency", "orders_count", "net")
        .join(people.lazy().select(KEY, main="currency").with_row_index("row"), on=KEY, how="inner")
        .filter(pl.col("currency").ne_missing(pl.col("main")))
        .drop("main")
        .collect()
    )
    return Snapshot(
        folder=version_folder,
        manifest=manifest,
        people=people,
        numbers=read_numbers(version_folder),
        more_currencies=more,
    )
