"""Who is who: one `customer_key` for each person of a shop, and why.

An *identity* is what an order says by itself: `woo:<id>` of an account, also where we do not have the account;
`guest:<hash of the e-mail>` of a guest; `guest:<hash of e-mail and name>` where strangers share the e-mail
(`identity_shared`); `guest-order:<id>` without an e-mail, nobody else's. An identity belongs to, in this order,

1. itself, where a person separated it;
2. whom its alias names, to the end of the chain (a person merged the two, or an earlier run found the account, unless
   strangers share the e-mail and the account bears another name), and on to whomever 3 gives that end;
3. for a guest: the account that owns the e-mail (`identity_claims`; where strangers share it, only if it bears the guest's
   name); with addresses that ignore dots or tags (`EmailForm`) the account that owns the address, or else, with all
   guests of that address, the identity whose first order is the earliest; and on to whom the aliases name for that one;
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
    resolve_by_rules,
    with_links,
)
from transforms.identity_claims import LIVING, claimants_by_address, claims_of, owners_by
from transforms.identity_guests import Guests, figures, guests_by_email, guests_of, nameless
from transforms.identity_keys import (
    ACCOUNT,
    DEFAULT_FORM,
    GUEST,
    GUEST_ORDER,
    EmailForm,
    account_id,
    account_key,
    guest_key,
    normalise_email,
    normalised,
)
from transforms.identity_shared import FIRST_NAME, OWN_NAME, overruled, reviews

__all__ = [
    "ACCOUNT",
    "ALIASES",
    "DEFAULT_FORM",
    "FIRST_NAME",
    "GUEST",
    "GUEST_ORDER",
    "LINKED_ALIASES",
    "LINKS",
    "MERGED",
    "REGISTERED",
    "SAME_ADDRESS",
    "SEPARATED",
    "EmailForm",
    "Identified",
    "Numbered",
    "account_id",
    "account_key",
    "follow_aliases",
    "guest_key",
    "identify",
    "identify_numbered",
    "normalise_email",
    "resolve_aliases",
]

SAME_ADDRESS = "same address"
# Why an identity belongs to its person, as stored and as told to people.
LINKS: Mapping[str, str] = {
    "account": "The account itself.",
    "guest": "A guest, by the e-mail of the orders.",
    "guest order": "A guest order without an e-mail: nothing says whose it is.",
    "account e-mail": "Ordered as a guest with the e-mail of the account.",
    "deleted account": "Ordered with the e-mail of an account that the shop deleted.",
    REGISTERED: "Ordered as a guest before the account was made, or with an e-mail it had before.",
    SAME_ADDRESS: "The same mailbox: the e-mails differ in dots or tags only.",
    MERGED: "Merged by hand.",
    SEPARATED: "Separated by hand.",
    FIRST_NAME: "Strangers share this e-mail: these orders bear the name that came first, or none.",
    OWN_NAME: "Strangers share this e-mail: these orders bear another name.",
}


class Identified(NamedTuple):
    """What `identify` finds.

    `owners`: `order_id, identity, customer_key`, one row an order. `identities` and `reviews` have the columns of
    `schemas.IDENTITIES` and `schemas.IDENTITY_REVIEWS`, without `shop`.
    """

    owners: pl.LazyFrame
    identities: pl.LazyFrame
    reviews: pl.LazyFrame


class Numbered(NamedTuple):
    """What `identify_numbered` finds: the same with numbers for keys, since millions of orders are joined by them.

    `orders`: the orders, in memory, with `identity_number, person_number`. `identities`: `identity_number,
    person_number` and the columns of `schemas.IDENTITIES` but `shop`, sorted by `identity`. `keys`: `person_number,
    customer_key`; numbers follow the order of keys, from 0.
    """

    orders: pl.LazyFrame
    identities: pl.LazyFrame
    keys: pl.LazyFrame
    reviews: pl.LazyFrame


COLUMNS = ("identity", "customer_key", "link", "email", "orders", "first_order_at", "last_order_at")
NUMBERS = ("identity_number", "person_number")


def identify(
    orders: pl.LazyFrame,
    accounts: pl.LazyFrame,
    *,
    hash_key: bytes,
    aliases: pl.LazyFrame,
    form: EmailForm = DEFAULT_FORM,
) -> Identified:
    """Return whom each staged order belongs to, what each person is made of, and which addresses strangers share.

    The arguments are those of `identify_numbered`.
    """
    found = identify_numbered(orders, accounts, hash_key=hash_key, aliases=aliases, form=form)
    texts = found.identities.select("identity_number", "identity", "customer_key")
    owners = (
        found.orders.select("order_id", "identity_number")
        .join(texts, on="identity_number")
        .select("order_id", "identity", "customer_key")
    )
    return Identified(owners, found.identities.select(COLUMNS), found.reviews)


def identify_numbered(
    orders: pl.LazyFrame,
    accounts: pl.LazyFrame,
    *,
    hash_key: bytes,
    aliases: pl.LazyFrame,
    form: EmailForm = DEFAULT_FORM,
) -> Numbered:
    """Return whom each staged order belongs to, what each person is made of, and which addresses strangers share.

    `orders` needs `order_id, woocommerce_id, email, billing, created_at` of STAGED_ORDERS, and of accounts' orders
    neither `email` nor `billing`; `accounts` is STAGED_CUSTOMERS with `deleted_at`; `aliases` has `alias_key,
    customer_key, link` and may hold chains (see `identity_aliases`). Identities are collected here, since everything
    asks for them. Raises ValueError on an unfit hash key.
    """
    claims = claims_of(accounts, form).collect().lazy()
    guests = guests_of(orders, claims, hash_key, form)
    alone = pl.concat(
        [_accounts(orders, accounts), guests_by_email(guests, hash_key), nameless(guests)], how="diagonal"
    )
    refused = overruled(aliases, guests.under_crowded, claims).collect().lazy()
    aliases = with_links(aliases).join(refused, on=list(LINKED_ALIASES), how="anti")
    linked = _linked(_based(alone, claims, guests.crowded_addresses, aliases, form), aliases)
    linked = linked.collect(engine="streaming").sort("identity").with_row_index(NUMBERS[0]).lazy()
    keys = linked.select("customer_key").unique().collect().sort("customer_key").with_row_index(NUMBERS[1]).lazy()
    linked = linked.join(keys, on="customer_key", how="left", maintain_order="left").collect().lazy()
    shared = reviews(linked, claimants_by_address(claims), guests.crowded_addresses, LIVING)
    return Numbered(_numbered(orders, guests, linked), linked.select(*NUMBERS, *COLUMNS), keys, shared)


def _accounts(orders: pl.LazyFrame, accounts: pl.LazyFrame) -> pl.LazyFrame:
    """Return the identities that are accounts, those we only know from orders too."""
    ordered = orders.filter(pl.col("woocommerce_id") > 0).group_by("woocommerce_id").agg(*figures())
    known = accounts.select("woocommerce_id", email=normalised(pl.col("email")))
    return known.join(ordered, on="woocommerce_id", how="full", coalesce=True).with_columns(
        pl.col("orders").fill_null(0),
        identity=account_key(pl.col("woocommerce_id")),
        base_link=pl.lit("account"),
        guest=pl.lit(value=False),
    )


def _based(
    alone: pl.LazyFrame,
    claims: pl.LazyFrame,
    crowded_addresses: pl.LazyFrame,
    aliases: pl.LazyFrame,
    form: EmailForm,
) -> pl.LazyFrame:
    """Return the identities with `base`, whom the rules give them to before aliases, and `base_link`."""
    owners = owners_by(claims, "email_key").select("email_key", "owner", "rank")
    based = alone.join(owners, on="email_key", how="left")
    owned = pl.col("claimable").fill_null(value=False) & pl.col("owner").is_not_null()
    by_rank = pl.when(pl.col("rank") == LIVING).then(pl.lit("account e-mail")).otherwise(pl.lit("deleted account"))
    based = based.with_columns(
        base=pl.when(owned).then("owner").otherwise("identity"),
        base_link=pl.when(owned).then(by_rank).otherwise("base_link"),
    ).drop("owner", "rank", "claimable")
    return _folded(based, claims, crowded_addresses, aliases) if form.folds else based


def _folded(
    based: pl.LazyFrame, claims: pl.LazyFrame, crowded_addresses: pl.LazyFrame, aliases: pl.LazyFrame
) -> pl.LazyFrame:
    """Give guests whom nobody owns yet to the owner of their address, or to the earliest guest of that address."""
    based = based.join(pins(aliases).select(identity="alias_key", pinned=True), on="identity", how="left")
    based = based.join(crowded_addresses.with_columns(crowded=True), on="address", how="left")
    free = pl.col("base_link").eq("guest") & pl.col("pinned").is_null() & pl.col("crowded").is_null()
    based = based.with_columns(free=free).collect().lazy()
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
    return moved.with_columns(base=to, base_link=pl.when(same).then(pl.lit(SAME_ADDRESS)).otherwise("base_link")).drop(
        "pinned", "crowded", "free", "address_owner", "earliest"
    )


def _linked(based: pl.LazyFrame, aliases: pl.LazyFrame) -> pl.LazyFrame:
    """Return the identities with `customer_key` and `link`: aliases laid over what the rules say."""
    based = based.collect(engine="streaming").lazy()
    resolved = resolve_by_rules(aliases, based)
    direct = resolved.select(identity="alias_key", aliased="customer_key", alias_link="link").drop_nulls("alias_link")
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


def _numbered(orders: pl.LazyFrame, guests: Guests, linked: pl.LazyFrame) -> pl.LazyFrame:
    """Return the orders with NUMBERS: those of their account, of their e-mail as written, or of themselves.

    Laid beside them row by row: a join with millions of owners by `order_id` took longer than all that finds them.
    """
    placed = orders.collect()  # once: a join in its plan may give the rows in another order the next time
    of_guest = pl.coalesce("woocommerce_id", pl.lit(0)) <= 0
    asked = (
        placed.lazy().select("order_id", "woocommerce_id", email=pl.when(of_guest).then("email")).with_row_index("row")
    )
    number, person = NUMBERS
    kinds = [
        asked.select("row", key).drop_nulls().join(numbers, on=key).select("row", number)
        for key, numbers in _by_kind(guests, linked).items()
    ]
    found = pl.concat(kinds).collect(engine="streaming")
    nobody = pl.repeat(None, placed.height, dtype=found.schema[number], eager=True)
    owners = nobody.scatter(found["row"], found[number]).alias(number)
    # Identities stand in the order of their numbers.
    persons = linked.select(person).collect()[person]
    return placed.with_columns(owners, persons.gather(owners)).lazy()


def _by_kind(guests: Guests, linked: pl.LazyFrame) -> dict[str, pl.LazyFrame]:
    """Return `identity_number` by each column of orders that may tell it."""
    number = NUMBERS[0]
    crowded_emails = guests.under_crowded.select("email_key").unique()
    spelled = guests.spelled.join(crowded_emails, on="email_key", how="anti").select("email", "email_key")
    under_crowded = guests.under_crowded.select("order_id", "identity")
    alone = [
        under_crowded.join(linked.select("identity", number), on="identity").select("order_id", number),
        linked.filter(pl.col("order_id").is_not_null()).select("order_id", number),
    ]
    return {
        "woocommerce_id": linked.filter(pl.col("woocommerce_id") > 0).select("woocommerce_id", number),
        "email": spelled.join(linked.select("email_key", number), on="email_key").select("email", number),
        "order_id": pl.concat(alone),
    }
