"""The field table of the rule language: every name a rule may use, its columns, type, unit and meaning.

One table serves the parser, the compiler, the builder on the screen and the documentation. Columns are those of
`schemas.CUSTOMERS`, and `tags`: a list of text laid over it from the records, which may be missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from transforms.rfm import RFM_GROUPS


class Kind(StrEnum):
    """The type of a field; it decides which operators and values fit."""

    INT = "int"
    MONEY = "money"
    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    BOOL = "bool"
    LIST = "list"


COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
AGES = ("older than", "within")
ABSENCE = ("is null", "is not null")
# Operators that name a whole value, which is one of those that there are or none.
NAMING = ("=", "!=", "in", "not in")

OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    Kind.INT: (*COMPARISONS, "between", "in", "not in", *ABSENCE),
    Kind.MONEY: (*COMPARISONS, "between", *ABSENCE),
    Kind.NUMBER: (*COMPARISONS, "between", *ABSENCE),
    Kind.TEXT: ("=", "!=", "contains", "starts with", "ends with", "in", "not in", *ABSENCE),
    Kind.DATE: (*COMPARISONS, "between", *AGES, *ABSENCE),
    Kind.BOOL: ("=", "!="),
    Kind.LIST: ("contains", *ABSENCE),
}


@dataclass(frozen=True)
class Field:
    """One field of the language.

    `columns` are what the value is read from. `unit` is what a number counts ("orders", "days since the last order").
    `label` reads in a sentence, `help` is one sentence for a tooltip. `yes_no` are a bool's two readings. `has_past`
    says whether the value of a past day can be worked out; without it a rule as of a past day sees today's.

    `values` are all that there are, where nothing else can ever be: a rule that names another one is refused. Where a
    shop decides what there is (statuses, tags, countries), `nobody` begins the sentence that warns of a value which
    the shop does not have today: "Nobody has the tag".
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    label: str
    help: str
    unit: str = ""
    yes_no: tuple[str, str] = ("", "")
    has_past: bool = True
    values: tuple[str, ...] | tuple[int, ...] = ()
    nobody: str = ""

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that fit this field."""
        return OPERATORS[self.kind]


CURRENCY = "the person's main currency"
SCORES = (1, 2, 3, 4, 5)
_ALL = (
    Field("orders_count", Kind.INT, ("orders_count",), "orders", "How many orders count.", unit="orders"),
    Field(
        "total_spent",
        Kind.MONEY,
        ("net",),
        "total spent",
        "Counted orders less refunds, in the person's main currency. May be negative.",
        unit=CURRENCY,
    ),
    Field("gross", Kind.MONEY, ("gross",), "gross", "Counted orders before refunds.", unit=CURRENCY),
    Field("refunded", Kind.MONEY, ("refunded",), "refunded", "What was paid back.", unit=CURRENCY),
    Field(
        "average_order",
        Kind.MONEY,
        ("average_order",),
        "average order",
        "Total spent divided by the number of counted orders in that currency.",
        unit=CURRENCY,
    ),
    Field("first_order", Kind.DATE, ("first_order_at",), "first order", "The shop's day of the first counted order."),
    Field("last_order", Kind.DATE, ("last_order_at",), "last order", "The shop's day of the last counted order."),
    Field("created", Kind.DATE, ("created_at",), "created", "The shop's day on which the person came into being."),
    Field(
        "recency_days",
        Kind.INT,
        ("recency_days",),
        "days since the last order",
        "Days from the last counted order to the day of the figures.",
        unit="days since the last order",
    ),
    Field(
        "median_days_between",
        Kind.NUMBER,
        ("median_days_between",),
        "median days between orders",
        "The median of the days between one counted order and the next; from two orders on.",
        unit="days between orders in the median",
    ),
    Field(
        "days_to_second",
        Kind.INT,
        ("days_to_second",),
        "days to the second order",
        "Days from the first counted order to the second.",
        unit="days to the second order",
    ),
    Field(
        "active_months",
        Kind.INT,
        ("active_months",),
        "active months",
        "In how many calendar months the person ordered.",
        unit="active months",
    ),
    Field(
        "products_count",
        Kind.INT,
        ("products_count",),
        "products",
        "How many different products the counted orders hold.",
        unit="different products",
    ),
    Field(
        "refund_rate",
        Kind.NUMBER,
        ("refund_rate",),
        "refund rate",
        "What was paid back as a part of gross: 0.25 is a quarter.",
        unit="of gross",
    ),
    Field(
        "categories",
        Kind.LIST,
        ("categories",),
        "categories",
        "The categories of the products that were bought, as the shop sorts them today.",
        has_past=False,
        nobody="No product is in the category",
    ),
    Field(
        "coupons",
        Kind.LIST,
        ("coupons",),
        "coupons",
        "The coupons that the counted orders used.",
        nobody="No order used the coupon",
    ),
    Field("r", Kind.INT, ("r",), "recency score", "1 to 5; 5 ordered most recently.", values=SCORES),
    Field("f", Kind.INT, ("f",), "frequency score", "1 to 5; 5 ordered most often.", values=SCORES),
    Field("m", Kind.INT, ("m",), "money score", "1 to 5; 5 spent most.", values=SCORES),
    Field(
        "rfm_group",
        Kind.TEXT,
        ("rfm_group",),
        "RFM group",
        "The name that follows from the three scores.",
        values=RFM_GROUPS,
    ),
    Field(
        "id",
        Kind.INT,
        ("woocommerce_id",),
        "number in the shop",
        "The account's number in the shop; guests have none.",
        has_past=False,
    ),
    Field(
        "country",
        Kind.TEXT,
        ("country",),
        "country",
        "The country's two-letter code.",
        has_past=False,
        nobody="Nobody has the country",
    ),
    Field("city", Kind.TEXT, ("city",), "city", "The city of the billing address.", has_past=False),
    Field("email", Kind.TEXT, ("email",), "e-mail", "The e-mail address.", has_past=False),
    Field(
        "name",
        Kind.TEXT,
        ("first_name", "last_name"),
        "name",
        "First and last name, with a space between.",
        has_past=False,
    ),
    Field("company", Kind.TEXT, ("company",), "company", "The company.", has_past=False),
    Field("phone", Kind.TEXT, ("phone",), "phone", "The phone number as it was typed.", has_past=False),
    Field(
        "role",
        Kind.TEXT,
        ("role",),
        "role",
        "The account's role in the shop, such as customer.",
        has_past=False,
        nobody="Nobody has the role",
    ),
    Field(
        "currency",
        Kind.TEXT,
        ("currency",),
        "main currency",
        "The currency of most of the person's orders.",
        nobody="No order is in the currency",
    ),
    Field(
        "is_account",
        Kind.BOOL,
        ("customer_key",),
        "has an account",
        "Whether the person has an account in the shop; guests have none.",
        has_past=False,
        yes_no=("has an account", "has no account"),
    ),
    Field(
        "is_paying_customer",
        Kind.BOOL,
        ("is_paying_customer",),
        "is a paying customer",
        "What the shop says about the account; guests have no value.",
        has_past=False,
        yes_no=("is a paying customer", "is not a paying customer"),
    ),
    Field(
        "tags",
        Kind.LIST,
        ("tags",),
        "tags",
        "The tags that your team gave to the person.",
        has_past=False,
        nobody="Nobody has the tag",
    ),
)

FIELDS: Mapping[str, Field] = {field.name: field for field in _ALL}

# Names that shop people bring along; a rule that uses one is printed with the name of the table.
ALIASES: Mapping[str, str] = {
    "net": "total_spent",
    "last_order_date": "last_order",
    "first_order_date": "first_order",
    "created_date": "created",
    "woocommerce_id": "id",
}
