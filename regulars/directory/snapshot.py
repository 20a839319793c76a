"""One published version as kept in memory: everyone, with the columns that lists, searches and rules read."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from regulars.directory.layout import Manifest, read_manifest, table_file
from regulars.directory.search import fold, search_columns
from transforms.rfm import RFM_GROUPS
from transforms.schemas import CUSTOMERS

# Addresses are read from the file when one person is opened; lists and rules never need them.
LEFT_IN_THE_FILE = frozenset({"billing", "shipping", "avatar_url", "segments", "shop", "as_of"})
IN_MEMORY = tuple(name for name in CUSTOMERS if name not in LEFT_IN_THE_FILE)
ROW_COLUMNS = ("name", *IN_MEMORY)
KEY = "customer_key"


@dataclass(frozen=True)
class Snapshot:
    """A version opened for reading.

    `people` has `ROW_COLUMNS` and the derived columns of search and sort; `more_currencies` has `customer_key`,
    `currency`, `orders_count` and `net` of what people spent outside their main currency.
    """

    folder: Path
    manifest: Manifest
    people: pl.DataFrame
    more_currencies: pl.DataFrame

    def scan(self, table: str) -> pl.LazyFrame:
        """Return a lazy frame over one table's file."""
        return pl.scan_parquet(table_file(self.folder, table))


def open_snapshot(version_folder: Path) -> Snapshot:
    """Read a version. Raises FileNotFoundError when it was pruned in between, and what `read_manifest` raises."""
    manifest = read_manifest(version_folder)
    people = _people(version_folder)
    more = (
        pl.scan_parquet(table_file(version_folder, "customer_currencies"))
        .select(KEY, "currency", "orders_count", "net")
        .join(people.lazy().select(KEY, main="currency"), on=KEY, how="inner")
        .filter(pl.col("currency").ne_missing(pl.col("main")))
        .drop("main")
        .collect()
    )
    return Snapshot(folder=version_folder, manifest=manifest, people=people, more_currencies=more)


def _people(version_folder: Path) -> pl.DataFrame:
    lazy = pl.scan_parquet(table_file(version_folder, "customers")).select(IN_MEMORY)
    full_name = pl.concat_str([_clean("first_name"), _clean("last_name")], separator=" ").str.strip_chars()
    name = pl.coalesce(pl.when(full_name != "").then(full_name), _filled("company"), _filled("email"))
    frame = lazy.with_columns(name.alias("name")).collect()
    # Money of the currency that most people use comes first: amounts of two currencies have no order between them.
    ranks = frame.group_by("currency").len().filter(pl.col("currency").is_not_null())
    order = ranks.sort(["len", "currency"], descending=[True, False])["currency"].to_list()
    rfm_rank = {group: rank for rank, group in enumerate(RFM_GROUPS)}
    return frame.with_columns(
        *search_columns(),
        fold(pl.col("name")).alias("_name"),
        pl.col("rfm_group").replace_strict(rfm_rank, default=None, return_dtype=pl.Int8).alias("_rfm_rank"),
        pl.col("currency").replace_strict(_ranked(order), default=None, return_dtype=pl.Int32).alias("_currency_rank"),
    ).sort(KEY)


def _ranked(names: list[str]) -> Mapping[str, int]:
    return {name: rank for rank, name in enumerate(names)} or {"": 0}


def _clean(column: str) -> pl.Expr:
    return pl.col(column).fill_null("").str.strip_chars()


def _filled(column: str) -> pl.Expr:
    return pl.when(_clean(column) != "").then(_clean(column))


def net_by_currency(snapshot: Snapshot, keys: pl.DataFrame) -> dict[str, Decimal]:
    """Return the net of the people in `keys` (columns `customer_key`, `currency`, `net`), a currency each.

    Currencies are never added up; what a person spent outside the main currency counts in that currency. The largest
    currency by people comes first.
    """
    mains = keys.filter(pl.col("currency").is_not_null()).select(KEY, "currency", "net")
    frames = [mains]
    if snapshot.more_currencies.height:
        more = snapshot.more_currencies.select(KEY, "currency", "net")
        frames.append(more.join(keys.select(KEY), on=KEY, how="semi"))
    sums = pl.concat(frames).group_by("currency").agg(pl.col("net").sum(), pl.len().alias("people"))
    ordered = sums.sort(["people", "currency"], descending=[True, False])
    return dict(zip(ordered["currency"].to_list(), ordered["net"].to_list(), strict=True))
