"""One published version as kept in memory: everyone, with the columns that lists, searches and rules read."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from regulars.directory.layout import Manifest, read_manifest, table_file
from regulars.directory.search import fold, search_columns
from transforms.rfm import RFM_GROUPS
from transforms.rules import FIELDS, Kind, folded_field
from transforms.schemas import CUSTOMERS

# Addresses are read from the file when one person is opened; lists and rules never need them.
LEFT_IN_THE_FILE = frozenset({"billing", "shipping", "avatar_url", "segments", "shop", "as_of"})
IN_MEMORY = tuple(name for name in CUSTOMERS if name not in LEFT_IN_THE_FILE)
ROW_COLUMNS = ("name", *IN_MEMORY)
KEY = "customer_key"

# The text fields of rules, folded once when a version is opened: by field, the column that holds it.
FOLDED = {name: f"_rule_{name}" for name, field in FIELDS.items() if field.kind == Kind.TEXT}
FEW = 50_000  # of a text that has no more values than this (a city, a role), only the values are folded


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A version opened for reading.

    `people` is sorted by key and has `ROW_COLUMNS` and the derived columns of search, sort and rules;
    `more_currencies` has `customer_key`, `row` (the position in `people`), `currency`, `orders_count` and `net` of
    what people spent outside their main currency.
    """

    folder: Path
    manifest: Manifest
    people: pl.DataFrame
    more_currencies: pl.DataFrame

    def scan(self, table: str) -> pl.LazyFrame:
        """Return a lazy frame over one table's file."""
        return pl.scan_parquet(table_file(self.folder, table))

    def row_of(self, key: str) -> int | None:
        """Return the position of a person in `people`, None where there is nobody of this key."""
        rows = self.rows_of(pl.Series([key], dtype=pl.String))
        return int(rows[0]) if rows.len() else None

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
        return self.scan("orders").filter(pl.col("number") == number).select(KEY).unique().collect()[KEY]

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
    """Read a version. Raises FileNotFoundError when it was pruned in between, and what `read_manifest` raises."""
    manifest = read_manifest(version_folder)
    people = _people(version_folder)
    more = (
        pl.scan_parquet(table_file(version_folder, "customer_currencies"))
        .select(KEY, "currency", "orders_count", "net")
        .join(people.lazy().select(KEY, main="currency").with_row_index("row"), on=KEY, how="inner")
        .filter(pl.col("currency").ne_missing(pl.col("main")))
        .drop("main")
        .collect()
    )
    return Snapshot(folder=version_folder, manifest=manifest, people=people, more_currencies=more)


def _people(version_folder: Path) -> pl.DataFrame:
    lazy = pl.scan_parquet(table_file(version_folder, "customers")).select(IN_MEMORY)
    full_name = pl.concat_str([_clean("first_name"), _clean("last_name")], separator=" ").str.strip_chars()
    name = pl.coalesce(pl.when(full_name != "").then(full_name), _filled("company"), _filled("email"))
    frame = lazy.with_columns(name.alias("name")).collect().sort(KEY)
    # Money of the currency that most people use comes first: amounts of two currencies have no order between them.
    ranks = frame.group_by("currency").len().filter(pl.col("currency").is_not_null())
    order = ranks.sort(["len", "currency"], descending=[True, False])["currency"].to_list()
    rfm_rank = {group: rank for rank, group in enumerate(RFM_GROUPS)}
    return frame.with_columns(
        *search_columns(),
        fold(pl.col("name")).alias("_name"),
        pl.col("rfm_group").replace_strict(rfm_rank, default=None, return_dtype=pl.Int8).alias("_rfm_rank"),
        pl.col("currency").replace_strict(_ranked(order), default=None, return_dtype=pl.Int32).alias("_currency_rank"),
        *(_folded(frame, field).alias(column) for field, column in FOLDED.items()),
    )


def _folded(people: pl.DataFrame, field: str) -> pl.Series:
    """Return a text field of rules, folded. Of a text with few different values each is folded once."""
    columns = list(FIELDS[field].columns)
    values = people.select(columns).unique()
    if values.height > FEW:
        return people.select(folded_field(field)).to_series()
    values = values.with_columns(folded_field(field).alias("_folded"))
    return people.select(columns).join(values, on=columns, how="left", nulls_equal=True, maintain_order="left")[
        "_folded"
    ]


def _ranked(names: list[str]) -> Mapping[str, int]:
    return {name: rank for rank, name in enumerate(names)} or {"": 0}


def _clean(column: str) -> pl.Expr:
    return pl.col(column).fill_null("").str.strip_chars()


def _filled(column: str) -> pl.Expr:
    return pl.when(_clean(column) != "").then(_clean(column))
