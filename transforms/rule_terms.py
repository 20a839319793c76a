"""The term tables of the rule language: what may stand in the brackets of `orders(…)` and `bought(…)`.

A term narrows each order or line (`total >= 50`), or is asked of what remains, all together (`count >= 2`): the latter
have `together`. Columns are those of `schemas.ORDERS`, `ORDER_LINES` and `PRODUCTS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from transforms.rule_fields import ABSENCE, CURRENCY, Field, Kind


@dataclass(frozen=True)
class TermField(Field):
    """One term of the language. `together`: asked of all that remains, not of each order or line."""

    together: bool = False

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that fit this term. A sum over nothing is 0, so it is never absent."""
        return tuple(op for op in super().operators if not (self.together and op in ABSENCE))


_STATUS = TermField(
    "status",
    Kind.TEXT,
    ("status",),
    "status",
    "The order's status, such as completed. With it all orders are looked at, otherwise those that count.",
    has_past=False,
    nobody="No order has the status",
)
_DAY = TermField("day", Kind.DATE, ("created_at",), "placed", "The shop's day on which the order was placed.")
_ORDER_CURRENCY = "the order's currency"


def _table(*terms: TermField) -> Mapping[str, TermField]:
    return {term.name: term for term in terms}


ORDER_TERMS: Mapping[str, TermField] = _table(
    TermField(
        "count", Kind.INT, ("order_id",), "orders", "How many orders remain; at least 1.", unit="orders", together=True
    ),
    TermField(
        "sum",
        Kind.MONEY,
        ("total",),
        "sum",
        "The totals of those that remain, in the person's main currency only.",
        unit=CURRENCY,
        together=True,
    ),
    TermField("total", Kind.MONEY, ("total",), "total", "The order's total.", unit=_ORDER_CURRENCY),
    TermField(
        "net",
        Kind.MONEY,
        ("net",),
        "net",
        "The order's total less what was refunded of it.",
        unit=_ORDER_CURRENCY,
        has_past=False,
    ),
    _STATUS,
    _DAY,
    TermField("items", Kind.INT, ("items",), "items", "How many pieces the order holds.", unit="pieces"),
    TermField(
        "coupon",
        Kind.TEXT,
        ("coupons",),
        "coupon",
        "A coupon that the order used.",
        nobody="No order used the coupon",
    ),
    TermField(
        "payment_method",
        Kind.TEXT,
        ("payment_method",),
        "payment method",
        "How the order was paid.",
        nobody="No order was paid with",
    ),
    TermField(
        "currency",
        Kind.TEXT,
        ("currency",),
        "currency",
        "The order's currency, such as EUR.",
        nobody="No order is in the currency",
    ),
    TermField("number", Kind.TEXT, ("number",), "number", "The order's number as the shop shows it."),
)
BOUGHT_TERMS: Mapping[str, TermField] = _table(
    TermField(
        "product", Kind.TEXT, ("name",), "product", "The product's name, today's or the one on the order's line."
    ),
    TermField(
        "category",
        Kind.TEXT,
        ("categories",),
        "category",
        "A category of the product.",
        has_past=False,
        nobody="No product is in the category",
    ),
    TermField("sku", Kind.TEXT, ("sku",), "SKU", "The product's stock number, today's or the one on the order's line."),
    TermField("product_id", Kind.INT, ("product_id",), "product number", "The product's number in the shop."),
    TermField("quantity", Kind.INT, ("quantity",), "quantity", "How many pieces the line holds.", unit="pieces"),
    _STATUS,
    _DAY,
    TermField(
        "count",
        Kind.INT,
        ("order_id",),
        "orders",
        "How many orders hold such a line; at least 1.",
        unit="orders",
        together=True,
    ),
    TermField(
        "pieces",
        Kind.INT,
        ("quantity",),
        "pieces",
        "The quantities of all such lines together.",
        unit="pieces",
        together=True,
    ),
    TermField(
        "sum",
        Kind.MONEY,
        ("total", "tax"),
        "sum",
        "The totals of all such lines with tax, in the person's main currency only.",
        unit=CURRENCY,
        together=True,
    ),
)
TERMS: Mapping[str, TermField] = {**BOUGHT_TERMS, **ORDER_TERMS}
