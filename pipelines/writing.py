"""Writing the marts' tables of a whole run, orders and order lines from the staged rows where they lie."""

import duckdb
import polars as pl

from pipelines.reading import exists
from transforms import schemas, staged_schemas
from transforms.marts import DERIVED, Beside

# Nearly every row has another of these texts: DuckDB would look for what repeats, which takes longer than to write them.
DISTINCT_TEXTS = frozenset({"customer_key", "identity", "number", "email"})
# Rows of orders that are joined at once: what lies beside them is hashed in memory.
AT_ONCE = 1_000_000


def create_mart(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make the empty table `marts.<name>` with the columns of `schemas.MARTS`, in place of one that is there."""
    connection.register("columns_of", pl.DataFrame(schema=dict(schemas.MARTS[name])).to_arrow())
    types = connection.sql("SELECT column_name, column_type FROM (DESCRIBE columns_of)").fetchall()
    connection.unregister("columns_of")
    plain = {column: " USING COMPRESSION uncompressed" if column in DISTINCT_TEXTS else "" for column, _ in types}
    columns = ", ".join(f'"{column}" {kind}{plain[column]}' for column, kind in types)
    connection.execute(f"DROP TABLE IF EXISTS marts.{name}")
    connection.execute(f"CREATE TABLE marts.{name} ({columns})")


def write_orders(connection: duckdb.DuckDBPyConnection, beside: Beside, shop: str) -> None:
    """Write orders and order lines within DuckDB: most of their columns are as staged and need not leave it."""
    for name in ("orders", "order_lines"):
        create_mart(connection, name)
    if exists(connection, "staging", "orders"):
        orders, people, identities = pl.collect_all(list(beside))
        keys = people.sort("person_number")["customer_key"]
        texts = identities.sort("identity_number")["identity"]
        text = f"INSERT INTO marts.orders {_columns('orders')} FROM staging.orders JOIN beside USING (order_id)"
        # In the order of ids, so that DuckDB reads only the part of the staged rows that holds those of a slice.
        for some in orders.sort("order_id").iter_slices(AT_ONCE):
            # Numbers are places among the keys, which are gathered by them instead of joined.
            named = some.with_columns(
                keys.gather(some["person_number"]).alias("customer_key"),
                texts.gather(some["identity_number"]).alias("identity"),
            ).drop("person_number", "identity_number")
            connection.register("beside", named.to_arrow(compat_level=pl.CompatLevel.newest()))
            connection.execute(text, {"shop": shop})
            connection.unregister("beside")
    if exists(connection, "staging", "order_lines"):
        text = f"INSERT INTO marts.order_lines {_columns('order_lines')} FROM staging.order_lines"
        connection.execute(text, {"shop": shop})


def _columns(name: str) -> str:
    there = {*staged_schemas.STAGED[name], "customer_key", "identity", *DERIVED}
    columns = (column if column in there else "$shop" for column in schemas.MARTS[name])
    return f"SELECT {', '.join(columns)}"
