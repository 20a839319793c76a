"""The staged tables of a real retailer (Online Retail II), straight from its invoice lines, without a shop between.

Rules: rows that stand in both sheets count once; an order is an invoice that starts with neither C nor A, whose total
is above 0, at its earliest line; a refund is a C invoice, on that customer's latest earlier order or else the first
later one; a null customer is a guest of that invoice alone. The shop runs in UTC, in GBP with three decimals.
"""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from transforms.schemas import MONEY, TIME, empty
from transforms.staged_schemas import RAW_DELETIONS, STAGED

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "online_retail_ii.parquet"
SECOND_SHEET_BEGINS = datetime(2010, 12, 1)  # noqa: DTZ001 - the file's times are naive
NOTHING = pl.lit(0, dtype=MONEY)
OBSERVED = datetime(2026, 1, 1, tzinfo=UTC)


def invoices() -> pl.DataFrame:
    """Return one row an invoice: `invoice, customer_id, at, millis` (the total in thousandths, exact), sorted."""
    lines = pl.scan_parquet(FILE)
    once = (pl.col("sheet") != "Year 2009-2010") | (pl.col("invoice_date") < SECOND_SHEET_BEGINS)
    return (
        lines.filter(once)
        .group_by("invoice")
        .agg(
            pl.col("customer_id").first(),
            at=pl.col("invoice_date").min().dt.replace_time_zone("UTC"),
            millis=(pl.col("quantity").cast(pl.Int64) * (pl.col("price") * 1000).round().cast(pl.Int64)).sum(),
        )
        .sort("at", "invoice")
        .collect()
    )


def is_order() -> pl.Expr:
    """Return whether an invoice is an order."""
    return pl.col("invoice").str.contains(r"^[^CA]") & (pl.col("millis") > 0)


def is_refund() -> pl.Expr:
    """Return whether an invoice is a refund of an account."""
    return pl.col("invoice").str.starts_with("C") & pl.col("customer_id").is_not_null()


def staged(all_invoices: pl.DataFrame) -> dict[str, pl.LazyFrame]:
    """Return the staged tables: orders, refunds and accounts; without lines, products and deletions."""
    orders = (
        all_invoices.filter(is_order())
        .with_row_index("order_id", offset=1)
        .with_columns(pl.col("order_id").cast(pl.Int64))
    )
    refunds = (
        all_invoices.filter(is_refund())
        .with_row_index("refund_id", offset=1_000_001)
        .with_columns(pl.col("refund_id").cast(pl.Int64))
    )
    return {
        **{name: empty(schema) for name, schema in STAGED.items()},
        "deletions": empty(RAW_DELETIONS),
        "orders": _filled(_orders(orders), "orders"),
        "refunds": _filled(_refunds(refunds, orders), "refunds"),
        "customers": _filled(_accounts(orders, refunds), "customers"),
    }


def _orders(orders: pl.DataFrame) -> pl.DataFrame:
    return orders.select(
        "order_id",
        number=pl.col("invoice"),
        status=pl.lit("completed"),
        currency=pl.lit("GBP"),
        woocommerce_id=pl.col("customer_id").fill_null(0),
        total=_money(pl.col("millis")),
        discount=NOTHING,
        shipping=NOTHING,
        shipping_tax=NOTHING,
        tax=NOTHING,
        created_at="at",
        order_day=pl.col("at").dt.date().to_physical(),
    )


def _refunds(refunds: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    of_customer = orders.drop_nulls("customer_id").select("order_id", "customer_id", "at").sort("at", "order_id")
    earlier = refunds.sort("at").join_asof(
        of_customer, on="at", by="customer_id", strategy="backward", allow_exact_matches=True, check_sortedness=False
    )
    first = of_customer.group_by("customer_id", maintain_order=True).agg(first_order=pl.col("order_id").first())
    return (
        earlier.join(first, on="customer_id", how="left")
        .select(
            "refund_id",
            order_id=pl.coalesce("order_id", "first_order"),
            amount=_money(-pl.col("millis")),
            created_at="at",
            refund_day=pl.col("at").dt.date().to_physical(),
        )
        .drop_nulls("order_id")
    )


def _accounts(orders: pl.DataFrame, refunds: pl.DataFrame) -> pl.DataFrame:
    ids = pl.concat([orders.select("customer_id"), refunds.select("customer_id")]).drop_nulls().unique()
    return ids.select(
        woocommerce_id=pl.col("customer_id"),
        email=pl.format("customer{}@mail.example", "customer_id"),
        role=pl.lit("customer"),
    )


def _money(millis: pl.Expr) -> pl.Expr:
    return (millis.cast(pl.Decimal(38, 6)) / 1000).cast(MONEY)


def _filled(rows: pl.DataFrame, table: str) -> pl.LazyFrame:
    """Return `rows` with the columns of the staged table that they lack, as null."""
    lacking = {name: pl.lit(None, dtype=dtype) for name, dtype in STAGED[table].items() if name not in rows.columns}
    lacking["observed_at"] = pl.lit(OBSERVED, dtype=TIME)
    return rows.lazy().with_columns(**lacking).select(pl.col(name).cast(dtype) for name, dtype in STAGED[table].items())
