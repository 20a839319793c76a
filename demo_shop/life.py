"""What goes on in a busy shop: random changes of every kind, the same for the same seed.

Orders and edits are common, what leaves no trace (a refund deleted, an order removed for good, a role changed) is rarer;
all of it happens, so that a copy which holds beside a busy shop holds beside a real one.
"""

import random
import threading
from collections.abc import Callable

from demo_shop.changes import DAY, Shop
from demo_shop.model import NOWHERE, Customer, Order, Refund
from demo_shop.people import invent
from demo_shop.pricing import totals

FUTURE = 3 * DAY
SOLD = ("processing", "completed", "on-hold")


class Life:
    """Makes random things happen in a shop, one at each :meth:`step`."""

    def __init__(self, shop: Shop, rng: random.Random) -> None:
        """Take a shop with at least one product that has no sizes."""
        self.shop, self.rng = shop, rng
        self.acts: dict[str, tuple[int, Callable[[], str | None]]] = {
            "order": (30, self._order),
            "status": (20, self._status),
            "register": (8, self._register),
            "edit customer": (10, self._edit_customer),
            "touch": (4, self._touch),
            "meta": (4, self._meta),
            "note": (4, self._note),
            "move": (2, self._move),
            "trash": (5, self._trash),
            "restore": (4, self._restore),
            "delete": (2, self._delete),
            "clean up": (1, self._clean_up),
            "refund": (6, self._refund),
            "delete refund": (2, self._delete_refund),
            "delete customer": (2, self._delete_customer),
            "role": (1, self._role),
            "user meta": (3, self._user_meta),
            "future": (1, self._future),
            "write": (1, self._write),
        }

    def step(self) -> str:
        """Make one thing happen and say what, such as ``refund of order 17``."""
        names = list(self.acts)
        while True:
            name = self.rng.choices(names, [self.acts[each][0] for each in names])[0]
            with self.shop.locked():
                what = self.acts[name][1]()
            if what:
                return f"{name} of {what}"

    def _one(self, *statuses: str) -> Order | None:
        """Return a random order, of these statuses where some are given; recent ones are likelier, as in life."""
        orders = self.shop.orders
        if not orders:
            return None
        numbers = list(orders)
        for _ in range(20):
            place = int(len(numbers) * max(self.rng.random(), self.rng.random()))
            order = orders[numbers[place]]
            if (order.status in statuses) if statuses else order.status != "trash":
                return order
        return None

    def _person(self) -> Customer | None:
        people = list(self.shop.customers.values())
        return self.rng.choice(people) if people else None

    def _order(self) -> str:
        products = [p for p in self.shop.products.values() if p.price and not p.variations]
        lines = [
            (product.id, self.rng.randint(1, 3))
            for product in self.rng.sample(products, k=min(len(products), self.rng.randint(1, 3)))
        ]
        person = self._person() if self.rng.random() < 0.6 else None
        status = self.rng.choice(("pending", "processing", "processing", "completed", "on-hold"))
        if person:
            return f"order {self.shop.place_order(person.id, lines, status=status).id}"
        address = invent(self.rng, self.rng.randint(10_000, 99_999)).address
        if self.rng.random() < 0.1:
            draft = self.shop.start_checkout(billing=address)
            return f"order {draft.id}"
        return f"order {self.shop.place_order(0, lines, status=status, billing=address).id}"

    def _status(self) -> str | None:
        order = self._one("pending", "processing", "on-hold", "checkout-draft")
        if not order:
            return None
        if order.status == "checkout-draft":
            return f"order {self.shop.finish_checkout(order.id).id}"
        status = self.rng.choice(("completed", "completed", "processing", "cancelled"))
        return f"order {self.shop.edit_order(order.id, status=status).id}"

    def _register(self) -> str:
        person = invent(self.rng, self.shop.take_id("person"))
        names = (person.address.first_name, person.address.last_name)
        return f"customer {self.shop.add_customer(person.email, *names, billing=person.address).id}"

    def _edit_customer(self) -> str | None:
        person = self._person()
        if not person:
            return None
        phone = f"+49 30 {self.rng.randint(100_000, 999_999)}"
        return f"customer {self.shop.edit_customer(person.id, billing={'phone': phone}).id}"

    def _touch(self) -> str | None:
        order = self._one()
        return f"order {self.shop.edit_order(order.id).id}" if order else None

    def _meta(self) -> str | None:
        order = self._one()
        if not order:
            return None
        entry = (self.shop.take_id("meta"), "_picked_by", f"shelf {self.rng.randint(1, 40)}")
        return f"order {self.shop.edit_order(order.id, meta=(*order.meta, entry)).id}"

    def _note(self) -> str | None:
        order = self._one()
        if order:
            self.shop.add_note(order.id, "Called the customer back.")
        return f"order {order.id}" if order else None

    def _move(self) -> str | None:
        order, person = self._one(), self._person()
        if not order or not person:
            return None
        return f"order {self.shop.edit_order(order.id, customer_id=person.id).id}"

    def _trash(self) -> str | None:
        order = self._one()
        return f"order {self.shop.trash_order(order.id).id}" if order else None

    def _restore(self) -> str | None:
        order = self._one("trash")
        return f"order {self.shop.restore_order(order.id).id}" if order else None

    def _delete(self) -> str | None:
        order = self._one("trash", "cancelled", "failed")
        return f"order {self.shop.delete_order(order.id).id}" if order else None

    def _clean_up(self) -> str:
        return f"orders {self.shop.clean_up()}"

    def _refund(self) -> str | None:
        order = self._one(*SOLD)
        if not order:
            return None
        total = totals(order, self.shop.profile.decimals).total
        share = self.rng.choice((0.1, 0.25, 0.5, 1.0, 1.2))  # imports refund more than was paid
        cents = max(1, int(total * share) // 10_000)
        return f"order {self.shop.add_refund(order.id, f'{cents / 100:.2f}', 'not as expected').order_id}"

    def _delete_refund(self) -> str | None:
        refunds: list[Refund] = list(self.shop.refunds.values())
        return f"order {self.shop.delete_refund(self.rng.choice(refunds).id).order_id}" if refunds else None

    def _delete_customer(self) -> str | None:
        people = [each for each in self.shop.customers.values() if each.role == "customer"]
        return f"customer {self.shop.delete_customer(self.rng.choice(people).id).id}" if len(people) > 5 else None

    def _role(self) -> str | None:
        person = self._person()
        role = self.rng.choice(("customer", "subscriber"))
        if not person or person.role not in ("customer", "subscriber"):
            return None
        return f"customer {self.shop.change_role(person.id, role).id}"

    def _user_meta(self) -> str | None:
        person = self._person()
        if not person:
            return None
        key = self.rng.choice(("loyalty_points", "shipping_city" if person.shipping == NOWHERE else "billing_city"))
        return f"customer {self.shop.edit_user_meta(person.id, key, str(self.rng.randint(1, 999))).id}"

    def _future(self) -> str | None:
        order = self._one(*SOLD)
        at = self.shop.now() + FUTURE
        return f"order {self.shop.edit_order(order.id, at=at, note='imported').id}" if order else None

    def _write(self) -> str | None:
        order = self._one(*SOLD)
        return f"order {self.shop.write_order(order.id, status='completed').id}" if order else None


def keep_busy(shop: Shop, per_minute: float, seed: int) -> Callable[[], None]:
    """Let ``per_minute`` random things happen in a shop, in a thread, until what is returned is called."""
    ending = threading.Event()
    life = Life(shop, random.Random(seed))

    def live() -> None:
        while not ending.wait(60 / per_minute):
            life.step()

    thread = threading.Thread(target=live, name="shop-life", daemon=True)
    thread.start()

    def stop() -> None:
        ending.set()
        thread.join(timeout=2)

    return stop
