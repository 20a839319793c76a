"""What can happen in the shop: each method changes records, dates and announces webhook events as the real one.

With HPOS every save moves ``date_modified``; deleting a refund does not, and neither it nor a permanent delete of
an order announces anything. Deleting a customer rewrites their orders to ``customer_id`` 0 without an order event.
"""

from collections.abc import Sequence
from typing import Any

from demo_shop import errors
from demo_shop.model import Address, Customer, Line, Order, Refund
from demo_shop.money import micros
from demo_shop.pricing import item_count, priced_line, totals
from demo_shop.store import Records

PAID = ("processing", "completed")
DELETABLE_ROLES = ("customer", "subscriber")


class Shop(Records):
    """A shop that people buy in. Tests drive it directly; the REST routes go through the same methods."""

    def add_customer(
        self, email: str, first_name: str = "", last_name: str = "", *, role: str = "customer", **fields: Any
    ) -> Customer:
        """Register an account and announce ``customer.created`` and ``customer.updated``.

        ``fields`` are further fields of :class:`demo_shop.model.Customer`. Raises :class:`errors.ApiError` (400)
        when the e-mail already has an account.
        """
        with self.locked():
            if self.find_by_email(email):
                raise errors.ApiError(
                    400,
                    "registration-error-email-exists",
                    f"An account is already registered with {email}. Please log in or use a different email address.",
                )
            now = self.now()
            username = fields.pop("username", "") or self._free_username(email.split("@", maxsplit=1)[0].casefold())
            customer = self.keep_customer(
                Customer(self.take_id("user"), email, username, first_name, last_name, role, now, now, **fields)
            )
            self.announce("customer.created", customer.id)
            self.announce("customer.updated", customer.id)
            return customer

    def _free_username(self, wanted: str) -> str:
        taken = {customer.username for customer in self.customers.values()}
        number = 2
        name = wanted
        while name in taken:
            name, number = f"{wanted}{number}", number + 1
        return name

    def edit_customer(self, customer_id: int, **fields: Any) -> Customer:
        """Change fields of a customer, move ``date_modified`` and announce ``customer.updated``.

        ``billing`` and ``shipping`` may be dictionaries of the parts to change. Raises ``KeyError`` when unknown.
        """
        with self.locked():
            customer = self.customers[customer_id]
            for name in ("billing", "shipping"):
                if isinstance(fields.get(name), dict):
                    fields[name] = getattr(customer, name)._replace(**fields[name])
            for name, value in fields.items():
                setattr(customer, name, value)
            customer.modified = self.now()
            self.touch()
            self.announce("customer.updated", customer_id)
            return customer

    def delete_customer(self, customer_id: int) -> Customer:
        """Delete a customer for good; their orders become guest orders and are touched, but not announced."""
        with self.locked():
            customer = self.customers.pop(customer_id)
            now = self.now()
            for order in self.orders.values():
                if order.customer_id == customer_id:
                    order.customer_id, order.modified = 0, now
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

    def edit_order(self, order_id: int, **fields: Any) -> Order:
        """Save an order with some fields changed (even with none): moves ``date_modified``, announces the update.

        Setting ``status`` fills the paid and completed dates. A status set on a trashed order brings it back and,
        with HPOS, announces nothing; a draft that becomes an order announces ``order.created`` alone. Raises ``KeyError`` when the order is unknown.
        """
        with self.locked():
            order = self.orders[order_id]
            before = order.status
            now = self.now()
            for name, value in fields.items():
                setattr(order, name, value)
            if "lines" in fields or "shipping_lines" in fields:
                order.first_item = self.take_id("item", item_count(order))
            status = fields.get("status")
            if status in PAID and order.paid is None:
                order.paid = now
            if status == "completed" and order.completed is None:
                order.completed = now
            if status and status != "trash":
                order.trashed_from = None
            order.modified = now
            self.touch()
            if before == "checkout-draft" and status not in (None, before):
                self.announce("order.created", order_id)
            elif not (before == "trash" and status):
                self.announce("order.updated", order_id)
            self._note_paying(order)
            return order

    def trash_order(self, order_id: int) -> Order:
        """Move an order to the trash and announce ``order.deleted``."""
        with self.locked():
            order = self.orders[order_id]
            order.trashed_from, order.status = order.status, "trash"
            order.modified = self.now()
            self.touch()
            self.announce("order.deleted", order_id)
            return order

    def restore_order(self, order_id: int) -> Order:
        """Take an order out of the trash and announce ``order.restored`` and ``order.updated``."""
        with self.locked():
            order = self.orders[order_id]
            order.status, order.trashed_from = order.trashed_from or "pending", None
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
            self.touch()
            return order

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
                order.status = "refunded"
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
