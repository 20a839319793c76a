"""What the API takes and gives, as JSON. Names and shapes are a contract: others script against them.

Times are UTC in ISO 8601. Money is text with its exact decimals (at least two), in the currency beside it: `"31.75"`.
Unknown fields are refused.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from transforms.rule_tree import MAX_TEXT

EXAMPLE_KEY = "woo:106"


def money_text(amount: object) -> object:
    """Return an amount with the decimals it has, at least two, and without an exponent.

    >>> money_text(Decimal("62.000000")), money_text(Decimal("0.123000")), money_text(Decimal("-0.00"))
    ('62.00', '0.123', '0.00')
    """
    if not isinstance(amount, Decimal):
        return amount
    whole, _, decimals = f"{amount if amount else abs(amount):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


Money = Annotated[
    str, BeforeValidator(money_text), Field(pattern=r"^-?[0-9]+\.[0-9]{2,6}$", examples=["31.75"], max_length=30)
]
Net = dict[str, Money]


class Answer(BaseModel):
    """Base of what is given."""

    model_config = ConfigDict(frozen=True)


class Asked(BaseModel):
    """Base of what is taken: unknown fields are an error, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Pagination(Answer):
    """Where in a list this page is. `pages` is at least 1."""

    page: int
    limit: int
    total: int
    pages: int


class CustomerRow(Answer):
    """A customer in a list. `id` is the shop's, null for guests; `total_spent` is net: gross without refunds."""

    shop: str
    key: str = Field(examples=[EXAMPLE_KEY], description="Who this is here: an account or a guest")
    id: int | None
    name: str | None
    email: str | None
    orders_count: int
    total_spent: Money
    currency: str | None
    last_order: datetime | None
    rfm_group: str | None
    segments: list[str] = Field(description="Ids of the saved segments the customer is in now")
    tags: list[str]


class CustomerPage(Answer):
    """One page of customers."""

    customers: list[CustomerRow]
    pagination: Pagination


class Spend(Answer):
    """What a customer spent in one currency: gross − refunded = net."""

    currency: str
    orders_count: int
    gross: Money
    refunded: Money
    net: Money
    average_order: Money | None
    first_order: datetime | None
    last_order: datetime | None


class HiddenMark(Answer):
    """Who deleted a customer here, and when."""

    at: datetime
    author: str


class AddressOut(Answer):
    """An address as the shop has it."""

    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    phone: str | None = None


class BillingOut(AddressOut):
    """The billing address."""

    email: str | None = None


class Customer(CustomerRow):
    """A customer. `merged` is false while a change of the profile has arrived and is in no published version yet.

    `notice` is a sentence where the shop did what was asked and only the copy here lags behind.
    """

    first_name: str | None
    last_name: str | None
    username: str | None
    role: str | None
    company: str | None
    phone: str | None
    billing: BillingOut | None
    shipping: AddressOut | None
    country: str | None
    city: str | None
    created: datetime | None
    modified: datetime | None
    deleted_in_shop: datetime | None
    first_order: datetime | None
    recency_days: int | None
    r: int | None
    f: int | None
    m: int | None
    spend: list[Spend]
    hidden: HiddenMark | None
    merged: bool
    notice: str = ""


class HiddenState(Answer):
    """Whether a customer is deleted here (the shop keeps them)."""

    shop: str
    key: str
    hidden: HiddenMark | None


class OrderLine(Answer):
    """A line of an order; `subtotal`, `total` without tax."""

    product_id: int | None
    variation_id: int | None
    sku: str | None
    name: str | None
    quantity: int | None
    subtotal: Money | None
    total: Money | None
    tax: Money | None


class Order(Answer):
    """An order. `counted` says whether its status counts in figures."""

    id: int
    number: str | None
    status: str | None
    counted: bool
    currency: str | None
    total: Money | None
    refunded: Money | None
    net: Money | None
    discount: Money | None
    shipping: Money | None
    tax: Money | None
    payment_method: str | None
    coupons: list[str]
    items: int | None
    created: datetime | None
    paid: datetime | None
    completed: datetime | None
    modified: datetime | None
    deleted_in_shop: datetime | None
    lines: list[OrderLine]


class OrderPage(Answer):
    """One page of a customer's orders, the newest first."""

    orders: list[Order]
    pagination: Pagination


class Refund(Answer):
    """A refund. `counted` says whether its order counts in figures."""

    id: int
    order_id: int
    amount: Money | None
    currency: str | None
    counted: bool
    reason: str | None
    created: datetime | None


class RefundPage(Answer):
    """One page of a customer's refunds, the newest first."""

    refunds: list[Refund]
    pagination: Pagination


class Note(Answer):
    """An internal note. `author` wrote this version."""

    id: int
    key: str
    text: str
    author: str
    created: datetime
    edited: datetime | None
    version: int


class Notes(Answer):
    """Notes on a customer, the newest first."""

    notes: list[Note]


class NoteVersions(Answer):
    """Every version of a note, the first one first."""

    versions: list[Note]


class NoteText(Asked):
    """The text of a note: 1 to 10,000 characters."""

    text: Annotated[str, Field(min_length=1, max_length=20_000, examples=["Asked for an invoice by post."])]


class TagList(Asked):
    """Tags: up to 50, each of 1 to 40 characters; case and white space make no difference between two."""

    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]


class Tags(Answer):
    """The tags of a customer, alphabetically."""

    tags: list[str]


class Segment(Answer):
    """A saved rule with how many it describes now, and their net by currency.

    Both are null before the first sync, and where `error` says why the rule cannot be read.
    """

    id: str
    shop: str
    name: str
    rule: str = Field(examples=["orders_count >= 5 and last_order within 365 days"])
    words: str | None = Field(description="The rule as a phrase")
    description: str
    created: datetime
    edited: datetime | None
    version: int
    people: int | None
    net: Net | None
    error: str | None = None


class Segments(Answer):
    """The saved segments, in the order in which they were made."""

    segments: list[Segment]


RuleText = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT, examples=["orders_count >= 3 and total_spent >= 200"])
]


class SegmentText(Asked):
    """A segment as people write it."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Loyal in Bonn"])]
    rule: RuleText
    description: Annotated[str, Field(max_length=1000)] = ""


class RuleAsked(Asked):
    """A rule that need not be saved."""

    rule: RuleText


class Counted(Answer):
    """How many a rule describes now, their net by currency, and up to ten of them, by net."""

    rule: str = Field(description="The rule in its canonical text")
    words: str
    people: int
    net: Net
    sample: list[CustomerRow]


class SyncResult(Answer):
    """How a sync ended. `synced_count` and `orders_count` are the customers and orders that were upserted."""

    status: Literal["success", "failure"]
    synced_count: int | None
    orders_count: int | None
    seconds: float
    run_id: str
    shop: str
    kind: Literal["pull", "full", "changes"] | None
    started: datetime | None
    finished: datetime | None
    message: str = Field("", description="The sentence of a failure")


class SyncRunning(Answer):
    """A sync that is still under way."""

    status: Literal["running"]
    run_id: str
    shop: str


class Shop(Answer):
    """A shop and what is published of it; the last five are null before its first sync."""

    name: str
    configured: bool
    title: str | None
    timezone: str | None
    as_of: datetime | None
    synced: datetime | None
    version: str | None


class Shops(Answer):
    """The shops that are served here."""

    shops: list[Shop]


def row_of(shop: str, row: Mapping[str, Any], tags: list[str], segments: list[str]) -> dict[str, Any]:
    """Return the fields of a `CustomerRow` from a row of the directory."""
    return {
        "shop": shop,
        "key": row["customer_key"],
        "id": row["woocommerce_id"],
        "name": row["name"],
        "email": row["email"],
        "orders_count": row["orders_count"] or 0,
        "total_spent": row["net"] if row["net"] is not None else Decimal(0),
        "currency": row["currency"],
        "last_order": row["last_order_at"],
        "rfm_group": row["rfm_group"],
        "segments": segments,
        "tags": tags,
    }
