"""Guests who have registered: whose e-mail is an account's by now."""

import polars as pl

from transforms.identity_aliases import resolve_aliases, with_links
from transforms.identity_claims import claims_of, owners_by
from transforms.identity_guests import guests_of, of_guests
from transforms.identity_keys import DEFAULT_FORM, EmailForm, guest_keys, normalised


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
    plain = form._replace(ignore_dots=False, ignore_tags=False)
    claims = claims_of(accounts, plain).collect().lazy()
    owned = owners_by(claims, "email_key").select(
        "email_key", alias_key=guest_keys(pl.col("email_key"), hash_key), customer_key="owner"
    )
    written = of_guests(orders).select("email").drop_nulls().unique()
    spelled = written.with_columns(email_key=normalised(pl.col("email"))).collect().lazy()
    seen = pl.concat(
        [
            owned.join(spelled, on="email_key", how="semi"),
            owned.join(known_keys, left_on="alias_key", right_on="customer_key", how="semi"),
        ]
    )
    unrecorded = seen.unique().join(with_links(aliases), on="alias_key", how="anti").collect()
    found = unrecorded.lazy()
    if unrecorded.height:  # most runs find nobody, and resolving walks through every alias
        # An account that was merged into this guest: the alias would go in a circle.
        back = resolve_aliases(aliases).select(alias_key="customer_key", customer_key="alias_key")
        found = found.join(back, on=["alias_key", "customer_key"], how="anti").collect().lazy()
    # Names are asked of these few alone.
    under = orders.join(spelled.join(found, on="email_key", how="semi"), on="email", how="semi")
    crowded = guests_of(under, claims, hash_key, plain).crowded_addresses
    return (
        found.join(crowded, left_on="email_key", right_on="address", how="anti")
        .select("alias_key", "customer_key")
        .sort("alias_key")
    )
