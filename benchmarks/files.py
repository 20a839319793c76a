"""List and profile from the published files, beside the same queries typed by hand with Polars and DuckDB."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TypeVar

import duckdb
import polars as pl

from benchmarks.comparison import Comparison, Run, compared
from benchmarks.ground import Ground
from regulars.directory.lookup import IN_MEMORY
from regulars.directory.published import Directory
from regulars.directory.query import PeopleQuery

PAGE = 25

T = TypeVar("T")


class Listed(NamedTuple):
    """What a list shows, to hold the answers against each other."""

    keys: list[str]
    total: int
    net: Mapping[str, Decimal]


class Profile(NamedTuple):
    """What a profile shows of a person, to hold the answers against each other."""

    email: str
    net: Decimal
    orders: list[int]
    refunds: int


def list_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield the list: opened anew each time, so that nothing is kept; and turning pages in one that stays open."""
    by_hand = {"polars": _list_with_polars(ground.version), "duckdb": _list_with_duckdb(ground.version)}
    agree(listed(ground.from_files(), 0), {name: query(0) for name, query in by_hand.items()})
    yield from compared(
        "store_list",
        "files: first page by net, opened anew",
        ground.repeats,
        lambda _: listed(ground.from_files(), 0),
        _each(by_hand, lambda _: 0),
    )
    kept = ground.from_files()
    yield from compared(
        "store_list", "files: next page by net", ground.repeats, lambda turn: listed(kept, turn), by_hand
    )


def profile_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield the profile of another person each time."""
    directory = ground.from_files()
    checked, keys = apart(some_keys(directory, ground.repeats + 4))
    by_hand = {"polars": _profile_with_polars(ground.version), "duckdb": _profile_with_duckdb(ground.version)}
    for key in checked:
        agree(profile(directory, key), {name: query(key) for name, query in by_hand.items()})
    yield from compared(
        "store_profile",
        "files: person, orders and refunds",
        ground.repeats,
        lambda turn: profile(directory, keys[turn]),
        _each(by_hand, lambda turn: keys[turn]),
    )


def listed(directory: Directory, page: int) -> Listed:
    """Return a page of everybody by net, counted from 0, as the product gives it."""
    found = directory.people(PeopleQuery(page=page + 1, page_size=PAGE))
    return Listed(found.rows["customer_key"].to_list(), found.total, found.net)


def profile(directory: Directory, key: str) -> Profile:
    """Return a person's profile as the product gives it."""
    person, orders, refunds = directory.person(key), directory.orders_of(key), directory.refunds_of(key)
    return Profile(person.row["email"], person.row["net"], orders["order_id"].to_list(), refunds.height)


def some_keys(directory: Directory, count: int) -> list[str]:
    """Return the keys of people from the best customer to the last one who bought, evenly spread."""
    keys = directory.keys(PeopleQuery())
    buyers = max(int(keys.len() * 0.8), 1)
    return [keys[place * buyers // count] for place in range(count)]


def apart(keys: list[str]) -> tuple[list[str], list[str]]:
    """Return three keys to check answers with, and the rest: what was asked once may be kept, and is not timed."""
    checked = keys[:: max(len(keys) // 3, 1)][:3]
    return checked, [key for key in keys if key not in checked]


def agree(ours: object, theirs: Mapping[str, object]) -> None:
    """Raise AssertionError where an answer by hand is not ours: then there would be nothing to compare."""
    for name, answer in theirs.items():
        assert answer == ours, f"{name} says {answer}, not {ours}"


def _list_with_polars(version: Path) -> Callable[[int], Listed]:
    def query(page: int) -> Listed:
        people = pl.scan_parquet(version / "customers.parquet").select(IN_MEMORY)
        used = pl.col("currency").count().over("currency")
        shown = people.sort(
            [used, "currency", "net", "customer_key"], descending=[True, False, True, False], nulls_last=True
        ).slice(page * PAGE, PAGE)
        sums = people.drop_nulls("currency").group_by("currency").agg(pl.col("net").sum())
        rows, total, net = pl.collect_all([shown, people.select(pl.len()), sums])
        return Listed(rows["customer_key"].to_list(), total.item(), dict(net.iter_rows()))

    return query


def _list_with_duckdb(version: Path) -> Callable[[int], Listed]:
    connection = duckdb.connect()
    connection.execute(f"CREATE VIEW people AS SELECT {', '.join(IN_MEMORY)} FROM '{version / 'customers.parquet'}'")
    used = "(SELECT currency AS name, count(*) AS people FROM people WHERE currency IS NOT NULL GROUP BY ALL)"
    order = "used.people DESC NULLS LAST, currency, net DESC, customer_key"
    shown = f"SELECT people.* FROM people LEFT JOIN {used} used ON name = currency ORDER BY {order} LIMIT ? OFFSET ?"
    sums = "SELECT currency, sum(net)::DECIMAL(18, 6) FROM people WHERE currency IS NOT NULL GROUP BY ALL"

    def query(page: int) -> Listed:
        rows = _fetched(connection, shown, [PAGE, page * PAGE])
        total = connection.execute("SELECT count(*) FROM people").fetchall()[0][0]
        return Listed(rows["customer_key"].to_list(), total, dict(connection.execute(sums).fetchall()))

    return query


def _profile_with_polars(version: Path) -> Callable[[str], Profile]:
    def query(key: str) -> Profile:
        mine = pl.col("customer_key") == key
        names = ("customers", "customer_currencies", "orders", "refunds")
        tables = [pl.scan_parquet(version / f"{name}.parquet").filter(mine) for name in names]
        tables[2] = tables[2].sort("created_at", descending=True)
        person, _, orders, refunds = pl.collect_all(tables)
        return Profile(person["email"][0], person["net"][0], orders["order_id"].to_list(), refunds.height)

    return query


def _profile_with_duckdb(version: Path) -> Callable[[str], Profile]:
    connection = duckdb.connect()

    def query(key: str) -> Profile:
        def rows(table: str, order: str = "") -> pl.DataFrame:
            return _fetched(
                connection, f"SELECT * FROM '{version / table}.parquet' WHERE customer_key = ? {order}", [key]
            )

        person, _ = rows("customers"), rows("customer_currencies")
        orders, refunds = rows("orders", "ORDER BY created_at DESC"), rows("refunds")
        return Profile(person["email"][0], person["net"][0], orders["order_id"].to_list(), refunds.height)

    return query


def _fetched(connection: duckdb.DuckDBPyConnection, query: str, values: list[object]) -> pl.DataFrame:
    frame: pl.DataFrame = connection.sql(query, params=values).pl()
    return frame


def _each(by_hand: Mapping[str, Callable[[T], object]], question: Callable[[int], T]) -> dict[str, Run]:
    """Return the queries as runs: turn by turn, each is asked what `question` says."""

    def asked(query: Callable[[T], object]) -> Run:
        return lambda turn: query(question(turn))

    return {name: asked(query) for name, query in by_hand.items()}
