"""What the API tells of orders and refunds, as JSON; see `models`."""

from datetime import datetime

from webhook_receiver.api.models import Answer, Money, Pagination


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
    """An order. `counted` says whether its status counts in figures; `tax` is all of its tax, `shipping_tax` among it."""

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
    shipping_tax: Money | None
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
