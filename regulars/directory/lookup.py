"""Derived files beside the published tables: everybody as lists, searches and rules read them, ready to be mapped.

Folding the names of a million people takes seconds, and the app, the API and every new version would do it anew. So
whoever publishes does it once, and writes two files in Arrow's form, uncompressed: readers map them into memory, which
takes no time, and processes share what they map. They hold nothing that the tables do not; where they are missing (a
version of an earlier release) or have other columns, the same is worked out from the tables.

* people: one row a person, sorted by key: `ROW_COLUMNS`, and what searches, sorts and rules compare.
* numbers: `number`, `customer_key` of each order, sorted by number.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from regulars.directory.layout import scan_table
from regulars.directory.query import SORTS
from regulars.directory.search import fold, search_columns
from transforms.rfm import RFM_GROUPS
from transforms.rules import FIELDS, Kind, folded_field
from transforms.rules import fold as fold_text
from transforms.schemas import CUSTOMERS

KEY = "customer_key"
# Addresses are read from the table when one person is opened; lists and rules never need them.
LEFT_IN_THE_TABLE = frozenset({"billing", "shipping", "avatar_url", "segments", "shop", "as_of"})
IN_MEMORY = tuple(name for name in CUSTOMERS if name not in LEFT_IN_THE_TABLE)
ROW_COLUMNS = ("name", *IN_MEMORY)

# The texts and lists of texts that rules compare, folded: by field, the column that holds it.
FOLDED = {
    name: f"_rule_{name}"
    for name, field in FIELDS.items()
    if field.kind in (Kind.TEXT, Kind.LIST) and {*field.columns} <= {*CUSTOMERS}
}
# By sort key, a column of whole numbers in its order: they sort in a tenth of the time of texts and money.
RANKS = {sort: f"_rank_{sort}" for sort in SORTS}

FORM = 2  # goes up when the same columns come to mean something else, such as another way to fold
PEOPLE, NUMBERS = f"people-{FORM}.arrow", f"numbers-{FORM}.arrow"
FEW = 50_000  # of a text that has no more values than this (a city, a role), only the values are folded


def write_lookups(version_folder: Path) -> None:
    """Write the derived files of the tables in `version_folder`."""
    _write(_prepared_people(version_folder), version_folder / PEOPLE)
    _write(_prepared_numbers(version_folder), version_folder / NUMBERS)


def remove_lookups(version_folder: Path) -> None:
    """Remove the derived files of a version; the tables can do without them."""
    for name in (PEOPLE, NUMBERS):
        (version_folder / name).unlink(missing_ok=True)


def read_people(version_folder: Path) -> pl.DataFrame:
    """Return everybody of a version. Raises FileNotFoundError when it was pruned in between."""
    mapped = _mapped(version_folder / PEOPLE)
    if mapped is not None and {*ROW_COLUMNS, *FOLDED.values(), *RANKS.values()} <= {*mapped.columns}:
        return mapped
    return _prepared_people(version_folder)


def read_numbers(version_folder: Path) -> pl.DataFrame:
    """Return the order numbers of a version. Raises FileNotFoundError when it was pruned in between."""
    mapped = _mapped(version_folder / NUMBERS)
    return _prepared_numbers(version_folder) if mapped is None else mapped


def _write(frame: pl.DataFrame, file: Path) -> None:
    frame.rechunk().write_ipc(file, compression="uncompressed", record_batch_size=max(frame.height, 1))


def _mapped(file: Path) -> pl.DataFrame | None:
    """Return a derived file as a frame over mapped memory, None where there is none. A removed file stays mapped."""
    try:
        table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
    except FileNotFoundError:
        return None
    frame = pl.from_arrow(table, rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame


def display_name() -> pl.Expr:
    """Return what a person is called in lists, over `CUSTOMERS`: the name, else the company, else the e-mail address."""
    full_name = pl.concat_str([_clean("first_name"), _clean("last_name")], separator=" ").str.strip_chars()
    return pl.coalesce(pl.when(full_name != "").then(full_name), _filled("company"), _filled("email"))


def _prepared_numbers(version_folder: Path) -> pl.DataFrame:
    return scan_table(version_folder, "orders").select("number", KEY).drop_nulls().sort("number", KEY).collect()


def _prepared_people(version_folder: Path) -> pl.DataFrame:
    lazy = scan_table(version_folder, "customers").select(IN_MEMORY)
    frame = lazy.with_columns(display_name().alias("name")).collect().sort(KEY)
    # Money of the currency that most people use comes first: amounts of two currencies have no order between them.
    ranks = frame.group_by("currency").len().filter(pl.col("currency").is_not_null())
    order = ranks.sort(["len", "currency"], descending=[True, False])["currency"].to_list()
    rfm_rank = {group: rank for rank, group in enumerate(RFM_GROUPS)}
    told = frame.with_columns(
        *search_columns(),
        fold(pl.col("name")).alias("_name"),
        pl.col("rfm_group").replace_strict(rfm_rank, default=None, return_dtype=pl.Int8).alias("_rfm_rank"),
        pl.col("currency").replace_strict(_ranked(order), default=None, return_dtype=pl.Int32).alias("_currency_rank"),
        *(_folded(frame, field).alias(column) for field, column in FOLDED.items()),
    )
    return told.with_columns(
        pl.col(SORTS[sort]).rank("dense").cast(pl.UInt32).alias(rank) for sort, rank in RANKS.items()
    )


def _folded(people: pl.DataFrame, field: str) -> pl.Series:
    """Return a text field of rules, folded. Of a text with few different values each is folded once."""
    columns = list(FIELDS[field].columns)
    if FIELDS[field].kind == Kind.LIST:
        return _folded_list(people[columns[0]])
    values = people.select(columns).unique()
    if values.height > FEW:
        return people.select(folded_field(field)).to_series()
    values = values.with_columns(folded_field(field).alias("_folded"))
    joined = people.select(columns).join(values, on=columns, how="left", nulls_equal=True, maintain_order="left")
    return joined["_folded"]


def _folded_list(lists: pl.Series) -> pl.Series:
    """Return lists of texts, folded. Shops have few categories and coupons: each is folded once."""
    values = lists.explode().drop_nulls().unique()
    folded = values.to_frame("value").select(fold_text(pl.col("value")).alias("folded"))["folded"]
    each = pl.element().replace_strict(values, folded, default=None, return_dtype=pl.String)
    return lists.to_frame("lists").select(pl.col("lists").list.eval(each)).to_series()


def _ranked(names: list[str]) -> Mapping[str, int]:
    return {name: rank for rank, name in enumerate(names)} or {"": 0}


def _clean(column: str) -> pl.Expr:
    return pl.col(column).fill_null("").str.strip_chars()


def _filled(column: str) -> pl.Expr:
    return pl.when(_clean(column) != "").then(_clean(column))
