"""The profile of each person: name, contacts, addresses, account data.

A person with an account shows the account (merged accounts: the one whose key the person has; else the one with the
smallest id). A person without one shows what the latest order says (of any status; on a tie the higher order id), and
`created_at` is then the first order's time, `modified_at` the latest order's. Profiles are today's, whatever `as_of`.
"""

import polars as pl

from transforms.identity import account_id, account_key, follow_aliases
from transforms.schemas import TIME

PROFILE = (
    "email",
    "first_name",
    "last_name",
    "username",
    "role",
    "is_paying_customer",
    "avatar_url",
    "billing",
    "shipping",
    "created_at",
    "modified_at",
    "deleted_at",
)


def people(accounts: pl.LazyFrame, orders: pl.LazyFrame, resolved: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row for each person: every account, and everyone who owns an order.

    `accounts` is STAGED_CUSTOMERS with `deleted_at`, `orders` has `customer_key`, `resolved` comes from
    `resolve_aliases`. Columns: `customer_key, woocommerce_id`, the profile, `company, phone, country, city`.
    """
    with_account = _of_accounts(accounts, resolved)
    without = _of_orders(orders).join(with_account.select("customer_key"), on="customer_key", how="anti")
    billing, shipping = pl.col("billing").struct, pl.col("shipping").struct
    return pl.concat([with_account, without]).with_columns(
        pl.coalesce("first_name", billing.field("first_name")).alias("first_name"),
        pl.coalesce("last_name", billing.field("last_name")).alias("last_name"),
        *(
            pl.coalesce(billing.field(name), shipping.field(name)).alias(name)
            for name in ("company", "phone", "country", "city")
        ),
        woocommerce_id=account_id(pl.col("customer_key")),
    )


def _of_accounts(accounts: pl.LazyFrame, resolved: pl.LazyFrame) -> pl.LazyFrame:
    own_key = account_key(pl.col("woocommerce_id"))
    keyed = follow_aliases(accounts.with_columns(customer_key=own_key, own_key=own_key), resolved)
    return (
        keyed.sort(pl.col("own_key") != pl.col("customer_key"), "woocommerce_id")
        .unique("customer_key", keep="first", maintain_order=True)
        .select("customer_key", *PROFILE)
    )


def _of_orders(orders: pl.LazyFrame) -> pl.LazyFrame:
    latest = orders.group_by("customer_key").agg(
        order_id=pl.col("order_id").sort_by("created_at", "order_id", nulls_last=False).last(),
        first_at=pl.col("created_at").min(),
    )
    nothing = pl.lit(None, dtype=pl.String)
    return (
        latest.join(orders.drop("customer_key"), on="order_id", how="left")
        .with_columns(
            first_name=nothing,
            last_name=nothing,
            username=nothing,
            role=nothing,
            is_paying_customer=pl.lit(None, dtype=pl.Boolean),
            avatar_url=nothing,
            shipping="shipping_address",
            created_at="first_at",
            deleted_at=pl.lit(None, dtype=TIME),
        )
        .select("customer_key", *PROFILE)
    )
