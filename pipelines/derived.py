"""What the warehouse remembers of its last marts, so that the next run derives only what changed since.

`staging.touched` lists the raw rows staged since then, written in the same transactions as the rows. Beside the marts,
and in their transaction, lies what they were derived by (`basis.settings`), the aliases (`basis.links`), who was hidden
(`basis.hidden`), the deletions that they know of (`basis.deletions`) and whose each order is (`basis.owners`). A run that
is killed leaves all of it as it was.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import duckdb
import polars as pl

from pipelines.known import remember_owners
from pipelines.reading import counted, exists, read_table
from pipelines.snapshot import KnownLinks
from pipelines.warehouse import Warehouse, create_table, insert, remember, transaction
from pipelines.writing import write_orders
from transforms import schemas, staged_schemas
from transforms.identity import LINKED_ALIASES
from transforms.incremental import Touched
from transforms.marts import Beside
from transforms.patches import Changes

HIDDEN = {"customer_key": pl.String()}
BASIS: Mapping[str, Mapping[str, pl.DataType]] = {
    "links": LINKED_ALIASES,
    "hidden": HIDDEN,
    "deletions": staged_schemas.RAW_DELETIONS,
}
TOUCHED_BY = {"order": "orders", "customer": "customers", "refund": "refunds", "product": "products"}
UPDATED = ("r", "f", "m", "rfm_group", "segments")


class Origin(NamedTuple):
    """What marts are derived from beside staging: settings as JSON values, the aliases, and who is hidden."""

    settings: dict[str, Any]
    links: KnownLinks
    hidden: frozenset[str]


def touched_since(warehouse: Warehouse) -> Touched:
    """Return what was staged or deleted since the marts were derived, keys of aliases aside."""
    with warehouse.connect() as connection:
        ids: dict[str, set[int]] = {name: set() for name in TOUCHED_BY.values()}
        if exists(connection, "staging", "touched"):
            for name, number in connection.sql("SELECT DISTINCT object, id FROM staging.touched").fetchall():
                ids[name].add(number)
        known = read_table(connection, "basis", "deletions", staged_schemas.RAW_DELETIONS)
        now = read_table(connection, "raw", "deletions", staged_schemas.RAW_DELETIONS)
        columns = ["object", "id", "observed_at"]
        for one, other in ((now, known), (known, now)):
            for kind, number, _ in one.join(other, on=columns, how="anti").select(columns).collect().iter_rows():
                ids[TOUCHED_BY[kind]].add(number)
    orders, customers, refunds, products = (frozenset(ids[name]) for name in TOUCHED_BY.values())
    return Touched(orders, customers, refunds, products)


def origin_before(warehouse: Warehouse) -> Origin | None:
    """Return what the marts were derived from; None where nobody knows: older ones, or some that were changed by hand."""
    with warehouse.connect() as connection:
        if not (exists(connection, "basis", "settings") and exists(connection, "basis", "owners")):
            return None
        text = "SELECT value::TEXT, rows::TEXT, links FROM basis.settings"
        ((settings, rows, stamp),) = connection.sql(text).fetchall()
        if json.loads(rows) != _rows(connection):
            return None
        links = read_table(connection, "basis", "links", LINKED_ALIASES).collect()
        hidden = read_table(connection, "basis", "hidden", HIDDEN).collect()["customer_key"]
        return Origin(json.loads(settings), KnownLinks(stamp, links), frozenset(hidden))


class Whole(NamedTuple):
    """All marts of a shop: `tables` but for orders and order lines, which are as staged with what lies `beside`."""

    shop: str
    tables: Mapping[str, pl.DataFrame]
    beside: Beside


def write_whole(warehouse: Warehouse, made: Whole, facts: Mapping[str, Any], origin: Origin) -> None:
    """Replace the marts by `made` and remember where they came from, in one transaction."""

    def finish(connection: duckdb.DuckDBPyConnection) -> None:
        write_orders(connection, made.beside, made.shop)
        _settle(connection, origin)
        remember_owners(connection)

    warehouse.write_marts(made.tables, facts, finish)


def write_changes(warehouse: Warehouse, changes: Changes, facts: Mapping[str, Any], origin: Origin) -> None:
    """Write the rows that differ, and remember where they came from, in one transaction."""
    warehouse.forget_written()
    with warehouse.connect() as connection, transaction(connection):
        for name, patch in changes.patches.items():
            if patch.gone is None:
                connection.execute(f"DELETE FROM marts.{name}")  # noqa: S608 - our own names, here and below
            else:
                connection.register("gone", patch.gone.unique().to_frame().to_arrow())
                key = patch.gone.name
                connection.execute(f"DELETE FROM marts.{name} WHERE {key} IN (SELECT {key} FROM gone)")  # noqa: S608
                connection.unregister("gone")
            insert(connection, "marts", name, patch.rows)
        if changes.rescored.height:
            connection.register("rescored", changes.rescored.to_arrow())
            values = ", ".join(f"{name} = n.{name}" for name in UPDATED)
            connection.execute(
                f"UPDATE marts.customers SET {values} FROM rescored n "  # noqa: S608
                "WHERE customers.customer_key = n.customer_key"
            )
            connection.unregister("rescored")
        remember(connection, {"marts": dict(facts)})
        _settle(connection, origin)
        remember_owners(connection, changes.patches["orders"].gone)


def _settle(connection: duckdb.DuckDBPyConnection, origin: Origin) -> None:
    """Note what the marts hold now, and that nothing was touched since."""
    hidden = pl.DataFrame({"customer_key": sorted(origin.hidden)}, schema=HIDDEN)
    deletions = read_table(connection, "raw", "deletions", staged_schemas.RAW_DELETIONS).collect()
    connection.execute("CREATE SCHEMA IF NOT EXISTS basis")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS basis.settings (value JSON NOT NULL, rows JSON NOT NULL, links TEXT)"
    )
    known = connection.sql("SELECT links FROM basis.settings WHERE links <> ''").fetchall()
    tables = {"links": origin.links.links, "hidden": hidden, "deletions": deletions}
    if known == [(origin.links.stamp,)]:
        del tables["links"]
    for name, rows in tables.items():
        create_table(connection, "basis", name, BASIS[name])
        connection.execute(f"DELETE FROM basis.{name}")  # noqa: S608
        insert(connection, "basis", name, rows)
    connection.execute("DELETE FROM basis.settings")
    values = [json.dumps(origin.settings), json.dumps(_rows(connection)), origin.links.stamp]
    connection.execute("INSERT INTO basis.settings VALUES (?::JSON, ?::JSON, ?)", values)
    if exists(connection, "staging", "touched"):
        connection.execute("DELETE FROM staging.touched")


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many rows each of the marts has."""
    return dict(sorted(counted(connection, "marts", schemas.MARTS).items()))
