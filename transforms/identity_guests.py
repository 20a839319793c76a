"""Guest orders, grouped by what they say of themselves before anybody asks whose they are."""

from typing import NamedTuple

import polars as pl

from transforms.identity_claims import owners_by
from transforms.identity_keys import GUEST_ORDER, EmailForm, address, guest_keys, normalised
from transforms.identity_shared import FIRST_NAME, OWN_NAME, crowded, orders_under_crowded, orders_with_several_names

ORDER_FIGURES = (
    pl.col("orders").sum(),
    pl.col("first_order_at").min(),
    pl.col("last_order_at").max(),
)


class Guests(NamedTuple):
    """Guest orders by what they say of themselves.

    orders: `order_id, email, created_at, first_name, last_name`; spelled: one row a spelling of an e-mail that says
    anything; under_crowded: see `orders_under_crowded`; crowded_addresses: one column `address`.
    """

    orders: pl.LazyFrame
    spelled: pl.LazyFrame
    under_crowded: pl.LazyFrame
    crowded_addresses: pl.LazyFrame


def guests_of(orders: pl.LazyFrame, claims: pl.LazyFrame, hash_key: bytes, form: EmailForm) -> Guests:
    """Return the guest orders of staged orders; `claims` comes from `claims_of` with the same `form`."""
    billing = pl.col("billing").struct
    placed = (
        of_guests(orders)
        .select(
            "order_id",
            "email",
            "created_at",
            first_name=billing.field("first_name"),
            last_name=billing.field("last_name"),
        )
        .collect(engine="streaming")
        .lazy()
    )
    spelled = (
        placed.filter(pl.col("email").is_not_null())
        .group_by("email")
        .agg(*figures(), low=pl.col("last_name").min(), high=pl.col("last_name").max())
        .with_columns(email_key=normalised(pl.col("email")))
        .filter(pl.col("email_key").is_not_null())
        .with_columns(address=address(pl.col("email_key"), form))
        .collect(engine="streaming")
        .lazy()
    )
    owners = owners_by(claims, "email_key").collect().lazy()
    owners_of_addresses = owners_by(claims, "address") if form.folds else owners.rename({"email_key": "address"})
    owned = owners_of_addresses.select("address")
    if form.folds:  # an e-mail may have an owner where its address, which several accounts claim, has none
        owned = pl.concat([owned, owners.select(address=address(pl.col("email_key"), form))]).unique()
    named = orders_with_several_names(placed, spelled, owned, form).collect().lazy()
    under = orders_under_crowded(named, crowded(named, owners, "email_key", form), owners, hash_key).collect().lazy()
    # Collected step by step: a plan of all of it would find the same groups anew for each table that asks for them.
    return Guests(placed, spelled, under, crowded(named, owners_of_addresses, "address", form).collect().lazy())


def of_guests(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Return the staged orders that name no account."""
    return orders.filter(pl.coalesce("woocommerce_id", pl.lit(0)) <= 0)


def figures() -> tuple[pl.Expr, ...]:
    """Return what is told of a group of orders: `orders, first_order_at, last_order_at`."""
    return (
        pl.len().cast(pl.Int64).alias("orders"),
        pl.col("created_at").min().alias("first_order_at"),
        pl.col("created_at").max().alias("last_order_at"),
    )


def guests_by_email(guests: Guests, hash_key: bytes) -> pl.LazyFrame:
    """Return the identities that are guests with an e-mail.

    `claimable`: whether the account that owns the e-mail owns the identity. Under one that strangers share that is only
    the identity that bears its name.
    """
    by_email = (
        guests.spelled.join(guests.under_crowded.select("email_key"), on="email_key", how="anti")
        .group_by("email_key", "address")
        .agg(*ORDER_FIGURES)
        .with_columns(
            identity=guest_keys(pl.col("email_key"), hash_key),
            base_link=pl.lit("guest"),
            claimable=pl.lit(value=True),
        )
    )
    by_name = guests.under_crowded.group_by("identity", "email_key", "address", "own_name", "of_account").agg(
        *figures()
    )
    return pl.concat(
        [
            by_email,
            by_name.select(
                "email_key",
                "address",
                "orders",
                "first_order_at",
                "last_order_at",
                "identity",
                base_link=pl.when("own_name").then(pl.lit(OWN_NAME)).otherwise(pl.lit(FIRST_NAME)),
                claimable="of_account",
            ),
        ]
    ).with_columns(email="email_key", guest=pl.lit(value=True))


def nameless(guests: Guests) -> pl.LazyFrame:
    """Return the identities that are guest orders without an e-mail, each its own."""
    return guests.orders.join(guests.spelled.select("email"), on="email", how="anti").select(
        identity=pl.lit(GUEST_ORDER) + pl.col("order_id").cast(pl.String),
        order_id="order_id",
        base_link=pl.lit("guest order"),
        orders=pl.lit(1, dtype=pl.Int64),
        first_order_at="created_at",
        last_order_at="created_at",
        guest=pl.lit(value=True),
    )
