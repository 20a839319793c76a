"""How people are found by what an analyst types: literally, whatever the script, case or accents.

Terms: text is *folded* by compatibility decomposition, dropping combining marks, and lower case, so that "Ångström"
and "angstrom" are the same; what is typed is never a pattern. Every word typed must occur, in any order, in the name,
the e-mail address or the company. What looks like a telephone number is compared by digits, leading zeros aside (so a
national number finds the international one), and one word with a digit may also be an order number, exactly.
"""

import re

import polars as pl

from transforms import rules

# Letters with a stroke do not decompose, though readers type the plain one.
SAME_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ı": "i"}
PHONE_LIKE = re.compile(r"[\d\s()+./-]{3,40}")
SEARCH_LENGTH = 200

TEXT = "_text"
DIGITS = "_digits"


def fold(text: pl.Expr) -> pl.Expr:
    """Return `text` folded for comparison; null stays null."""
    bare = text.str.normalize("NFKD").str.replace_all(r"\p{Mn}+", "")
    return rules.fold(bare).str.replace_many(list(SAME_LETTERS), list(SAME_LETTERS.values()))


def search_columns() -> list[pl.Expr]:
    """Return the derived columns that `matches` needs, over columns of `CUSTOMERS`."""
    parts = [pl.col(name).fill_null("") for name in ("first_name", "last_name", "email", "company", "username")]
    return [
        fold(pl.concat_str(parts, separator="\n")).alias(TEXT),
        pl.col("phone").fill_null("").str.replace_all(r"\D", "").alias(DIGITS),
    ]


def words_of(search: str) -> list[str]:
    """Return the folded words of what was typed."""
    folded = pl.select(fold(pl.lit(search[:SEARCH_LENGTH]))).item()
    return str(folded).split()


def phone_of(search: str) -> str | None:
    """Return the digits to look for when what was typed reads as a telephone number, else None."""
    if not PHONE_LIKE.fullmatch(search.strip()):
        return None
    digits = re.sub(r"\D", "", search).lstrip("0")
    return digits if len(digits) >= 3 else None


def order_number_of(search: str) -> str | None:
    """Return what may be an order number: one word that has a digit."""
    words = search.split()
    if len(words) != 1 or "@" in search or not any(letter.isdigit() for letter in search):
        return None
    return words[0].removeprefix("#")


def matches(search: str, keys_by_order: pl.Series | None) -> pl.Expr:
    """Return the Boolean expression for `search`; `keys_by_order` are the persons whose order has that number."""
    words = words_of(search)
    found = pl.all_horizontal([pl.col(TEXT).str.contains(word, literal=True) for word in words] or [pl.lit(value=True)])
    if digits := phone_of(search):
        found = found | pl.col(DIGITS).str.contains(digits, literal=True)
    if keys_by_order is not None and keys_by_order.len() > 0:
        found = found | pl.col("customer_key").is_in(keys_by_order.implode())
    return found
