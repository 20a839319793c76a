"""What is staged and what was derived last, as a run after a few changes asks for it (`transforms.incremental.Known`).

Texts are what takes long to read: a key of a person stands in each of their orders. So beside the marts lies
`basis.owners`, which identity each order has as a hash of eight bytes, and the walk from orders to people and back goes
by hashes. Two keys of one hash would only make a run derive somebody whom nothing touched.
"""

from collections.abc import Collection
from typing import NamedTuple

import duckdb
import polars as pl

from pipelines.reading import NAMES_OF_GUESTS, ORDERS_BY_NAME, read_table
from pipelines.warehouse import Warehouse
from transforms import schemas, staged_schemas
from transforms.incremental import WALKED, Before

# Which release of DuckDB the hashes are of: another may hash otherwise.
HASHED_BY = duckdb.__version__
_HASHES = "SELECT rowid AS row, hash(identity) AS identity, hash(customer_key) AS customer, hash(email) AS email"


class _Staged(NamedTuple):
    """Rows of a staged table that were read, and the values that they were asked for by."""

    asked: pl.Series
    rows: pl.DataFrame


class WarehouseKnown:
    """What is staged and what was derived, as `transforms.incremental.Known` asks for it, read at once.

    For one derive, within which nothing is staged: what was read of staging is not read again.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._staged: dict[tuple[str, str], _Staged] = {}
        self._deletions: pl.LazyFrame | None = None
        self._hashes: pl.DataFrame | None = None

    def staged(self, table: str, among: pl.Series) -> pl.LazyFrame:
        """Return the staged rows with one of these values; of orders' addresses the names of guests alone."""
        among = among.unique()
        before = self._staged.get((table, among.name))
        if before is None:
            now = _Staged(among, self._read_staged(table, among))
        else:
            unread = among.filter(~among.is_in(before.asked.implode()))
            more = self._read_staged(table, unread)
            now = _Staged(pl.concat([before.asked, unread]), pl.concat([before.rows, more]))
        self._staged[table, among.name] = now
        return now.rows.lazy().join(among.to_frame().lazy(), on=among.name, how="semi")

    def _read_staged(self, table: str, among: pl.Series) -> pl.DataFrame:
        columns, computed = staged_schemas.STAGED[table], {}
        if table == "orders":
            columns, computed = ORDERS_BY_NAME, {"billing": NAMES_OF_GUESTS}
        with self._warehouse.connect() as connection:
            return read_table(connection, "staging", table, columns, computed=computed, among=among).collect()

    def deletions(self) -> pl.LazyFrame:
        """Return RAW_DELETIONS."""
        if self._deletions is None:
            with self._warehouse.connect() as connection:
                self._deletions = read_table(connection, "raw", "deletions", staged_schemas.RAW_DELETIONS)
        return self._deletions

    def orders_in_full(self, ids: pl.DataFrame) -> pl.DataFrame:
        """Return the staged orders with these `order_id`, addresses and all."""
        return self._warehouse.orders_in_full(ids)

    def derived(self, table: str, among: pl.Series | None = None, columns: Collection[str] = ()) -> pl.LazyFrame:
        """Return a table of the marts, or its rows with one of these values, or these columns of it."""
        wanted = {name: dtype for name, dtype in schemas.MARTS[table].items() if not columns or name in columns}
        with self._warehouse.connect() as connection:
            return read_table(connection, "marts", table, wanted, among=among)

    def before(self, keys: Collection[str], emails: Collection[str], orders: Collection[int]) -> Before:
        """Return the identities of the marts with one of these keys, e-mails or orders, and all orders of them."""
        with self._warehouse.connect() as connection:
            if self._hashes is None:
                self._hashes = connection.sql(f"{_HASHES} FROM marts.identities").pl()
            by_key, by_email = _hashed(connection, keys), _hashed(connection, emails)
            ids = pl.DataFrame({"order_id": list(orders)}, schema={"order_id": pl.Int64()})
            owning = _owners(connection, "identity", ids)["identity"]
            found = self._hashes.filter(
                pl.col("identity").is_in(pl.concat([by_key, owning]).implode())
                | pl.col("customer").is_in(by_key.implode())
                | pl.col("email").is_in(by_email.implode())
            )
            owned = _owners(connection, "order_id", found.select("identity"))["order_id"]
            return Before(_identities(connection, found["row"]), frozenset(owned))


def remember_owners(connection: duckdb.DuckDBPyConnection, gone: pl.Series | None = None) -> None:
    """Note which identity each order of the marts has; `gone`: of these `order_id` alone, where the others stay."""
    made = "SELECT order_id, hash(identity) AS identity FROM marts.orders"
    if gone is None:
        connection.execute(f"CREATE OR REPLACE TABLE basis.owners AS {made}")
        return
    connection.register("gone", gone.unique().to_frame().to_arrow())
    connection.execute("DELETE FROM basis.owners WHERE order_id IN (SELECT order_id FROM gone)")
    connection.execute(f"INSERT INTO basis.owners {made} SEMI JOIN gone USING (order_id)")
    connection.unregister("gone")


def _hashed(connection: duckdb.DuckDBPyConnection, texts: Collection[str]) -> pl.Series:
    connection.register("texts", pl.DataFrame({"text": list(texts)}, schema={"text": pl.String()}).to_arrow())
    hashes: pl.Series = connection.sql("SELECT hash(text) AS hashed FROM texts").pl()["hashed"]
    connection.unregister("texts")
    return hashes


def _owners(connection: duckdb.DuckDBPyConnection, wanted: str, among: pl.DataFrame) -> pl.DataFrame:
    """Return the column `wanted` of `basis.owners` where the other one has a value of `among`."""
    connection.register("among", among.to_arrow())
    text = f"SELECT {wanted} FROM basis.owners SEMI JOIN among USING ({among.columns[0]})"  # noqa: S608 - our own names
    found: pl.DataFrame = connection.sql(text).pl()
    connection.unregister("among")
    return found


def _identities(connection: duckdb.DuckDBPyConnection, rows: pl.Series) -> pl.DataFrame:
    connection.register("found", rows.to_frame().to_arrow())
    text = f"SELECT {', '.join(WALKED)} FROM marts.identities WHERE rowid IN (SELECT row FROM found)"  # noqa: S608
    found: pl.DataFrame = connection.sql(text).pl()
    connection.unregister("found")
    return found
