"""Which account owns an e-mail.

An account *claims* the e-mail it logs in with. Where a deleted and a living account claim one, the living one owns it;
where several of the same kind do, nobody does: strangers are not merged. A living account's billing e-mail claims
nothing (anyone can type it); a deleted account's does, if no account logs in with it, since the shop hands the orders
of a deleted account to nobody (`customer_id` 0) and they are to stay with the person.
"""

import polars as pl

from transforms.identity_keys import EmailForm, account_key, address, normalised

LIVING, GONE, GONE_BILLING = 0, 1, 2


def claims_of(accounts: pl.LazyFrame, form: EmailForm) -> pl.LazyFrame:
    """Return the claims of STAGED_CUSTOMERS with `deleted_at`, of every role.

    Columns: `woocommerce_id, email_key, address, rank` (the smallest rank wins) and the account's `first_name,
    last_name` as its profile shows them.
    """
    gone, billing = pl.col("deleted_at").is_not_null(), pl.col("billing").struct
    named = accounts.select(
        "woocommerce_id",
        "email",
        first_name=pl.coalesce("first_name", billing.field("first_name")),
        last_name=pl.coalesce("last_name", billing.field("last_name")),
        gone_email=pl.when(gone).then(billing.field("email")),
        rank=gone.cast(pl.Int8),
    )
    by_billing = named.filter(pl.col("gone_email").is_not_null()).with_columns(
        email="gone_email", rank=pl.lit(GONE_BILLING, dtype=pl.Int8)
    )
    return (
        pl.concat([named, by_billing])
        .drop("gone_email")
        .with_columns(email_key=normalised(pl.col("email")))
        .filter(pl.col("email_key").is_not_null())
        .drop("email")
        .with_columns(address=address(pl.col("email_key"), form))
    )


def owners_by(claims: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Return `<key>, owner, rank, first_name, last_name`: the e-mails that belong to exactly one account, and to which.

    `key` is 'email_key' or 'address'; `owner` the account's `woo:` key; the names are the account's.
    """
    return (
        _strongest(claims, key)
        .group_by(key)
        .agg(
            pl.col("rank", "first_name", "last_name").first(),
            claimants=pl.col("woocommerce_id").n_unique(),
            owner=account_key(pl.col("woocommerce_id").min()),
        )
        .filter(pl.col("claimants") == 1)
        .drop("claimants")
    )


def claimants_by_address(claims: pl.LazyFrame) -> pl.LazyFrame:
    """Return `address, identity, rank`: who claims an address most strongly; several rows where nobody owns it."""
    return (
        _strongest(claims, "address").select("address", "rank", identity=account_key(pl.col("woocommerce_id"))).unique()
    )


def _strongest(claims: pl.LazyFrame, key: str) -> pl.LazyFrame:
    return claims.join(claims.group_by(key).agg(pl.col("rank").min()), on=[key, "rank"], how="semi")
