"""Addresses that strangers share.

An e-mail (or address, where `EmailForm` makes one of several e-mails) is *crowded* when the guest orders under it,
with the account that owns it, bear at least `shared_names` different last names; orders without a name count for none.

Under a crowded e-mail the full name of the earliest named order keeps the plain key, so that what was written about this
guest stays with them. So do orders without a name. Every other full name is an identity of its own. Which identity an
order has depends on nothing but the orders under its e-mail: not on decisions, not on what is ignored in addresses, and
not on accounts, for whoever registers an address must not come by what was written about another who used it. Once it is
known who is who, the identity that bears the full name of the account that owns the e-mail is the account's. And an alias
that an earlier run recorded, when nobody knew yet that strangers share the e-mail, does not hold for the plain key where
the account is known to bear another name (`overruled`).
"""

import polars as pl

from transforms.identity_aliases import LINKED_ALIASES, MERGED, REGISTERED, SEPARATED, with_links
from transforms.identity_keys import EmailForm, account_id, account_key, folded_names, guest_keys

FULL_NAME = pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True)
EARLIEST = ("created_at", "order_id")
# Links of identities under a crowded e-mail.
FIRST_NAME, OWN_NAME = "first name", "own name"


def orders_with_several_names(
    guests: pl.LazyFrame, spelled: pl.LazyFrame, owned: pl.LazyFrame, form: EmailForm
) -> pl.LazyFrame:
    """Return the guest orders under addresses that may be crowded, with names as compared: `name, last_name`.

    `guests` has `order_id, email, created_at, first_name, last_name`; `spelled` one row a spelling of an e-mail with
    `email, email_key, address, low, high` (the smallest and the largest last name as written). Most addresses bear one
    name, and their orders are not looked at again. `owned` has, as `address`, those that an account owns, or of which it
    owns an e-mail.
    """
    if not form.shared_names:
        return guests.clear().with_columns(email_key="email", address="email", name="email")
    ranges = (
        spelled.group_by("address")
        .agg(pl.col("low").min(), pl.col("high").max())
        .join(owned.select("address", owned=True), on="address", how="left")
    )
    one_name = 1 + pl.col("owned").fill_null(value=False).cast(pl.Int64)
    several = ranges.filter((pl.col("low") != pl.col("high")) | (one_name >= form.shared_names)).select("address")
    emails = spelled.join(several, on="address", how="semi").select("email", "email_key", "address")
    return guests.join(emails, on="email").with_columns(
        name=folded_names(FULL_NAME), last_name=folded_names(pl.col("last_name"))
    )


def crowded(named: pl.LazyFrame, owners: pl.LazyFrame, key: str, form: EmailForm) -> pl.LazyFrame:
    """Return the crowded ones of `key` ('email_key' or 'address'), one column.

    `named` comes from `orders_with_several_names`, `owners` from `owners_by` of the same key.
    """
    owning = owners.join(named.select(key), on=key, how="semi").select(key, last_name=folded_names(pl.col("last_name")))
    return (
        pl.concat([named.select(key, "last_name"), owning])
        .filter(pl.col("last_name").is_not_null())
        .group_by(key)
        .agg(pl.col("last_name").n_unique())
        .filter(pl.col("last_name") >= form.shared_names)
        .select(key)
    )


def orders_under_crowded(
    named: pl.LazyFrame, crowded_emails: pl.LazyFrame, owners: pl.LazyFrame, hash_key: bytes
) -> pl.LazyFrame:
    """Return the orders under crowded e-mails, one row each.

    Columns: `order_id, email_key, address, created_at, bears, own_name, of_account, identity`. `bears` is the full name,
    as compared, that the identity bears; `own_name` says that it is not the plain key's, `of_account` that it is the name
    of the account that owns the e-mail.
    """
    under = named.join(crowded_emails, on="email_key", how="semi")
    account_name = owners.join(crowded_emails, on="email_key", how="semi").select(
        "email_key", account_name=folded_names(FULL_NAME)
    )
    earliest_name = (
        under.filter(pl.col("name").is_not_null())
        .sort(*EARLIEST, nulls_last=True)
        .group_by("email_key", maintain_order=True)
        .agg(earliest_name=pl.col("name").first())
    )
    home = under.join(account_name, on="email_key", how="left").join(earliest_name, on="email_key", how="left")
    bears = pl.coalesce("name", "earliest_name")
    own_name = (bears != pl.col("earliest_name")).fill_null(value=False)
    key_text = pl.when("own_name").then(pl.concat_str("email_key", "name", separator="\n")).otherwise("email_key")
    return home.with_columns(
        bears=bears, own_name=own_name, of_account=(bears == pl.col("account_name")).fill_null(value=False)
    ).select(
        "order_id",
        "email_key",
        "address",
        "created_at",
        "bears",
        "own_name",
        "of_account",
        identity=guest_keys(key_text, hash_key),
    )


def overruled(aliases: pl.LazyFrame, under_crowded: pl.LazyFrame, claims: pl.LazyFrame) -> pl.LazyFrame:
    """Return the recorded aliases (LINKED_ALIASES) that do not hold: they give a guest to an account of another name.

    `under_crowded` comes from `orders_under_crowded`, `claims` from `claims_of`. Where the account bears no name, or is
    not known any more, nobody can know, and what was recorded stays.
    """
    named = under_crowded.select(alias_key="identity", bears="bears").unique()
    recorded = with_links(aliases).filter(pl.col("link") == REGISTERED).join(named, on="alias_key")
    accounts = claims.join(recorded.select(woocommerce_id=account_id(pl.col("customer_key"))), on="woocommerce_id")
    names = accounts.select(
        customer_key=account_key(pl.col("woocommerce_id")), account_name=folded_names(FULL_NAME)
    ).unique()
    return (
        recorded.join(names, on="customer_key")
        .filter(pl.col("bears") != pl.col("account_name"))
        .select(*LINKED_ALIASES)
    )


def reviews(
    identities: pl.LazyFrame, claimants: pl.LazyFrame, crowded_addresses: pl.LazyFrame, living: int
) -> pl.LazyFrame:
    """Return IDENTITY_REVIEWS less `shop`: the shared addresses under which people are still apart and undecided.

    `identities` has `identity, address, customer_key, link, guest, orders, last_order_at`; `claimants` comes from
    `claimants_by_address`, and those of rank `living` log in. `orders` and `last_order_at` are of the guests: what
    accounts ordered is nobody's question. An address is left out where everyone under it is one person, and where each
    identity was decided on: separated, merged, or merged into.
    """
    logins = claimants.filter(pl.col("rank") == living).group_by("address").agg(several=pl.len() > 1)
    by_reason = {
        "accounts": logins.filter("several").select("address"),
        "names": crowded_addresses,
    }
    shared = pl.concat([rows.with_columns(reason=pl.lit(reason)) for reason, rows in by_reason.items()])
    under = pl.concat(
        [identities.filter("guest").select("identity", "address"), claimants.select("identity", "address")]
    ).join(identities.drop("address"), on="identity")
    members = shared.join(under, on="address")
    merged_into = members.filter(pl.col("link") == MERGED).select(
        "address", "reason", identity="customer_key", into=True
    )
    decided = pl.col("link").is_in([MERGED, SEPARATED]) | pl.col("into").fill_null(value=False)
    return (
        members.join(merged_into.unique(), on=["address", "reason", "identity"], how="left")
        .group_by("address", "reason")
        .agg(
            customer_keys=pl.col("customer_key").unique().sort(),
            orders=pl.col("orders").filter("guest").sum(),
            last_order_at=pl.col("last_order_at").filter("guest").max(),
            decided=decided.all(),
        )
        .filter(~pl.col("decided") & (pl.col("customer_keys").list.len() > 1))
        .select(pl.col("address").alias("email"), "reason", "customer_keys", "orders", "last_order_at")
    )
