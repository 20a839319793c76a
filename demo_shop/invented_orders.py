"""Invented orders: baskets, coupons, shipping, the dates a status implies, and refunds."""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from demo_shop.changes import Shop
from demo_shop.model import Address, Coupon, Fee, Line, Order, Product
from demo_shop.money import UNIT, micros, rounded
from demo_shop.pricing import priced_line, priced_shipping, totals

DAY = 86_400
"""Seconds of a day without a change of clocks."""

_STATUS = (
    ("completed", 78),
    ("processing", 4),
    ("cancelled", 6),
    ("failed", 4),
    ("refunded", 3),
    ("on-hold", 2),
    ("pending", 2),
    ("checkout-draft", 1),
)
_PAYMENTS = ("bacs", "cod", "paypal", "stripe")
_NOTE = 'Bitte klingeln 🔔\nZeile 2; "quoted", comma'


class DraftRefund(NamedTuple):
    """A refund before it has an id."""

    created: int
    amount: int
    reason: str
    lines: tuple[Line, ...]


@dataclass(slots=True)
class Draft:
    """An order before it has an id."""

    created: int
    order: Order
    refunds: list[DraftRefund] = field(default_factory=list)


class Drafter:
    """Drafts the orders of a shop whose history ends at ``end`` (epoch seconds)."""

    def __init__(self, shop: Shop, rng: random.Random, end: int) -> None:
        """Start without a draft."""
        self.shop, self.rng, self.end = shop, rng, end
        self.drafts: list[Draft] = []
        self.products = [p for p in shop.products.values() if not p.variations]
        self.weights = [1 + 60 * UNIT // (p.price + 3 * UNIT) for p in self.products]

    def order(
        self,
        address: Address,
        customer_id: int,
        created: int,
        basket: int,
        *,
        currency: str = "EUR",
        status: str | None = None,
    ) -> Draft:
        """Draft one order of up to ``basket`` products, placed at ``created``, with what followed from it."""
        rng = self.rng
        profile = self.shop.profile
        status = status or rng.choices([s for s, _ in _STATUS], [w for _, w in _STATUS])[0]
        if status in ("pending", "checkout-draft") and created < self.end - 20 * DAY and rng.random() < 0.7:
            status = "completed"
        off = 10 if rng.random() < 0.12 else 0
        lines = tuple(
            priced_line(
                profile,
                product,
                rng.choices((1, 2, 3, 5), (70, 18, 8, 4))[0],
                address.country,
                percent_off=off,
            )
            for product in self._pick(rng.randint(1, basket))
        )
        order = Order(
            id=0, status=status, currency=currency, created=created, modified=created, customer_id=customer_id,
            billing=address, shipping=address._replace(email="", phone=""), lines=lines, first_item=0,
            payment=rng.choice(_PAYMENTS), created_via="admin" if rng.random() < 0.01 else "checkout",
            note=_NOTE if rng.random() < 0.04 else "", ip=f"203.0.113.{rng.randint(1, 254)}",
        )  # fmt: skip
        self._extras(order, off)
        self._life(order)
        draft = Draft(created, order)
        self.drafts.append(draft)
        self._refunds(draft)
        return draft

    def _pick(self, count: int) -> list[Product]:
        found = {p.id: p for p in self.rng.choices(self.products, self.weights, k=count)}
        for product in found.values():
            product.total_sales += 1
        return list(found.values())

    def _extras(self, order: Order, percent_off: int) -> None:
        rng, profile = self.rng, self.shop.profile
        if percent_off:
            discount = sum(line.subtotal - line.total for line in order.lines)
            order.coupons = (Coupon(48, "welcome10", rounded(discount, 2), "percent", 10),)
        if rng.random() < 0.75:
            order.shipping_lines = (priced_shipping(profile, micros("4.90"), order.billing.country),)
        if rng.random() < 0.05:
            order.fees = (Fee("Kulanz", -UNIT),)
        source = self.shop.take_id("meta", 2)
        order.meta = (
            (source, "_wc_order_attribution_source_type", rng.choice(("utm", "organic", "referral"))),
            (
                source + 1,
                "_wc_order_attribution_utm_source",
                rng.choice(("google", "(direct)", "newsletter")),
            ),
        )

    def _life(self, order: Order) -> None:
        """Fill the dates that follow from a status; nothing happens after the end but one order's change."""
        rng = self.rng
        if order.status in ("completed", "refunded", "processing"):
            order.paid = self._before_end(order.created + rng.randint(10, 600))
            if order.payment == "stripe":
                order.transaction_id = f"txn_{rng.getrandbits(32):08x}"
        if order.status in ("completed", "refunded"):
            order.completed = self._before_end(order.created + rng.randint(DAY // 2, 6 * DAY))
            if order.created_via == "admin":
                order.paid = None  # imports complete orders that were never marked as paid
        order.modified = order.completed or order.paid or self._before_end(order.created + rng.randint(0, 3600))

    def _before_end(self, instant: int) -> int:
        return min(instant, self.end - 1)

    def _refunds(self, draft: Draft) -> None:
        """Refund some orders: whole ones, parts with their line, goodwill, and now and then more than was paid."""
        rng, order = self.rng, draft.order
        total = totals(order, self.shop.profile.decimals).total
        if order.status not in ("completed", "refunded") or not order.lines:
            return
        when = self._before_end((order.completed or order.created) + rng.randint(DAY, 20 * DAY))
        chance = rng.random()
        if order.status == "refunded":
            draft.refunds.append(DraftRefund(when, total, "", tuple(_negative(line) for line in order.lines)))
        elif chance < 0.03:
            line = order.lines[0]
            paid = rounded(line.total, 2) + rounded(line.total_tax, 2)
            if paid <= total:
                draft.refunds.append(DraftRefund(when, paid, "customer request ☹", (_negative(line),)))
        elif chance < 0.045:
            draft.refunds.append(DraftRefund(when, min(total, micros("1.50")), "Kulanz", ()))
            draft.refunds.append(
                DraftRefund(self._before_end(when + 3600), min(total, micros("2.66")), "second refund", ())
            )
        elif chance < 0.05:
            draft.refunds.append(DraftRefund(when, total + micros("5.00"), "import correction", ()))
        if draft.refunds:
            order.modified = max(order.modified, draft.refunds[-1].created)


def _negative(line: Line) -> Line:
    return Line(
        line.product_id, line.variation_id, -line.quantity, -line.total, -line.total,
        line.rate_id, -line.total_tax, -line.total_tax,
    )  # fmt: skip
