"""What is expected of the tables of the marts, as they are about to be shown."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import polars as pl

from pipelines.expectations.raw import STATUSES
from pipelines.expectations.suite import (
    CRITICAL,
    EARLIEST,
    Expectation,
    Suite,
    at_least,
    currencies,
    each,
    equal,
    key_of,
    keys_of,
    mostly_between,
    mostly_matches,
    mostly_one_of,
    mostly_present,
    one_of,
    ordered,
    person_key,
    present,
)
from transforms.identity import LINKS
from transforms.rfm import CUTS, RFM_GROUPS

COUNTRY = r"^[A-Z]{2}$"
PRODUCT_STATUSES = ("publish", "draft", "pending", "private", "future", "trash")
NET = {"gross_less_refunded": pl.col("gross") - pl.col("refunded")}
NET_IS_EXACT = equal("net", "gross_less_refunded", "Net is gross less refunded, to the last digit")


def _customers() -> Iterator[Expectation]:
    yield present("customer_key", "Every person has a key")
    yield each("customer_key", "No person stands there twice", "ExpectColumnValuesToBeUnique")
    yield person_key()
    yield each("woocommerce_id", "No account belongs to two people", "ExpectColumnValuesToBeUnique")
    yield present("orders_count", "Every person has a number of orders")
    yield at_least("orders_count", 0, "Nobody has fewer than no orders")
    yield NET_IS_EXACT
    yield mostly_between("gross", "Nobody bought for less than nothing", 0.99, min_value=0)
    yield mostly_between("refunded", "Nobody was refunded less than nothing", 0.99, min_value=0)
    for score in ("r", "f", "m"):
        yield each(score, f"{score.upper()} is 1 to 5", "ExpectColumnValuesToBeBetween", min_value=1, max_value=5)
    yield one_of("scored_if_counted", [True], "Who has a counted order is scored, and nobody else")
    yield one_of("rfm_group", RFM_GROUPS, "RFM groups are the eleven")
    yield at_least("recency_days", 0, "No last order lies in the future")
    yield ordered("last_order_at", "first_order_at", "First orders come before last ones", severity=CRITICAL)
    yield ordered("as_of", "last_order_at", "No order after the day of the figures counts", severity=CRITICAL)
    yield currencies()
    yield mostly_matches("country", COUNTRY, "Countries are two capitals", 0.99)
    yield at_least("median_days_between", 0, "No second order comes before the first")
    yield ordered("orders_count", "active_months", "Nobody bought in more months than orders", severity=CRITICAL)
    yield mostly_between("refund_rate", "Not more came back than was paid", 0.99, min_value=0, max_value=1)


def _customer_currencies() -> Iterator[Expectation]:
    yield from keys_of(("customer_key", "currency"), "row")
    yield person_key()
    yield currencies()
    yield at_least("orders_count", 0, "Nobody has fewer than no orders")
    yield NET_IS_EXACT
    yield mostly_between("gross", "Nobody bought for less than nothing", 0.99, min_value=0)
    yield mostly_between("refunded", "Nobody was refunded less than nothing", 0.99, min_value=0)
    yield ordered("last_order_at", "first_order_at", "First orders come before last ones", severity=CRITICAL)


def _orders() -> Iterator[Expectation]:
    yield from key_of("order_id", "order")
    yield present("customer_key", "Every order belongs to somebody")
    yield person_key()
    yield present("counted", "Every order counts or does not")
    yield mostly_one_of("status", STATUSES, "Statuses are WooCommerce's own", 0.98)
    yield currencies()
    yield equal("net", "total_less_refunded", "Net is the total less what was refunded, to the last digit")
    yield mostly_between("total", "Totals are not below zero", 0.99, min_value=0)
    yield ordered("total", "refunded", "Not more was refunded than paid", share=0.99)
    yield mostly_between("items", "Orders hold at least one piece", 0.95, min_value=1)
    yield at_least("created_at", EARLIEST, "Orders were created after 1993")
    yield ordered("paid_at", "created_at", "Orders were paid after they were created", share=0.95)
    yield ordered("completed_at", "created_at", "Orders were completed after they were created", share=0.99)


def _order_lines() -> Iterator[Expectation]:
    yield from keys_of(("order_id", "line_id"), "line")
    yield present("total", "Every line has a total")
    yield mostly_between("product_id", "Lines name a product that the shop still knows", 0.9, min_value=1)
    yield mostly_present("name", "Lines have a name", 0.99)
    yield mostly_between("quantity", "Lines are of one piece or more", 0.95, min_value=1)
    yield ordered("subtotal", "total", "No line costs more after its discount than before", share=0.99)


def _refunds() -> Iterator[Expectation]:
    yield from key_of("refund_id", "refund")
    yield present("order_id", "Every refund is of an order")
    yield mostly_present("customer_key", "Refunds belong to somebody", 0.99)
    yield person_key()
    yield currencies()
    yield present("amount", "Every refund has an amount")
    yield mostly_between("amount", "Refunds are not below zero", 0.99, min_value=0)
    yield at_least("created_at", EARLIEST, "Refunds were made after 1993")


def _products() -> Iterator[Expectation]:
    yield from key_of("product_id", "product")
    yield mostly_present("name", "Products have a name", 0.99)
    yield mostly_one_of("status", PRODUCT_STATUSES, "Statuses are WordPress's own", 0.98)
    yield mostly_between("price", "Prices are not below zero", 1.0, min_value=0)


def _segments() -> Iterator[Expectation]:
    yield from key_of("segment_id", "segment")
    yield present("name", "Every segment has a name")
    yield present("rule", "Every segment has a rule")
    yield at_least("people", 0, "No segment holds fewer than nobody")
    yield mostly_present("people", "Every rule can be read", 1.0)


def _segment_members() -> Iterator[Expectation]:
    yield from keys_of(("segment_id", "customer_key"), "member")
    yield person_key()


def _rfm_cuts() -> Iterator[Expectation]:
    yield one_of("score", ("r", "f", "m"), "Scores are R, F and M")
    yield each("score_of", "No score's cuts stand there twice", "ExpectColumnValuesToBeUnique")
    yield at_least("people", 1, "Cuts are of at least one person")
    for lower, higher in pairwise(CUTS):
        meaning = f"The cut at {higher[4:]} % is not below that at {lower[4:]} %"
        yield ordered(higher, lower, meaning, severity=CRITICAL)


def _identities() -> Iterator[Expectation]:
    yield from key_of("identity", "identity")
    yield present("customer_key", "Every identity belongs to somebody")
    yield person_key()
    yield one_of("link", tuple(LINKS), "Every identity has a known reason why it belongs to its person")
    yield at_least("orders", 0, "No identity has fewer than no orders")
    yield ordered("last_order_at", "first_order_at", "First orders come before last ones", severity=CRITICAL)


def _identity_reviews() -> Iterator[Expectation]:
    yield from keys_of(("email", "reason"), "review")
    yield one_of("reason", ("accounts", "names"), "Reviews say what makes an address a shared one")
    yield at_least("orders", 0, "No shared address has fewer than no orders")
    yield at_least("people", 1, "Every shared address is used by somebody")


def _person_tags() -> Iterator[Expectation]:
    yield from key_of("customer_key", "person")
    yield person_key()
    yield at_least("number", 1, "Whoever is listed has a tag")


def _suite(name: str, description: str, columns: str, expectations: Iterator[Expectation], **derived: pl.Expr) -> Suite:
    return Suite(name, description, tuple(columns.split()), list(expectations), derived)


MART_SUITES: Mapping[str, Suite] = {
    "customers": _suite(
        "people",
        "keys, money, scores, habits, countries",
        "customer_key woocommerce_id country currency orders_count gross refunded net first_order_at last_order_at "
        "recency_days median_days_between active_months refund_rate r f m rfm_group as_of",
        _customers(),
        **NET,
        scored_if_counted=pl.col("r").is_not_null() == (pl.col("orders_count") > 0).fill_null(value=False),
        country=pl.when(pl.col("country") != "").then("country"),
    ),
    "customer_currencies": _suite(
        "people's currencies",
        "keys, exact money, dates",
        "customer_key currency orders_count gross refunded net first_order_at last_order_at",
        _customer_currencies(),
        **NET,
    ),
    "orders": _suite(
        "orders",
        "owners, statuses, exact money, dates",
        "order_id customer_key counted status currency total refunded net items created_at paid_at completed_at",
        _orders(),
        total_less_refunded=pl.col("total") - pl.col("refunded"),
    ),
    "order_lines": _suite(
        "order lines",
        "keys, products, pieces, totals",
        "order_id line_id product_id name quantity subtotal total",
        _order_lines(),
    ),
    "refunds": _suite(
        "refunds",
        "owners, amounts, dates",
        "refund_id order_id customer_key currency amount created_at",
        _refunds(),
    ),
    "products": _suite("products", "names, statuses, prices", "product_id name status price", _products()),
    "segments": _suite("segments", "names, rules that can be read", "segment_id name rule people", _segments()),
    "segment_members": _suite("segment members", "keys", "segment_id customer_key", _segment_members()),
    "rfm_cuts": _suite(
        "RFM cuts",
        "ascending cuts, one row a score and currency",
        f"score currency people {' '.join(CUTS)}",
        _rfm_cuts(),
        score_of=pl.concat_str("score", pl.lit(" "), pl.col("currency").fill_null("")),
    ),
    "identities": _suite(
        "identities",
        "keys, owners, reasons",
        "identity customer_key link orders first_order_at last_order_at",
        _identities(),
    ),
    "identity_reviews": _suite(
        "shared addresses",
        "addresses, reasons, people",
        "email reason orders customer_keys",
        _identity_reviews(),
        people=pl.col("customer_keys").list.len(),
    ),
    "person_tags": _suite(
        "tags", "people with tags", "customer_key tags", _person_tags(), number=pl.col("tags").list.len()
    ),
}
