"""The keys of identities, and the forms in which e-mails and names are compared.

E-mails are compared without case, surrounding space and compatibility forms (NFKC): the *normalised e-mail*, from which
a guest's key is made. The *address* is that e-mail without what `EmailForm` says to ignore; it never enters a key, so
that switching the setting moves nobody's notes. The hash is keyed, so that a key in a log or a file name says nothing
about the e-mail.
"""

import hashlib
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import polars as pl

ACCOUNT, GUEST, GUEST_ORDER = "woo:", "guest:", "guest-order:"
HASH_BYTES = 10
SHORTEST_HASH_KEY = 16
GMAIL = ("gmail.com", "googlemail.com")
ASCII_SPACE = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"  # what Python's `strip` takes off ASCII text


class EmailForm(NamedTuple):
    """How far two e-mails may differ and still be one address, and when an address is shared by strangers.

    `ignore_dots`: a.nna@gmail.com is anna@gmail.com (at Gmail's domains only). `ignore_tags`: anna+shop@x.example is
    anna@x.example. `shared_names`: so many different last names under an address mean strangers; 0: never.
    """

    ignore_dots: bool = False
    ignore_tags: bool = False
    shared_names: int = 3

    @property
    def folds(self) -> bool:
        """Return whether an address can differ from its normalised e-mail."""
        return self.ignore_dots or self.ignore_tags


DEFAULT_FORM = EmailForm()


def normalise_email(email: str) -> str | None:
    """Return the form in which e-mails are compared, None where nothing is left.

    >>> normalise_email("  Anna.Weiß@Shop.Example "), normalise_email(" ")
    ('anna.weiss@shop.example', None)
    """
    if email.isascii():
        return email.strip().lower() or None
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())
    return folded.strip() or None


def fold_name(name: str) -> str | None:
    """Return the form in which names are compared, None where nothing is left.

    >>> fold_name(" Anna  WEISS "), fold_name("anna weiß"), fold_name("")
    ('anna weiss', 'anna weiss', None)
    """
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split()) or None


def guest_key(email: str, hash_key: bytes) -> str:
    """Return the key of a guest by a normalised e-mail: `guest:` and 20 hex digits of keyed BLAKE2b.

    Raises ValueError on a hash key under 16 or over 64 bytes.
    """
    return _hasher(hash_key)(email)


def normalised(email: pl.Expr) -> pl.Expr:
    """Return `normalise_email` of each e-mail. ASCII is done by Polars, the rest in Python."""
    return email.map_batches(_normalised, return_dtype=pl.String, is_elementwise=True)


def address(email_key: pl.Expr, form: EmailForm) -> pl.Expr:
    """Return the address of each normalised e-mail: without what `form` ignores, as long as something is left of it.

    >>> emails = pl.DataFrame({"e": ["a.nna+x@gmail.com", "a.nna@x.example", "+x@x.example", "..@gmail.com"]})
    >>> emails.select(address(pl.col("e"), EmailForm(ignore_dots=True, ignore_tags=True)))["e"].to_list()
    ['anna@gmail.com', 'a.nna@x.example', '+x@x.example', '..@gmail.com']
    """
    if form.ignore_tags:
        email_key = email_key.str.replace(r"^([^+@]+)\+.*(@[^@]*)$", "${1}${2}")
    if form.ignore_dots:
        local, domain = email_key.str.extract(r"^(.*)@[^@]*$"), email_key.str.extract(r"@([^@]*)$")
        bare = local.str.replace_all(".", "", literal=True)
        folds = domain.is_in(GMAIL) & (bare != "")
        email_key = pl.when(folds).then(bare + pl.lit("@") + domain).otherwise(email_key)
    return email_key


def guest_keys(text: pl.Expr, hash_key: bytes) -> pl.Expr:
    """Return `guest_key` of each text, null of null. Raises ValueError on an unfit hash key, here and not in a run."""
    return _in_python(text, _hasher(hash_key))


def folded_names(name: pl.Expr) -> pl.Expr:
    """Return `fold_name` of each name."""
    return _in_python(name, fold_name)


def account_key(woocommerce_id: pl.Expr) -> pl.Expr:
    """Return `woo:<id>` of an account id."""
    return pl.lit(ACCOUNT) + woocommerce_id.cast(pl.String)


def account_id(customer_key: pl.Expr) -> pl.Expr:
    """Return the account id of a `woo:<id>` key as Int64, null for guests."""
    return pl.when(customer_key.str.starts_with(ACCOUNT)).then(
        customer_key.str.strip_prefix(ACCOUNT).cast(pl.Int64, strict=False)
    )


def _hasher(hash_key: bytes) -> Callable[[str], str]:
    """Return `guest_key` of this hash key, which is taken in once: that is half of the work."""
    if len(hash_key) < SHORTEST_HASH_KEY:
        raise ValueError(f"The hash key of guests must have at least {SHORTEST_HASH_KEY} bytes.")
    keyed = hashlib.blake2b(key=hash_key, digest_size=HASH_BYTES)

    def key_of(text: str) -> str:
        one = keyed.copy()
        one.update(text.encode("utf-8", "replace"))
        return GUEST + one.hexdigest()

    return key_of


def _in_python(text: pl.Expr, function: Callable[[str], str | None]) -> pl.Expr:
    return text.map_batches(
        lambda texts: pl.Series([None if one is None else function(one) for one in texts], dtype=pl.String),
        return_dtype=pl.String,
        is_elementwise=True,
    )


def _normalised(emails: pl.Series) -> pl.Series:
    plain = emails.str.strip_chars(ASCII_SPACE).str.to_lowercase()
    plain = plain.set(plain == "", None)
    ascii_only = (emails.str.len_bytes() == emails.str.len_chars()).fill_null(value=True)
    if ascii_only.all():
        return plain
    others = pl.Series(
        [None if email is None or email.isascii() else normalise_email(email) for email in emails], dtype=pl.String
    )
    return plain.zip_with(ascii_only, others)
