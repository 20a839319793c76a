"""Who is who: one `customer_key` for each person of a shop.

- An order of an account belongs to `woo:<id>`, also where we do not have the account itself.
- A guest order belongs, in this order of precedence, to whom the aliases name (they are recorded: a person decided, or
  an earlier run found it), to the account that owns its e-mail, or to `guest:<hash of the e-mail>`; without an e-mail
  to `guest-order:<order id>`, nobody else's.
- An account owns the e-mail it logs in with. Where a deleted and a living account have it, the living one does; where
  several of the same kind have it, nobody does and guest orders stay with the guest: strangers are not merged. A living
  account's billing e-mail owns nothing (anyone can type it); a deleted account's does, if no account logs in with it,
  since the shop hands the orders of a deleted account to nobody (`customer_id` 0) and they are to stay with the person.

E-mails are compared without case, surrounding space and compatibility forms (NFKC). The hash is keyed, so that a key in
a log or a file name says nothing about the e-mail. Nothing here depends on the order of rows.
"""

import hashlib
import unicodedata
from collections.abc import Mapping

import polars as pl

ALIASES: Mapping[str, pl.DataType] = {"alias_key": pl.String(), "customer_key": pl.String()}
ACCOUNT, GUEST, GUEST_ORDER = "woo:", "guest:", "guest-order:"
HASH_BYTES = 10
SHORTEST_HASH_KEY = 16


def normalise_email(email: str) -> str | None:
    """Return the form in which e-mails are compared, None where nothing is left.

    >>> normalise_email("  Anna.Weiß@Shop.Example "), normalise_email(" ")
    ('anna.weiss@shop.example', None)
    """
    if email.isascii():
        return email.strip().lower() or None
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())
    return folded.strip() or None


def guest_key(email: str, hash_key: bytes) -> str:
    """Return the key of a guest by a normalised e-mail: `guest:` and 20 hex digits of keyed BLAKE2b.

    Raises ValueError on a hash key under 16 or over 64 bytes.
    """
    if len(hash_key) < SHORTEST_HASH_KEY:
        raise ValueError(f"The hash key of guests must have at least {SHORTEST_HASH_KEY} bytes.")
    return GUEST + hashlib.blake2b(email.encode("utf-8", "replace"), key=hash_key, digest_size=HASH_BYTES).hexdigest()


def order_owners(
    orders: pl.LazyFrame, accounts: pl.LazyFrame, *, hash_key: bytes, aliases: pl.LazyFrame
) -> pl.LazyFrame:
    """Return `order_id, customer_key` for every staged order.

    `accounts` is STAGED_CUSTOMERS with `deleted_at`; `aliases` has `alias_key, customer_key` and may hold chains.
    """
    resolved = resolve_aliases(aliases)
    guest = pl.coalesce("woocommerce_id", pl.lit(0)) <= 0
    of_guests = orders.select("order_id", "woocommerce_id", email=pl.when(guest).then("email"))
    keyed = (
        _with_email_key(of_guests)
        .with_columns(own_key=_own_key(hash_key))
        .join(resolved.rename({"customer_key": "aliased"}), left_on="own_key", right_on="alias_key", how="left")
        .join(email_owners(accounts), on="email_key", how="left")
    )
    return follow_aliases(keyed.select("order_id", customer_key=pl.coalesce("aliased", "owner", "own_key")), resolved)


def email_owners(accounts: pl.LazyFrame) -> pl.LazyFrame:
    """Return `email_key, owner`: the normalised e-mails that belong to exactly one account, and its `woo:` key."""
    gone = pl.col("deleted_at").is_not_null()
    logins = accounts.select("woocommerce_id", "email", rank=gone.cast(pl.Int8))
    billing = accounts.filter(gone).select(
        "woocommerce_id", email=pl.col("billing").struct.field("email"), rank=pl.lit(2, dtype=pl.Int8)
    )
    claims = _with_email_key(pl.concat([logins, billing])).filter(pl.col("email_key").is_not_null())
    return (
        claims.filter(pl.col("rank") == pl.col("rank").min().over("email_key"))
        .group_by("email_key")
        .agg(claimants=pl.col("woocommerce_id").n_unique(), owner=account_key(pl.col("woocommerce_id").min()))
        .filter(pl.col("claimants") == 1)
        .select("email_key", "owner")
    )


def new_aliases(
    orders: pl.LazyFrame,
    accounts: pl.LazyFrame,
    known_keys: pl.LazyFrame,
    *,
    hash_key: bytes,
    aliases: pl.LazyFrame,
) -> pl.LazyFrame:
    """Return `alias_key, customer_key`: guest keys whose e-mail now belongs to an account, not recorded so far.

    Those of today's guest orders, and those in `known_keys` (column `customer_key`: what was published before, what
    has notes), since the shop may have moved the guest's orders to the account. Recorded, they keep notes attached and
    the orders in place, whatever e-mail the account has tomorrow.
    """
    guests = _with_email_key(orders.filter(pl.coalesce("woocommerce_id", pl.lit(0)) <= 0).select("email"))
    owned = email_owners(accounts).with_columns(alias_key=_guest_keys(pl.col("email_key"), hash_key))
    seen = pl.concat(
        [
            owned.join(guests.select("email_key"), on="email_key", how="semi"),
            owned.join(known_keys.select(alias_key="customer_key"), on="alias_key", how="semi"),
        ]
    )
    return (
        seen.select("alias_key", customer_key="owner")
        .unique()
        .join(aliases.select("alias_key"), on="alias_key", how="anti")
        .sort("alias_key")
    )


def resolve_aliases(aliases: pl.LazyFrame) -> pl.LazyFrame:
    """Return each alias with the end of its chain. An alias on a loop, or leading into one, is left out.

    >>> rows = {"alias_key": ["guest:a", "woo:1", "x", "y"], "customer_key": ["woo:1", "woo:2", "y", "x"]}
    >>> resolve_aliases(pl.LazyFrame(rows)).collect().rows()
    [('guest:a', 'woo:2'), ('woo:1', 'woo:2')]
    """
    return (
        aliases.select(pl.col("alias_key", "customer_key").cast(pl.String))
        .drop_nulls()
        .map_batches(_resolved, schema=dict(ALIASES))
    )


def follow_aliases(frame: pl.LazyFrame, resolved: pl.LazyFrame) -> pl.LazyFrame:
    """Return `frame` with its `customer_key` replaced where `resolved` has an alias for it."""
    return frame.join(
        resolved.rename({"customer_key": "aliased"}), left_on="customer_key", right_on="alias_key", how="left"
    ).select(
        pl.coalesce("aliased", "customer_key").alias("customer_key") if name == "customer_key" else name
        for name in frame.collect_schema().names()
    )


def account_key(woocommerce_id: pl.Expr) -> pl.Expr:
    """Return `woo:<id>` of an account id."""
    return pl.lit(ACCOUNT) + woocommerce_id.cast(pl.String)


def account_id(customer_key: pl.Expr) -> pl.Expr:
    """Return the account id of a `woo:<id>` key as Int64, null for guests."""
    return pl.when(customer_key.str.starts_with(ACCOUNT)).then(
        customer_key.str.strip_prefix(ACCOUNT).cast(pl.Int64, strict=False)
    )


def _own_key(hash_key: bytes) -> pl.Expr:
    """Return the key that an order gives by itself, before aliases and accounts' e-mails."""
    return (
        pl.when(pl.col("woocommerce_id") > 0)
        .then(account_key(pl.col("woocommerce_id")))
        .when(pl.col("email_key").is_not_null())
        .then(_guest_keys(pl.col("email_key"), hash_key))
        .otherwise(pl.lit(GUEST_ORDER) + pl.col("order_id").cast(pl.String))
    )


def _with_email_key(frame: pl.LazyFrame) -> pl.LazyFrame:
    return frame.with_columns(
        email_key=pl.col("email").map_batches(
            lambda emails: pl.Series([email and normalise_email(email) for email in emails], dtype=pl.String),
            return_dtype=pl.String,
            is_elementwise=True,
        )
    )


def _guest_keys(email_key: pl.Expr, hash_key: bytes) -> pl.Expr:
    guest_key("", hash_key)  # an unfit key is refused here, not in the middle of a run
    return email_key.map_batches(
        lambda emails: pl.Series([email and guest_key(email, hash_key) for email in emails], dtype=pl.String),
        return_dtype=pl.String,
        is_elementwise=True,
    )


def _resolved(aliases: pl.DataFrame) -> pl.DataFrame:
    """Walk each chain to its end. Of two rows for one alias the smaller key counts, so that row order does not."""
    step = dict(aliases.sort("alias_key", "customer_key", descending=True).iter_rows())
    ends: dict[str, str | None] = {}
    for alias in step:
        walked: dict[str, None] = {}
        here = alias
        while here in step and here not in ends and here not in walked:
            walked[here] = None
            here = step[here]
        end = None if here in walked else ends.get(here, here)
        ends.update(dict.fromkeys(walked, end))
    rows = sorted((alias, end) for alias, end in ends.items() if end is not None)
    return pl.DataFrame(rows, schema=dict(ALIASES), orient="row")
