"""Identities that were just made people of their own: the published version still counts them under somebody else.

Separated by hand, or a merge undone. The next run makes rows of them. Until then their page is put together from the
rows of the version that are theirs: orders, refunds and sums are right at once, while scores, segments and lists follow.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from regulars.directory.snapshot import KEY, Snapshot
from transforms.identity import account_id
from transforms.metrics import currency_totals, customer_totals
from transforms.schemas import CUSTOMER_CURRENCIES, CUSTOMERS, conform


class Apart(NamedTuple):
    """A person to be: `row` has the columns of `CUSTOMERS`, the frames those of their tables.

    Names, addresses, habits and scores are null: the version has them of the whole person alone.
    """

    row: Mapping[str, Any]
    currencies: pl.DataFrame
    orders: pl.DataFrame
    refunds: pl.DataFrame


def person_apart(snapshot: Snapshot, key: str) -> Apart | None:
    """Return the identity `key` as a person of its own; None where the version has no such identity.

    Orders and refunds are the newest first, of currencies the one of most orders.
    """
    found = snapshot.scan("identities").filter(pl.col("identity") == key).collect()
    if found.is_empty():
        return None
    identity, about = found.row(0, named=True), snapshot.manifest
    whose = pl.col(KEY) == identity[KEY]
    orders = snapshot.scan("orders").filter(whose, pl.col("identity") == key).with_columns(pl.lit(key).alias(KEY))
    orders = _newest_first(orders).collect().lazy()
    refunds = snapshot.scan("refunds").filter(whose).join(orders.select("order_id"), on="order_id", how="semi")
    refunds = _newest_first(refunds.with_columns(pl.lit(key).alias(KEY))).collect().lazy()
    spent = currency_totals(orders, refunds)
    totals = customer_totals(spent, as_of=about.as_of, timezone=about.timezone).collect()
    currencies = conform(spent.with_columns(shop=pl.lit(identity["shop"])), CUSTOMER_CURRENCIES)
    most_first = currencies.sort("orders_count", "currency", descending=[True, False])
    row = _row(identity, totals) | {"shop": identity["shop"], "as_of": about.as_of}
    return Apart(row, most_first.collect(), orders.collect(), refunds.collect())


def _newest_first(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.sort("created_at", descending=True, nulls_last=True, maintain_order=True)


def _row(identity: Mapping[str, Any], totals: pl.DataFrame) -> dict[str, Any]:
    """Return a row of CUSTOMERS from an identity and its totals, which are none where nothing counts."""
    nothing = pl.DataFrame({KEY: [identity["identity"]]})
    columns = {name: dtype for name, dtype in CUSTOMERS.items() if name not in nothing.columns}
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in columns.items() if name not in totals.columns]
    counts = ("orders_count", "gross", "refunded", "net", "average_order")
    return (
        nothing.join(totals, on=KEY, how="left")
        .with_columns(missing)
        .with_columns(
            pl.col(counts).fill_null(0),
            pl.col("segments", "categories", "coupons").fill_null([]),
            email=pl.lit(identity["email"], dtype=pl.String),
            woocommerce_id=account_id(pl.col(KEY)),
            created_at=pl.lit(identity["first_order_at"], dtype=CUSTOMERS["created_at"]),
        )
        .select(tuple(CUSTOMERS))
        .row(0, named=True)
    )
