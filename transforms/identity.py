"""Who is who: one `customer_key` for each person of a shop, and why.

An *identity* is what an order says by itself: `woo:<id>` of an account, also where we do not have the account;
`guest:<hash of the e-mail>` of a guest; `guest:<hash of e-mail and name>` where strangers share the e-mail
(`identity_shared`); `guest-order:<id>` without an e-mail, nobody else's. An identity belongs to, in this order,

1. itself, where a person separated it;
2. whom its alias names, to the end of the chain (a person merged the two, or an earlier run found the account);
3. for a guest: the account that owns the e-mail (`identity_claims`); with addresses that ignore dots or tags
   (`EmailForm`) the account that owns the address, or else, with all guests of that address, the identity whose first
   order is the earliest; and on to whom the aliases name for that one;
4. itself.

Whom an identity belongs to depends on the aliases, the accounts that claim its address and the orders under it alone.
Nothing depends on the order of rows. The words for why are the keys of `LINKS`.
"""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from transforms.identity_aliases import (
    ALIASES,
    LINKED_ALIASES,
    MERGED,
    REGISTERED,
    SEPARATED,
    follow_aliases,
    pins,
    resolve_aliases,
    resolve_links,
    with_links,
)
from transforms.identity_claims import LIVING, claimants_by_address, claims_of, owners_by
from transforms.identity_keys import (
    ACCOUNT,
    DEFAULT_FORM,
    GUEST,
    GUEST_ORDER,
    EmailForm,
    account_id,
    account_key,
    address,
    guest_key,
    guest_keys,
    normalise_email,
    normalised,
)
from transforms.identity_shared import crowded, orders_under_crowded, orders_with_several_names, reviews

__all__ = [
    "ACCOUNT",
    "ALIASES",
    "DEFAULT_FORM",
    "GUEST",
    "GUEST_ORDER",
    "LINKED_ALIASES",
    "LINKS",
    "MERGED",
    "REGISTERED",
    "SEPARATED",
    "EmailForm",
    "Identified",
    "account_id",
    "account_key",
    "follow_aliases",
    "guest_key",
    "identify",
    "new_aliases",
    "normalise_email",
    "resolve_aliases",
]

# Why an identity belongs to its person, as stored and as told to people.
LINKS: Mapping[str, str] = {
    "account": "The account itself.",
    "guest": "A guest, by the e-mail of the orders.",
    "guest order": "A guest order without an e-mail: nothing says whose it is.",
    "account e-mail": "Ordered as a guest with the e-mail of the account.",
    "deleted account": "Ordered with the e-mail of an account that the shop deleted.",
    REGISTERED: "Ordered as a guest before the account was made, or with an e-mail it had before.",
    "same address": "The same mailbox: the e-mails differ in dots or tags only.",
    MERGED: "Merged by hand.",
    SEPARATED: "Separated by hand.",
    "own name": "Strangers share this e-mail: these orders bear another name.",
}


class Identified(NamedTuple):
    """What `identify` finds.

    `owners`: `order_id, identity, customer_key`, one row an order. `identities` and `reviews` have the columns of
    `schemas.IDENTITIES` and `schemas.IDENTITY_REVIEWS`, without `shop`. Collect them together: they share their steps.
    """

    owners: pl.LazyFrame
    identities: pl.LazyFrame
    reviews: pl.LazyFrame


class _Guests(NamedTuple):
    """Guest orders by what they say of themselves.

    orders: `order_id, email, created_at, first_name, last_name`; spelled: one row a spelling of an e-mail that says
    anything; under_crowded: see `orders_under_crowded`; crowded_addresses: one column `address`.
    """

    orders: pl.LazyFrame
    spelled: pl.LazyFrame
    under_crowded: pl.LazyFrame
    crowded_addresses: pl.LazyFrame


ORDER_FIGURES = (
    pl.col("orders").sum(),
    pl.col("first_order_at").min(),
    pl.col("last_order_at").max(),
)


def identify(
    orders: pl.LazyFrame,
    accounts: pl.LazyFrame,
    *,
    hash_key: bytes,
    aliases: pl.LazyFrame,
    form: EmailForm = DEFAULT_FORM,
) -> Identified:
    """Return whom each staged order belongs to, what each person is made of, and which addresses strangers share.

    `orders` needs `order_id, woocommerce_id, email, billing, created_at` of STAGED_ORDERS; `accounts` is
    STAGED_CUSTOMERS with `deleted_at`; `aliases` has `alias_key, customer_key, link` and may hold chains (see
    `identity_aliases`). Raises ValueError on an unfit hash key.
    """
    claims = claims_of(accounts, form).cache()
    guests = _guests(orders, claims, hash_key, form)
    alone = pl.concat(
        [_accounts(orders, accounts), _guests_by_email(guests, hash_key), _nameless(guests)], how="diagonal"
    )
    linked = _linked(_based(alone, claims, guests.crowded_addresses, aliases, form), aliases).cache()
    shared = reviews(linked, claimants_by_address(claims), guests.crowded_addresses, LIVING)
    columns = ("identity", "customer_key", "link", "email", "orders", "first_order_at", "last_order_at")
    return Identified(_owners(orders, guests, linked), linked.select(columns), shared)


def new_aliases(
    orders: pl.LazyFrame,
    accounts: pl.LazyFrame,
    known_keys: pl.LazyFrame,
    *,
    hash_key: bytes,
    aliases: pl.LazyFrame,
    form: EmailForm = DEFAULT_FORM,
) -> pl.LazyFrame:
    """Return `alias_key, customer_key`: guest keys whose e-mail now belongs to an account, not recorded so far.

    Those of today's guest orders, and those in `known_keys` (column `customer_key`: what was published before, what
    has notes), since the shop may have moved the guest's orders to the account. Recorded, they keep notes attached and
    the orders in place, whatever e-mail the account has tomorrow. E-mails that strangers share are not recorded, nor
    what is the same only where dots or tags are ignored: both can change, and what is recorded stays.
    """
    claims = claims_of(accounts, form._replace(ignore_dots=False, ignore_tags=False))
    plain = form._replace(ignore_dots=False, ignore_tags=False)
    guests = _guests(orders, claims, hash_key, plain)
    owned = owners_by(claims, "email_key").with_columns(alias_key=guest_keys(pl.col("email_key"), hash_key))
    # An account that was merged into this guest: the alias would go in a circle.
    back = resolve_aliases(aliases).select(alias_key="customer_key", customer_key="alias_key")
    seen = pl.concat(
        [
            owned.join(guests.spelled.select("email_key"), on="email_key", how="semi"),
            owned.join(known_keys.select(alias_key="customer_key"), on="alias_key", how="semi"),
        ]
    )
    return (
        seen.join(guests.crowded_addresses, left_on="email_key", right_on="address", how="anti")
        .select("alias_key", customer_key="owner")
        .unique()
        .join(with_links(aliases).select("alias_key"), on="alias_key", how="anti")
        .join(back, on=["alias_key", "customer_key"], how="anti")
        .sort("alias_key")
    )


def _guests(orders: pl.LazyFrame, claims: pl.LazyFrame, hash_key: bytes, form: EmailForm) -> _Guests:
    billing = pl.col("billing").struct
    of_guests = orders.filter(pl.coalesce("woocommerce_id", pl.lit(0)) <= 0).select(
        "order_id",
        "email",
        "created_at",
        first_name=billing.field("first_name"),
        last_name=billing.field("last_name"),
    )
    spelled = (
        of_guests.filter(pl.col("email").is_not_null())
        .group_by("email")
        .agg(*_figures(), low=pl.col("last_name").min(), high=pl.col("last_name").max())
        .with_columns(email_key=normalised(pl.col("email")))
        .filter(pl.col("email_key").is_not_null())
        .with_columns(address=address(pl.col("email_key"), form))
        .cache()
    )
    owners = owners_by(claims, "email_key").cache()
    owners_of_addresses = owners_by(claims, "address") if form.folds else owners.rename({"email_key": "address"})
    named = orders_with_several_names(of_guests, spelled, owners_of_addresses, form).cache()
    under = orders_under_crowded(named, crowded(named, owners, "email_key", form), owners, hash_key).cache()
    return _Guests(of_guests, spelled, under, crowded(named, owners_of_addresses, "address", form).cache())


def _figures() -> tuple[pl.Expr, ...]:
    return (
        pl.len().cast(pl.Int64).alias("orders"),
        pl.col("created_at").min().alias("first_order_at"),
        pl.col("created_at").max().alias("last_order_at"),
    )


def _accounts(orders: pl.LazyFrame, accounts: pl.LazyFrame) -> pl.LazyFrame:
    """Return the identities that are accounts, those we only know from orders too."""
    ordered = orders.filter(pl.col("woocommerce_id") > 0).group_by("woocommerce_id").agg(*_figures())
    known = accounts.select("woocommerce_id", email=normalised(pl.col("email")))
    return known.join(ordered, on="woocommerce_id", how="full", coalesce=True).with_columns(
        pl.col("orders").fill_null(0),
        identity=account_key(pl.col("woocommerce_id")),
        base_link=pl.lit("account"),
        guest=pl.lit(value=False),
    )


def _guests_by_email(guests: _Guests, hash_key: bytes) -> pl.LazyFrame:
    """Return the identities that are guests with an e-mail."""
    by_email = (
        guests.spelled.join(guests.under_crowded.select("email_key"), on="email_key", how="anti")
        .group_by("email_key", "address")
        .agg(*ORDER_FIGURES)
        .with_columns(identity=guest_keys(pl.col("email_key"), hash_key), base_link=pl.lit("guest"))
    )
    by_name = guests.under_crowded.group_by("identity", "email_key", "address", "own_name").agg(*_figures())
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
                base_link=pl.when("own_name").then(pl.lit("own name")).otherwise(pl.lit("guest")),
            ),
        ]
    ).with_columns(email="email_key", guest=pl.lit(value=True))


def _nameless(guests: _Guests) -> pl.LazyFrame:
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


def _based(
    alone: pl.LazyFrame,
    claims: pl.LazyFrame,
    crowded_addresses: pl.LazyFrame,
    aliases: pl.LazyFrame,
    form: EmailForm,
) -> pl.LazyFrame:
    """Return the identities with `base`, whom the rules give them to before aliases, and `base_link`."""
    plain = pl.col("base_link") == "guest"
    owners = owners_by(claims, "email_key").select("email_key", "owner", "rank")
    based = alone.join(owners, on="email_key", how="left")
    owned = plain & pl.col("owner").is_not_null()
    by_rank = pl.when(pl.col("rank") == LIVING).then(pl.lit("account e-mail")).otherwise(pl.lit("deleted account"))
    based = based.with_columns(
        base=pl.when(owned).then("owner").otherwise("identity"),
        base_link=pl.when(owned).then(by_rank).otherwise("base_link"),
    ).drop("owner", "rank")
    return _folded(based, claims, crowded_addresses, aliases) if form.folds else based


def _folded(
    based: pl.LazyFrame, claims: pl.LazyFrame, crowded_addresses: pl.LazyFrame, aliases: pl.LazyFrame
) -> pl.LazyFrame:
    """Give guests whom nobody owns yet to the owner of their address, or to the earliest guest of that address."""
    based = based.join(pins(aliases).select(identity="alias_key", pinned=True), on="identity", how="left")
    based = based.join(crowded_addresses.with_columns(crowded=True), on="address", how="left")
    free = pl.col("base_link").eq("guest") & pl.col("pinned").is_null() & pl.col("crowded").is_null()
    based = based.with_columns(free=free).cache()
    owners = owners_by(claims, "address").select("address", address_owner="owner")
    earliest = (
        based.filter("free")
        .sort("first_order_at", "identity", nulls_last=True)
        .group_by("address", maintain_order=True)
        .agg(earliest=pl.col("identity").first())
    )
    moved = based.join(owners, on="address", how="left").join(earliest, on="address", how="left")
    to = pl.when("free").then(pl.coalesce("address_owner", "earliest")).otherwise("base")
    same = pl.col("free") & (to != pl.col("base"))
    return moved.with_columns(
        base=to, base_link=pl.when(same).then(pl.lit("same address")).otherwise("base_link")
    ).drop("pinned", "crowded", "free", "address_owner", "earliest")


def _linked(based: pl.LazyFrame, aliases: pl.LazyFrame) -> pl.LazyFrame:
    """Return the identities with `customer_key` and `link`: aliases laid over what the rules say."""
    resolved = resolve_links(aliases)
    direct = resolved.select(identity="alias_key", aliased="customer_key", alias_link="link")
    onward = resolved.select(base="alias_key", onward="customer_key")
    pinned = pins(aliases).select(identity="alias_key", pinned=True)
    joined = (
        based.join(direct, on="identity", how="left")
        .join(onward, on="base", how="left")
        .join(pinned, on="identity", how="left")
    )
    return joined.with_columns(
        customer_key=pl.when("pinned").then("identity").otherwise(pl.coalesce("aliased", "onward", "base")),
        link=pl.when("pinned").then(pl.lit(SEPARATED)).otherwise(pl.coalesce("alias_link", "base_link")),
    ).drop("aliased", "alias_link", "onward", "pinned", "base", "base_link")


def _owners(orders: pl.LazyFrame, guests: _Guests, linked: pl.LazyFrame) -> pl.LazyFrame:
    """Return `order_id, identity, customer_key` of every order, each kind by its shortest way."""
    found = ("order_id", "identity", "customer_key")
    by_account = orders.filter(pl.col("woocommerce_id") > 0).select("order_id", "woocommerce_id")
    of_accounts = linked.filter(~pl.col("guest")).select("woocommerce_id", "identity", "customer_key")
    by_email = linked.filter(pl.col("email_key").is_not_null()).select("email_key", "identity", "customer_key")
    crowded_emails = guests.under_crowded.select("email_key").unique()
    spelled = guests.spelled.join(crowded_emails, on="email_key", how="anti").select("email", "email_key")
    people = linked.select("identity", "customer_key")
    return pl.concat(
        [
            by_account.join(of_accounts, on="woocommerce_id").select(found),
            guests.orders.select("order_id", "email")
            .join(spelled.join(by_email, on="email_key"), on="email")
            .select(found),
            guests.under_crowded.select("order_id", "identity").join(people, on="identity").select(found),
            linked.filter(pl.col("order_id").is_not_null()).select(found),
        ]
    )
