"""Reading the warehouse's tables into memory, by the columns that are asked for.

Nothing is read lazily: under a cache, Polars 2.1 pushes filters of several readers into one source of ours, and the
later filter replaces the earlier.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

import duckdb
import polars as pl

from transforms import schemas, staged_schemas

NAMES = pl.Struct({"first_name": pl.String(), "last_name": pl.String()})
OF_A_GUEST = "coalesce(woocommerce_id, 0) <= 0"
NAMES_OF_GUESTS = (
    f"CASE WHEN {OF_A_GUEST} THEN struct_pack(first_name := billing.first_name, last_name := billing.last_name) END"
)
# Of the orders' addresses only the names of guests: what tells people apart.
ORDERS_BY_NAME: Mapping[str, pl.DataType] = {
    **{name: dtype for name, dtype in staged_schemas.STAGED_ORDERS.items() if name != "shipping_address"},
    "billing": NAMES,
}
# What figures are derived from; what else an order shows goes from staging to the marts as it is.
NARROW: Mapping[str, Mapping[str, pl.DataType]] = {
    "orders": {
        name: ORDERS_BY_NAME[name]
        for name in (
            "order_id",
            "status",
            "currency",
            "woocommerce_id",
            "email",
            "billing",
            "total",
            "coupons",
            "refund_ids",
            "created_at",
            "order_day",
            "observed_at",
        )
    },
    "order_lines": {
        name: staged_schemas.STAGED_ORDER_LINES[name] for name in ("order_id", "product_id", "sku", "name")
    },
}
# Texts are most of the bytes: those that no figure looks at are not read.
NARROWED: Mapping[str, Mapping[str, str]] = {
    "orders": {"billing": NAMES_OF_GUESTS, "email": f"CASE WHEN {OF_A_GUEST} THEN email END"},
    "order_lines": {
        "sku": "CASE WHEN product_id > 0 THEN NULL ELSE sku END",
        "name": "CASE WHEN product_id > 0 THEN NULL ELSE name END",
    },
}


def exists(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Return whether there is a table of this name."""
    found = connection.sql(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name = $schema AND table_name = $table AND database_name = "
        "current_database()",
        params={"schema": schema, "table": table},
    ).fetchall()
    return bool(found[0][0])


def counted(connection: duckdb.DuckDBPyConnection, schema: str, tables: Collection[str]) -> dict[str, int]:
    """Return how many rows each of these tables has, without those that do not exist."""
    found = connection.sql(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = $schema AND database_name = current_database()",
        params={"schema": schema},
    ).fetchall()
    there = {name for (name,) in found}.intersection(tables)
    counts = [f"SELECT '{table}', count(*) FROM {schema}.{table}" for table in tables if table in there]  # noqa: S608 - our own names
    return dict(connection.sql(" UNION ALL ".join(counts)).fetchall()) if counts else {}


def read_table(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    table: str,
    columns: Mapping[str, pl.DataType],
    *,
    computed: Mapping[str, str] = MappingProxyType({}),
    among: pl.Series | None = None,
) -> pl.LazyFrame:
    """Return a table as it is now, in memory; empty where there is none.

    `computed` has the SQL of columns that are not read as they are. `among` keeps the rows whose column of that name has
    one of these values.
    """
    if not exists(connection, schema, table) or (among is not None and among.is_empty()):
        return schemas.empty(columns)
    named = (f"{computed[name]} AS {name}" if name in computed else name for name in columns)
    text = f"SELECT {', '.join(named)} FROM {schema}.{table}"  # noqa: S608 - our own names
    if among is not None:
        connection.register("wanted", among.unique().to_frame().to_arrow())
        text += f" SEMI JOIN wanted USING ({among.name})"
    frame = connection.sql(text).pl()
    if among is not None:
        connection.unregister("wanted")
    return schemas.conform(frame.lazy(), columns).collect().lazy()
