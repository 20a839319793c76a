"""What somebody writes by hand for one shop: orjson, Polars, DuckDB; no library of ours, and nothing that resumes.

The same columns as the product's staging, the same types; bodies are kept beside them. No care is taken of bodies that
are not as the shop's documentation says.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson
import polars as pl

from benchmarks.woo import PAGES

Item = Mapping[str, Any]
TEXTS: Final = ("number", "status", "currency", "payment_method")
MONEY: Final = ("total", "discount_total", "shipping_total", "total_tax")
TIMES: Final = ("date_created_gmt", "date_paid_gmt", "date_completed_gmt", "date_modified_gmt")
LINE: Final = ("id", "product_id", "variation_id", "sku", "name", "quantity", "subtotal", "total", "total_tax")
ADDRESS: Final = (
    *("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country", "phone"),
)
DECIMAL: Final = pl.Decimal(18, 6)
PAGES_TOGETHER: Final = 50


def prepared(folder: Path, orders: int) -> Callable[[], None]:
    """Return what is measured: all pages of so many orders into an empty DuckDB file in `folder`."""

    def run() -> None:
        with duckdb.connect(str(folder / "shop.duckdb")) as connection:
            for table, pages in PAGES.items():
                read = pages(orders)
                while together := list(islice(read, PAGES_TOGETHER)):
                    write(connection, table, (item for body in together for item in orjson.loads(body)))

    return run


def write(connection: duckdb.DuckDBPyConnection, table: str, items: Iterable[Item]) -> None:
    """Merge what was read of `orders` or `refunds`, of several of one id the last, in one transaction."""
    latest = list({item["id"]: item for item in items}.values())
    frames = {f"raw_{table}": raw(latest), **(orders(latest) if table == "orders" else refunds(latest))}
    connection.execute("BEGIN")
    for name, frame in frames.items():
        connection.register("fresh", frame.to_arrow())
        connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT * FROM fresh LIMIT 0")
        key = "order_id" if name == "lines" else "id"
        connection.execute(f"DELETE FROM {name} WHERE {key} IN (SELECT {key} FROM fresh)")
        connection.execute(f"INSERT INTO {name} SELECT * FROM fresh")
        connection.unregister("fresh")
    connection.execute("COMMIT")


def raw(items: Sequence[Item]) -> pl.DataFrame:
    """Return the bodies with their ids and modification times."""
    frame = pl.DataFrame(
        {
            "id": [item["id"] for item in items],
            "date_modified_gmt": [item.get("date_modified_gmt") for item in items],
            "body": [orjson.dumps(item).decode() for item in items],
        },
        schema={"id": pl.Int64, "date_modified_gmt": pl.String, "body": pl.String},
    )
    return frame.with_columns(_instant("date_modified_gmt"))


def orders(items: Sequence[Item]) -> dict[str, pl.DataFrame]:
    """Return the orders and their lines."""
    columns: dict[str, Any] = {
        "id": pl.Series([item["id"] for item in items], dtype=pl.Int64),
        "customer_id": pl.Series([item["customer_id"] for item in items], dtype=pl.Int64),
        **{name: pl.Series([item[name] for item in items], dtype=pl.String) for name in (*TEXTS, *MONEY, *TIMES)},
        "email": pl.Series([item["billing"]["email"] for item in items], dtype=pl.String),
        **{side: _addresses(item[side] for item in items) for side in ("billing", "shipping")},
        "coupons": pl.Series(
            [[one["code"] for one in item["coupon_lines"]] for item in items], dtype=pl.List(pl.String)
        ),
        "refund_ids": pl.Series([[one["id"] for one in item["refunds"]] for item in items], dtype=pl.List(pl.Int64)),
        "items": pl.Series([sum(line["quantity"] for line in item["line_items"]) for item in items], dtype=pl.Int64),
    }
    frame = pl.DataFrame(columns).with_columns(pl.col(MONEY).cast(DECIMAL), *map(_instant, TIMES))
    lines = pl.DataFrame(
        [(item["id"], *(line[name] for name in LINE)) for item in items for line in item["line_items"]],
        schema={"order_id": pl.Int64, **{name: LINES.get(name, pl.Int64()) for name in LINE}},
        orient="row",
    )
    return {
        "orders": frame.with_columns(order_day=_day("date_created_gmt")),
        "lines": lines.with_columns(pl.col("subtotal", "total", "total_tax").cast(DECIMAL)),
    }


LINES: Final = dict.fromkeys(("sku", "name", "subtotal", "total", "total_tax"), pl.String())


def refunds(items: Sequence[Item]) -> dict[str, pl.DataFrame]:
    """Return the refunds."""
    frame = pl.DataFrame(
        [(item["id"], item["parent_id"], item["amount"], item["reason"], item["date_created_gmt"]) for item in items],
        schema={
            "id": pl.Int64,
            "order_id": pl.Int64,
            **dict.fromkeys(("amount", "reason", "created_at"), pl.String()),
        },
        orient="row",
    ).with_columns(pl.col("amount").cast(DECIMAL), _instant("created_at"))
    return {"refunds": frame.with_columns(refund_day=_day("created_at"))}


def _addresses(found: Iterable[Mapping[str, str]]) -> pl.Series:
    rows: Iterator[dict[str, str | None]] = ({name: one[name] for name in ADDRESS} for one in found)
    return pl.Series(list(rows), dtype=pl.Struct(dict.fromkeys(ADDRESS, pl.String())))


def _instant(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").dt.replace_time_zone("UTC")


def _day(name: str) -> pl.Expr:
    return pl.col(name).dt.convert_time_zone("Europe/Berlin").dt.date().cast(pl.Int32)
