"""What is expected of the raw tables: rows as the shop sent them, read by `sample.raw_sample`.

Every table but the deletions has `id, date_created_gmt, date_modified_gmt, observed_at, body_length` (in characters)
and texts out of its bodies (`BODY_TEXTS`).
"""

from collections.abc import Iterator, Mapping

from pipelines.expectations.suite import (
    EARLIEST,
    MONEY_TEXT,
    Expectation,
    Suite,
    at_least,
    currencies,
    each,
    key_of,
    matches,
    mostly_matches,
    mostly_one_of,
    mostly_present,
    one_of,
    ordered,
    present,
)

# What is read out of the bodies of each raw table, as text.
BODY_TEXTS: Mapping[str, tuple[str, ...]] = {
    "orders": ("currency", "total"),
    "customers": ("email", "role"),
    "refunds": ("amount",),
    "products": ("name", "price"),
}
COMMON = ("id", "date_created_gmt", "date_modified_gmt", "observed_at", "body_length")
DELETIONS = ("key", "object", "id", "observed_at")
# WooCommerce's own, with the one WordPress gives a draft; plugins add more.
STATUSES = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
    "auto-draft",
    "trash",
)
EMAIL = r"^[^@\s]+@[^@\s]+$"
AMOUNT = r"^\d{1,12}(?:\.\d{1,6})?$"
NOTHING_OR_AMOUNT = r"^(?:\d{1,12}(?:\.\d{1,6})?)?$"


def _bodies(row: str, rows: str) -> Iterator[Expectation]:
    yield from key_of("id", row)
    yield at_least("id", 1, "Ids are positive numbers")
    yield present("body_length", f"No {row}'s body is empty")
    yield at_least("body_length", 3, "Bodies hold at least an object")
    # Imports and clocks that were wrong leave times in the future: known, and worth a look.
    yield ordered("observed_at", "date_created_gmt", f"{rows} were created before we saw them", share=0.99)


def _changed(rows: str) -> Expectation:
    return ordered("observed_at", "date_modified_gmt", f"{rows} were changed before we saw them", share=0.99)


def _orders() -> Iterator[Expectation]:
    yield from _bodies("order", "Orders")
    yield _changed("Orders")
    yield present("status", "Every order has a status")
    yield mostly_one_of("status", STATUSES, "Statuses are WooCommerce's own", 0.98)
    yield present("date_created_gmt", "Every order has a creation date")
    yield at_least("date_created_gmt", EARLIEST, "Orders were created after 1993")
    yield mostly_present("date_modified_gmt", "Orders have a modification date", 0.99)
    yield present("currency", "Every order has a currency")
    yield currencies()
    yield present("total", "Every order has a total")
    yield matches("total", MONEY_TEXT, "Totals can be read as exact money")


def _customers() -> Iterator[Expectation]:
    yield from _bodies("account", "Accounts")
    yield _changed("Accounts")
    yield mostly_present("date_created_gmt", "Accounts have a creation date", 0.99)
    yield mostly_present("email", "Accounts have an e-mail", 0.95)
    yield mostly_matches("email", EMAIL, "E-mails have one @ and no space", 0.99)
    yield mostly_present("role", "Accounts have a role", 0.99)


def _refunds() -> Iterator[Expectation]:
    yield from _bodies("refund", "Refunds")
    yield present("date_created_gmt", "Every refund has a date")
    yield present("parent_id", "Every refund names its order")
    yield at_least("parent_id", 1, "A refund's order has a positive id")
    yield present("amount", "Every refund has an amount")
    yield matches("amount", MONEY_TEXT, "Amounts can be read as exact money")
    yield mostly_matches("amount", AMOUNT, "Amounts are not below zero", 0.99)


def _products() -> Iterator[Expectation]:
    yield from _bodies("product", "Products")
    yield _changed("Products")
    yield mostly_present("name", "Products have a name", 0.99)
    yield mostly_matches("price", NOTHING_OR_AMOUNT, "Prices are amounts, or left open", 0.99)


def _deletions() -> Iterator[Expectation]:
    yield from key_of("key", "deletion")
    yield one_of("object", ("order", "customer", "refund", "product"), "Deletions are of things that we keep")
    yield present("id", "Every deletion names what is gone")
    yield each("id", "Ids of what is gone are positive", "ExpectColumnValuesToBeBetween", min_value=1)
    yield present("observed_at", "Every deletion says when it was seen")


def _suite(table: str, description: str, expectations: Iterator[Expectation], *more: str) -> Suite:
    return Suite(f"raw {table}", description, (*COMMON, *BODY_TEXTS[table], *more), list(expectations))


RAW_SUITES: Mapping[str, Suite] = {
    "orders": _suite("orders", "ids, dates, known statuses, readable totals", _orders(), "status"),
    "customers": _suite("customers", "ids, dates, e-mails, roles", _customers()),
    "refunds": _suite("refunds", "ids, dates, orders, readable amounts", _refunds(), "parent_id"),
    "products": _suite("products", "ids, names, prices", _products()),
    "deletions": Suite("raw deletions", "what is gone, and when we saw it", DELETIONS, list(_deletions())),
}
