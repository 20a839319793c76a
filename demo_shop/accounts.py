"""What can happen to accounts: which dates move and which events the real shop announces.

Many changes of an account leave no trace: a role given by the database, custom user meta, an address part that a plugin
writes. WooCommerce moves ``date_modified`` for some of them and announces none; only reading the account again tells.
"""

from typing import Any

from demo_shop import errors
from demo_shop.model import Address, Customer
from demo_shop.store import Records

DELETABLE_ROLES = ("customer", "subscriber")


class Accounts(Records):
    """The people who have an account. The orders they leave behind are the business of the whole shop."""

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

    def change_role(self, customer_id: int, role: str) -> Customer:
        """Give an account another role, as a membership plugin does: no date moves and nothing is announced."""
        with self.locked():
            customer = self.customers[customer_id]
            customer.role = role
            self.touch()
            return customer

    def edit_user_meta(self, customer_id: int, key: str, value: str) -> Customer:
        """Write user meta directly, as plugins do; nothing is announced.

        ``billing_…`` and ``shipping_…`` keys are the address: one that had a value moves ``date_modified``, one that is
        written for the first time does not, and neither does any other key.
        """
        with self.locked():
            customer = self.customers[customer_id]
            kind, _, part = key.partition("_")
            if kind in ("billing", "shipping") and part in Address._fields:
                address: Address = getattr(customer, kind)
                if getattr(address, part):
                    customer.modified = self.now()
                setattr(customer, kind, address._replace(**{part: value}))
            else:
                kept = {name: (number, name, old) for number, name, old in customer.meta}
                number = kept[key][0] if key in kept else self.take_id("meta")
                kept[key] = (number, key, value)
                customer.meta = tuple(kept.values())
            self.touch()
            return customer
