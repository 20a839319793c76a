"""What a shop is made of. Amounts are millionths (see :mod:`demo_shop.money`), instants are UTC epoch seconds."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

STATUSES = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)
"""The order statuses of a stock shop, without ``trash`` and ``auto-draft``, in WooCommerce's order."""

ROLES = ("all", "administrator", "editor", "author", "contributor", "subscriber", "customer", "shop_manager")
"""The values the customers' ``role`` filter takes, in the order its error message lists them."""

Meta = tuple[tuple[int, str, str | int | dict[str, str | int]], ...]
"""Meta data as (id, key, value)."""


class Address(NamedTuple):
    """A billing address, or a shipping address whose e-mail is never shown."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


class Line(NamedTuple):
    """One order or refund line. Amounts are without tax; taxes are kept with six decimals, unrounded."""

    product_id: int
    variation_id: int
    quantity: int
    subtotal: int
    total: int
    rate_id: int = 0
    subtotal_tax: int = 0
    total_tax: int = 0


class Shipping(NamedTuple):
    """A shipping line."""

    title: str
    total: int
    rate_id: int = 0
    tax: int = 0


class Fee(NamedTuple):
    """A fee line, untaxed; negative for a goodwill deduction."""

    name: str
    total: int


class Coupon(NamedTuple):
    """A coupon line; ``kind`` is ``percent`` or ``fixed_cart``, ``nominal`` the coupon's face value."""

    coupon_id: int
    code: str
    discount: int
    kind: str
    nominal: int


class TaxRate(NamedTuple):
    """A tax rate of one country; ``percent`` is a whole number."""

    rate_id: int
    code: str
    label: str
    percent: int
    country: str
    reduced: bool = False


NOWHERE = Address()
"""An address nobody filled in."""


@dataclass(slots=True)
class Product:
    """A product or, with ``parent_id``, a variation of one. ``price`` is the catalogue price in millionths."""

    id: int
    name: str
    sku: str
    price: int
    created: int
    reduced: bool = False
    virtual: bool = False
    parent_id: int = 0
    size: str = ""
    variations: tuple[int, ...] = ()
    categories: tuple[str, ...] = ("Uncategorized",)
    total_sales: int = 0


@dataclass(slots=True)
class Customer:
    """A user of the shop. ``modified`` is None for users never saved through WooCommerce."""

    id: int
    email: str
    username: str
    first_name: str
    last_name: str
    role: str
    created: int
    modified: int | None
    billing: Address = NOWHERE
    shipping: Address = NOWHERE
    is_paying: bool = False
    meta: Meta = ()


@dataclass(slots=True)
class Order:
    """An order with everything needed to write its body. ``trashed_from`` is the status before the trash.

    ``trashed_at`` is when it went there; None for one that was there from the start.

    ``first_item`` is the id of its first item; further lines, shipping, fees, coupons and taxes count on from it.
    """

    id: int
    status: str
    currency: str
    created: int
    modified: int
    customer_id: int
    billing: Address
    shipping: Address
    lines: tuple[Line, ...]
    first_item: int
    paid: int | None = None
    completed: int | None = None
    shipping_lines: tuple[Shipping, ...] = ()
    fees: tuple[Fee, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    payment: str = ""
    transaction_id: str = ""
    created_via: str = "checkout"
    note: str = ""
    ip: str = ""
    meta: Meta = ()
    refunds: tuple[int, ...] = ()
    trashed_from: str | None = None
    trashed_at: int | None = None


@dataclass(slots=True)
class Refund:
    """A refund of an order: ``amount`` is positive, lines (if any) carry negative quantities and amounts.

    ``refunded_items`` are the ids of the order's items that the lines, then the shipping lines, take back.
    """

    id: int
    order_id: int
    created: int
    amount: int
    reason: str
    lines: tuple[Line, ...] = ()
    shipping_lines: tuple[Shipping, ...] = ()
    refunded_items: tuple[int, ...] = ()
    first_item: int = 0


class Note(NamedTuple):
    """A note on an order; ``author`` is ``system`` for what the shop itself writes."""

    id: int
    created: int
    text: str
    author: str = "system"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A REST API key. ``permissions`` is ``read``, ``write`` or ``read_write``; ``role`` is its owner's role."""

    consumer_key: str
    consumer_secret: str = field(repr=False)
    permissions: str = "read_write"
    role: str = "administrator"


@dataclass(frozen=True, slots=True)
class Profile:
    """The shop's settings that show in its answers.

    ``storage`` is where orders are kept: ``hpos``, the new-shop default, or ``legacy`` posts; it decides what moves an
    order's modification time and which webhooks are sent. ``home`` is the address the shop gives itself; where empty,
    the one it was asked at.
    """

    name: str = "Regulars Demo Shop"
    time_zone: str = "Europe/Berlin"
    decimals: int = 2
    currency: str = "EUR"
    prices_include_tax: bool = True
    version: str = "9.9.5"
    wordpress_version: str = "6.8.3"
    storage: Literal["hpos", "legacy"] = "hpos"
    home: str = ""
    rates: tuple[TaxRate, ...] = ()
