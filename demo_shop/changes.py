"""What can happen in the shop: each method changes records, dates and announces webhook events as the real one.

With HPOS every save moves ``date_modified``, with legacy storage only one that changes a property. In both, deleting a
refund moves nothing, and neither it nor a permanent delete of an order announces anything. Deleting a customer rewrites
their orders to ``customer_id`` 0 without an order event; with legacy storage without a new date too.
"""

from collections.abc import Sequence
from typing import Any

from demo_shop.accounts import DELETABLE_ROLES, Accounts
from demo_shop.model import Address, Customer, Line, Note, Order, Refund
from demo_shop.money import micros
from demo_shop.pricing import item_count, priced_line, totals

__all__ = ["DELETABLE_ROLES", "PAID", "Shop"]

PAID = ("processing", "completed")
DAY = 86_400
TRASH_DAYS, DRAFT_DAYS = 30, 1
"""After how many days the shop's daily clean-up deletes what lies in the trash, and checkouts never finished."""


class Shop(Accounts):
    """A shop that people buy in. Tests drive it directly; the REST routes go through the same methods."""

    def delete_customer(self, customer_id: int) -> Customer:
        """Delete a customer for good; their orders become guest orders, which is not announced.

        With HPOS the orders' modification time moves; with legacy storage nothing shows it.
        """
        with self.locked():
            customer = self.customers.pop(customer_id)
            now = self.now()
            for order in self.orders.values():
                if order.customer_id == customer_id:
                    order.customer_id = 0
                    order.modified = order.modified if self.legacy else now
            self.touch()
            if customer.role == "customer":
                self.announce("customer.deleted", customer_id)
            return customer

    def place_order(
        self,
        customer_id: int = 0,
        lines: Sequence[tuple[int, int] | Line] | None = None,
        *,
        status: str = "processing",
        **fields: Any,
    ) -> Order:
        """Place an order and announce ``order.created`` and ``order.updated``.

        ``lines`` are (product id, quantity) pairs or finished lines; with None, one piece of the first product is
        bought. An account's order takes its address unless ``billing`` is given; ``email`` replaces the address's
        e-mail. ``created`` (epoch seconds) backdates it; it still counts as modified now. Other ``fields`` are
        fields of :class:`demo_shop.model.Order`.
        """
        with self.locked():
            order = self._write_order(customer_id, lines, status, **fields)
            self.announce("order.created", order.id)
            self.announce("order.updated", order.id)
            self._note_paying(order)
            return order

    def _write_order(
        self,
        customer_id: int,
        lines: Sequence[tuple[int, int] | Line] | None,
        status: str,
        *,
        email: str | None = None,
        billing: Address | None = None,
        created: int | None = None,
        **fields: Any,
    ) -> Order:
        now = self.now()
        created = now if created is None else created
        account = self.customers.get(customer_id)
        if billing is None and account:
            billing = account.billing._replace(email=account.billing.email or account.email)
        billing = billing or Address("Ad", "Hoc", country="DE")
        if email is not None:
            billing = billing._replace(email=email)
        wanted = [(min(self.products), 1)] if lines is None else lines
        defaults: dict[str, Any] = {
            "currency": self.profile.currency,
            "modified": max(created, now),
            "shipping": billing._replace(email="", phone=""),
            "payment": "bacs",
            "created_via": "rest-api",
        }
        order = Order(
            id=self.take_id("post"),
            status=status,
            created=created,
            customer_id=customer_id,
            billing=billing,
            lines=tuple(self.line(item, billing.country) for item in wanted),
            first_item=0,
            paid=created if status in PAID else None,
            completed=created if status == "completed" else None,
            **(defaults | fields),
        )
        return self.keep_order(order)

    def start_checkout(self, customer_id: int = 0, **fields: Any) -> Order:
        """Begin a block checkout: the draft announces itself as ``order.updated``, before any ``order.created``."""
        with self.locked():
            order = self._write_order(customer_id, None, "checkout-draft", created_via="store-api", **fields)
            self.announce("order.updated", order.id)
            return order

    def finish_checkout(self, order_id: int, status: str = "processing") -> Order:
        """Finish a block checkout: ``order.updated`` comes before ``order.created``, as the real shop sends them."""
        with self.locked():
            self.announce("order.updated", order_id)
            return self.edit_order(order_id, status=status)

    def line(self, item: tuple[int, int] | Line, country: str) -> Line:
        """Return a finished line as it is, or price a (product id, quantity) pair."""
        if isinstance(item, Line):
            return item
        product_id, quantity = item
        return priced_line(self.profile, self.products[product_id], quantity, country)

    def _note_paying(self, order: Order) -> None:
        customer = self.customers.get(order.customer_id)
        if customer and order.status == "completed" and not customer.is_paying:
            self.edit_customer(customer.id, is_paying=True)

    def edit_order(self, order_id: int, *, at: int | None = None, **fields: Any) -> Order:
        """Save an order with some fields changed (even with none) and announce the update.

        HPOS moves ``date_modified`` at every save, legacy storage only when a property changes, not for ``meta`` alone.
        ``at`` is the instant that a wrong clock takes for now. Setting ``status`` fills the paid and completed dates. A
        status set on a trashed order brings it back, which HPOS does not announce; a draft that becomes an order
        announces ``order.created`` alone. Raises ``KeyError`` when the order is unknown.
        """
        with self.locked():
            order = self.orders[order_id]
            before, now = order.status, self.now() if at is None else at
            changed = any(getattr(order, name) != value for name, value in fields.items() if name != "meta")
            for name, value in fields.items():
                setattr(order, name, value)
            if "lines" in fields or "shipping_lines" in fields:
                order.first_item = self.take_id("item", item_count(order))
            status = fields.get("status")
            self._follow_status(order, status, now)
            if changed or not self.legacy:
                order.modified = now
            self.touch()
            if before == "checkout-draft" and status not in (None, before):
                self.announce("order.created", order_id)
            elif self.legacy or not (before == "trash" and status):
                self.announce("order.updated", order_id)
            self._note_paying(order)
            return order

    def _follow_status(self, order: Order, status: str | None, now: int) -> None:
        """Fill the dates that a status brings; one that is not the trash forgets what was before the trash."""
        if status in PAID and order.paid is None:
            order.paid = now
        if status == "completed" and order.completed is None:
            order.completed = now
        if status and status != "trash":
            order.trashed_from = order.trashed_at = None

    def write_order(self, order_id: int, **fields: Any) -> Order:
        """Write fields of an order into the database, past WooCommerce: no date moves and nothing is announced."""
        with self.locked():
            order = self.orders[order_id]
            for name, value in fields.items():
                setattr(order, name, value)
            self.touch()
            return order

    def add_note(self, order_id: int, text: str) -> Note:
        """Write a note on an order: no date moves and nothing is announced."""
        with self.locked():
            note = Note(self.take_id("note"), self.now(), text)
            self.notes.setdefault(self.orders[order_id].id, []).append(note)
            return note

    def trash_order(self, order_id: int) -> Order:
        """Move an order to the trash and announce ``order.deleted``."""
        with self.locked():
            order = self.orders[order_id]
            if order.status != "trash":
                order.trashed_from, order.status = order.status, "trash"
            order.modified = order.trashed_at = self.now()
            self.touch()
            self.announce("order.deleted", order_id)
            return order

    def restore_order(self, order_id: int) -> Order:
        """Take an order out of the trash and announce ``order.restored`` and ``order.updated``."""
        with self.locked():
            order = self.orders[order_id]
            order.status, order.trashed_from, order.trashed_at = order.trashed_from or "pending", None, None
            order.modified = self.now()
            self.touch()
            self.announce("order.restored", order_id)
            self.announce("order.updated", order_id)
            return order

    def delete_order(self, order_id: int) -> Order:
        """Delete an order and its refunds for good. Nothing is announced, as in the real shop."""
        with self.locked():
            order = self.orders.pop(order_id)
            for refund_id in order.refunds:
                del self.refunds[refund_id]
            self.notes.pop(order_id, None)
            self.touch()
            return order

    def clean_up(self) -> list[int]:
        """Do the shop's daily clean-up and return the ids of the orders it deleted for good, unannounced.

        What lies in the trash for 30 days goes, and every checkout that was begun a day ago and never finished.
        """
        with self.locked():
            now = self.now()
            old = [
                order.id
                for order in self.orders.values()
                if (order.status == "trash" and now - (order.trashed_at or order.modified) >= TRASH_DAYS * DAY)
                or (order.status == "checkout-draft" and now - order.modified >= DRAFT_DAYS * DAY)
            ]
            for order_id in old:
                self.delete_order(order_id)
            return old

    def add_refund(
        self, order_id: int, amount: str, reason: str = "", *, created: int | None = None, **fields: Any
    ) -> Refund:
        """Refund an amount of an order, even above its total (imports do); announces ``order.updated``.

        An order refunded in full becomes ``refunded``.
        """
        with self.locked():
            now = self.now()
            refund = Refund(
                self.take_id("post"),
                order_id,
                now if created is None else created,
                micros(amount),
                reason,
                **fields,
            )
            refund.first_item = self.take_id("item", 1 + 2 * len(refund.lines + refund.shipping_lines))
            self.keep_refund(refund)
            order = self.orders[order_id]
            order.modified = now
            if self.refunded(order_id) >= totals(order, self.profile.decimals).total:
                order.status, order.trashed_from, order.trashed_at = "refunded", None, None
            self.touch()
            self.announce("order.updated", order_id)
            return refund

    def delete_refund(self, refund_id: int) -> Refund:
        """Delete a refund: no date moves and nothing is announced."""
        with self.locked():
            refund = self.refunds.pop(refund_id)
            order = self.orders[refund.order_id]
            order.refunds = tuple(other for other in order.refunds if other != refund_id)
            self.touch()
            return refund
