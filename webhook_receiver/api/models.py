"""What the API takes and gives, as JSON. Names and shapes are a contract: others script against them.

Times are UTC in ISO 8601. Money is text with its exact decimals (at least two), in the currency beside it: `"31.75"`.
Unknown fields are refused.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from regulars import models
from regulars.drift import differing

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
    median_days_between: float | None = Field(description="The median of the days between one order and the next")
    days_to_second: int | None
    active_months: int | None
    products_count: int | None = Field(description="How many different products were bought")
    categories: list[str]
    coupons: list[str]
    refund_rate: str | None = Field(description="Refunded of gross, from 0 to 1", examples=["0.25"])
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


class DriftKind(Answer):
    """How many records of one kind differed from the shop in one way."""

    object: models.ObjectKind
    kind: models.DriftKind
    before: int
    after: int


class DriftFound(Answer):
    """How many records differed from the shop, before they were mended and after it."""

    before: int
    after: int
    kinds: list[DriftKind]


class SyncResult(Answer):
    """How a sync ended. `synced_count` and `orders_count` are the customers and orders that were upserted.

    `drift` is null where nothing was compared: only a reconcile compares.
    """

    status: Literal["success", "failure"]
    synced_count: int | None
    orders_count: int | None
    seconds: float
    run_id: str
    shop: str
    kind: models.SyncKind | None
    drift: DriftFound | None
    started: datetime | None
    finished: datetime | None
    message: str = Field("", description="The sentence of a failure")


class SyncRunning(Answer):
    """A sync that is still under way."""

    status: Literal["running"]
    run_id: str
    shop: str


class Webhook(Answer):
    """One of our webhooks in the shop as it was last seen. "absent": the shop has none of ours for this topic."""

    topic: str
    status: models.WebhookStatus
    id: int | None = Field(description="The id in the shop")
    checked: datetime


class Shop(Answer):
    """A shop, what is published of it and how its copy stands.

    `title` to `version` are null before the first sync. `last_reconcile` is the last sync that compared everything, null
    where none did; `webhooks` is empty where nobody looked yet. `waiting` counts deliveries that no published version
    holds; `dead_letters` those that could not be understood.
    """

    name: str
    configured: bool
    title: str | None
    timezone: str | None
    as_of: datetime | None
    synced: datetime | None
    version: str | None
    last_sync: SyncResult | None
    last_reconcile: SyncResult | None
    webhooks: list[Webhook]
    waiting: int
    dead_letters: int


class Shops(Answer):
    """The shops that are served here."""

    shops: list[Shop]


def result_of(run: models.SyncRun) -> dict[str, Any]:
    """Return the fields of a `SyncResult` from a sync of the history."""
    return {
        "status": run.status,
        "synced_count": run.customers,
        "orders_count": run.orders,
        "seconds": round(run.seconds, 3),
        "run_id": run.run_id,
        "shop": run.shop,
        "kind": run.kind,
        "drift": None if run.drift is None else _drift(run.drift),
        "started": run.started_at,
        "finished": run.finished_at,
        "message": run.message,
    }


def _drift(drift: tuple[models.Drift, ...]) -> dict[str, Any]:
    before, after = differing(drift)
    return {"before": before, "after": after, "kinds": [each.model_dump() for each in drift]}


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
