"""The profile of each person: name, contacts, addresses, account data.

A person with an account shows the account (merged accounts: the one whose key the person has; else the one with the
smallest id). A person without one shows what the latest order says (of any status; on a tie the higher order id), and
`created_at` is then the first order's time, `modified_at` the latest order's. Profiles are today's, whatever `as_of`.

A person is *deleted* (`deleted_at` is set) where the shop deleted all their accounts, the last of them then, and they
have not ordered since: who buys again as a guest is a customer, and belongs in lists and segments.
"""

from collections.abc import Callable

import polars as pl

from transforms.identity import account_id, account_key, follow_aliases
from transforms.schemas import TIME

# What an order shows of a person.
SHOWN = ("order_id", "email", "billing", "shipping_address", "modified_at")

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


# Given a frame of `order_id`, returns those rows of the staged orders with everything in them, addresses too.
OrdersInFull = Callable[[pl.DataFrame], pl.DataFrame]


def people(
    accounts: pl.LazyFrame, orders: pl.LazyFrame, keys: pl.LazyFrame, resolved: pl.LazyFrame, in_full: OrdersInFull
) -> pl.LazyFrame:
    """Return one row for each person: every account, and everyone who owns an order.

    `accounts` is STAGED_CUSTOMERS with `deleted_at`; `orders` has `person_number, order_id, created_at`; `keys`
    (`person_number, customer_key`) has everybody; `resolved` has `alias_key, customer_key` of the identities. Addresses are asked for where
    they are shown, of the latest order of each guest. Columns: `customer_key, woocommerce_id`, the profile, `company,
    phone, country, city`.
    """
    shown = _shown_accounts(accounts, resolved).collect().lazy()
    with_account = accounts.drop("deleted_at").join(shown, on="woocommerce_id").select("customer_key", *PROFILE)
    without = _of_orders(_latest_orders(orders, keys, shown), in_full)
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


def without_returned(everybody: pl.LazyFrame, orders: pl.LazyFrame, keys: pl.LazyFrame) -> pl.LazyFrame:
    """Return `everybody` with `deleted_at` null for those who ordered after it.

    `orders` is the result of `placed_orders`, by the numbers of `keys`; only orders of a status that counts tell,
    whatever `as_of`.
    """
    gone = everybody.filter(pl.col("deleted_at").is_not_null()).select("customer_key", gone_at="deleted_at")
    gone = gone.join(keys, on="customer_key")
    returned = (
        orders.filter("status_counts")
        .select("person_number", "created_at")
        .join(gone, on="person_number")
        .filter(pl.col("created_at") > pl.col("gone_at"))
        .select("customer_key", returned=True)
        .unique()
    )
    return (
        everybody.join(returned, on="customer_key", how="left")
        .with_columns(deleted_at=pl.when(pl.col("returned").is_null()).then("deleted_at"))
        .drop("returned")
    )


def _shown_accounts(accounts: pl.LazyFrame, resolved: pl.LazyFrame) -> pl.LazyFrame:
    """Return `customer_key, woocommerce_id, deleted_at`: the account that a person shows, and whether all are gone."""
    own_key = account_key(pl.col("woocommerce_id"))
    keyed = accounts.select("woocommerce_id", "deleted_at", customer_key=own_key, own_key=own_key)
    return (
        follow_aliases(keyed, resolved)
        .with_columns(home_id=pl.when(pl.col("own_key") == pl.col("customer_key")).then("woocommerce_id"))
        .group_by("customer_key")
        .agg(
            pl.col("home_id", "woocommerce_id").min(),
            gone_at=pl.col("deleted_at").max(),
            lives=pl.col("deleted_at").is_null().any(),
        )
        .select(
            "customer_key",
            woocommerce_id=pl.coalesce("home_id", "woocommerce_id"),
            deleted_at=pl.when(~pl.col("lives")).then("gone_at"),
        )
    )


def _latest_orders(orders: pl.LazyFrame, keys: pl.LazyFrame, known: pl.LazyFrame) -> pl.DataFrame:
    """Return `customer_key, first_at, order_id`, the latest order of each person who is not `known`."""
    others = keys.join(known, on="customer_key", how="anti")
    narrow = orders.select("person_number", "order_id", "created_at").join(others, on="person_number")
    # Nulls first: an order of an unknown time is nobody's latest where there is another.
    return (
        narrow.group_by("customer_key")
        .agg(
            pl.col("order_id").sort_by("created_at", "order_id", nulls_last=False).last(),
            first_at=pl.col("created_at").min(),
        )
        .collect(engine="streaming")
    )


def _of_orders(latest: pl.DataFrame, in_full: OrdersInFull) -> pl.LazyFrame:
    nothing = pl.lit(None, dtype=pl.String)
    return (
        in_full(latest.select("order_id"))
        .lazy()
        .select(SHOWN)
        .join(latest.lazy(), on="order_id")
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
