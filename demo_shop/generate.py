"""A shop of invented people over two years, the same for the same seed, size and day.

Buyers come in rhythms, from daily regulars to people who came once and people who came often and stopped, so that
every RFM group is populated. The shop also holds what real ones hold and software trips over: guests who write an
account's e-mail in capitals, an office whose people order under one address, orders without an e-mail, orders in both
copies of the autumn hour, refunds above the total, drafts, trash, staff who buy, a deleted customer, and one
modification time that lies in the future.
"""

import random
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from demo_shop import catalogue
from demo_shop.changes import Shop
from demo_shop.dates import zone
from demo_shop.invented_orders import DAY, Drafter, DraftRefund
from demo_shop.model import NOWHERE, Address, ApiKey, Customer, Order, Profile, Refund
from demo_shop.people import Person, invent
from demo_shop.pricing import item_count
from demo_shop.store import DEMO_KEY

DAYS = 730
OFFICE = ("Marta Lind", "Ole Brandt", "Yusuf Demir", "Chloé Petit")
OFFICE_FROM = 500  # smaller shops, as tests use them, have no office


class Rhythm(NamedTuple):
    """How a kind of buyer buys: days between orders, order count, and how many days ago they stopped (from, to)."""

    share: int
    gap: tuple[int, int]
    orders: tuple[int, int]
    quiet: tuple[int, int]
    basket: int


RHYTHMS = (
    Rhythm(7, (12, 35), (8, 30), (0, 25), 4),  # regulars, still here
    Rhythm(10, (30, 80), (4, 12), (0, 60), 3),  # loyal
    Rhythm(14, (20, 120), (2, 3), (0, 90), 2),  # growing
    Rhythm(10, (10, 30), (1, 1), (0, 29), 2),  # new
    Rhythm(9, (10, 30), (1, 1), (30, 120), 1),  # promising
    Rhythm(12, (25, 90), (2, 5), (91, 179), 3),  # slipping
    Rhythm(7, (15, 60), (6, 18), (150, 330), 4),  # once the best, gone quiet
    Rhythm(10, (40, 120), (2, 4), (200, 420), 2),  # hibernating
    Rhythm(21, (10, 30), (1, 1), (180, 700), 1),  # came once, long ago
)
_SHARES = tuple(rhythm.share for rhythm in RHYTHMS)


def generate(
    people: int = 2000,
    seed: int = 1,
    today: date = date(2026, 1, 1),
    *,
    keys: tuple[ApiKey, ...] = (DEMO_KEY,),
    profile: Profile | None = None,
    clock: Callable[[], float] = time.time,
) -> Shop:
    """Invent a shop with about so many people; all that happened in it lies before ``today`` in shop time.

    About three quarters have an account, the others buy as guests. ``clock`` serves what happens from now on.
    """
    shop = Shop(profile or Profile(rates=catalogue.RATES), keys, clock)
    return _Invention(shop, random.Random(seed), today).run(people)


class _Invention:
    """One run of the generator: what has been invented so far."""

    def __init__(self, shop: Shop, rng: random.Random, today: date) -> None:
        self.shop, self.rng = shop, rng
        self.end = self._local(today)
        self.start = self.end - DAYS * DAY
        catalogue.stock(shop, self.start - 10 * DAY)
        self.drafter = Drafter(shop, rng, self.end)

    def _local(self, day: date, hour: int = 0, minute: int = 0, fold: int = 0) -> int:
        where = zone(self.shop.profile.time_zone)
        return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=where, fold=fold).timestamp())

    def _year(self, instant: int) -> int:
        return datetime.fromtimestamp(instant, zone(self.shop.profile.time_zone)).year

    def run(self, people: int) -> Shop:
        """Invent everything, in an order that depends on the seed alone."""
        self._staff()
        accounts = [self._account(number) for number in range(1, people * 3 // 4 + 1)]
        for account in accounts[: len(accounts) * 9 // 10]:
            self._buying(account.billing, account.id, account.created)
        for number in range(people * 3 // 4 + 1, people + 1):
            self._guest(number, accounts)
        if people >= OFFICE_FROM:
            self._office(people + 2)
        self._autumn_hours(accounts)
        self._deleted_customer(people + 1)
        self._settle()
        return self.shop

    def _staff(self) -> None:
        """Invent the users who are not customers; the owner and a subscriber also buy."""
        for number, (role, buys) in enumerate(
            (("administrator", 5), ("shop_manager", 0), ("subscriber", 4), ("editor", 0)), start=1
        ):
            name = f"staff{number}"
            person = invent(self.rng, number)
            modified = self.start if buys else None
            address = person.address._replace(email=f"{name}@example.com") if buys else NOWHERE
            user = Customer(
                self.shop.take_id("user"), f"{name}@example.com", name, address.first_name, address.last_name,
                role, self.start - 5 * DAY, modified, address, is_paying=buys > 0,
            )  # fmt: skip
            self.shop.keep_customer(user)
            for turn in range(buys):
                self.drafter.order(address, user.id, self.start + (turn + 1) * 90 * DAY + 36_000, 2)

    def _account(self, number: int) -> Customer:
        person = invent(self.rng, number)
        created = self.start + int(self.rng.random() * (self.end - self.start - DAY))
        meta_id = self.shop.take_id("meta")
        customer = Customer(
            self.shop.take_id("user"), person.email, person.username, person.address.first_name,
            person.address.last_name, "customer", created, created, person.address,
            person.address._replace(email="", phone="") if self.rng.random() < 0.3 else NOWHERE,
            meta=((meta_id, "newsletter_optin", self.rng.choice(("yes", "no"))),),
        )  # fmt: skip
        return self.shop.keep_customer(customer)

    def _guest(self, number: int, accounts: list[Customer]) -> None:
        """Invent a guest; one in twelve is an account's owner who forgot to sign in, some write in capitals."""
        rng = self.rng
        address = invent(rng, number).address
        if accounts and number % 12 == 0:
            owner = rng.choice(accounts)
            email = owner.email.upper() if rng.random() < 0.5 else owner.email.capitalize()
            address = owner.billing._replace(email=email)
        elif number % 35 == 0:
            address = address._replace(email="")
        self._buying(address, 0, self.start)

    def _office(self, number: int) -> None:
        """Invent guests who order under the address of the office they share: one e-mail, and no one person."""
        rng = self.rng
        desk = invent(rng, number).address
        for name in OFFICE:
            first, last = name.split()
            shared = desk._replace(first_name=first, last_name=last, email="office@example.org")
            self._buying(shared, 0, self.start)

    def _buying(self, address: Address, customer_id: int, earliest: int) -> None:
        """Invent a person's orders, backwards from when they were last here."""
        rng = self.rng
        rhythm = rng.choices(RHYTHMS, _SHARES)[0]
        count = rng.randint(*rhythm.orders)
        moment = self.end - rng.randint(*rhythm.quiet) * DAY - rng.randint(1, DAY - 1)
        dollars = address.country == "US" and rng.random() < 0.4
        first = moment
        for _ in range(count):
            if moment < self.start:
                break
            self.drafter.order(address, customer_id, moment, rhythm.basket, currency="USD" if dollars else "EUR")
            first = moment
            moment -= rng.randint(*rhythm.gap) * DAY - rng.randint(-20_000, 20_000)
        if customer_id and first < earliest:
            # People register with their first order at the latest.
            customer = self.shop.customers[customer_id]
            customer.created = first - rng.randint(60, 40_000)
            customer.modified = customer.created

    def _autumn_hours(self, accounts: list[Customer]) -> None:
        """Place an order in each copy of every hour that clocks repeat in the two years."""
        for year in range(self._year(self.start), self._year(self.end) + 1):
            last = date(year, 10, 31)
            sunday = last - timedelta(days=(last.weekday() + 1) % 7)
            for fold in (0, 1):
                moment = self._local(sunday, 2, 30, fold)
                if self.start < moment < self.end and accounts:
                    buyer = accounts[fold % len(accounts)]
                    buyer.created = min(buyer.created, moment - DAY)
                    buyer.modified = buyer.created
                    self.drafter.order(buyer.billing, buyer.id, moment, 2, status="completed")

    def _deleted_customer(self, number: int) -> None:
        """Invent a customer who was deleted: their orders stay, as a guest's, touched on that day."""
        person: Person = invent(self.rng, number)
        deletion = self.end - 40 * DAY
        self.shop.take_id("user")
        for turn in range(5):
            created = self.end - (400 - 60 * turn) * DAY
            self.drafter.order(person.address, 0, created, 3, status="completed").order.modified = deletion

    def _settle(self) -> None:
        """Give ids in the order things happened, then finish the details that need them."""
        events: list[tuple[int, int, DraftRefund | None]] = []
        for place, draft in enumerate(self.drafter.drafts):
            events.append((draft.created, place, None))
            events += [(refund.created, place, refund) for refund in draft.refunds]
        events.sort(key=lambda event: (event[0], event[1], event[2] is not None))
        for _, place, refund in events:
            order = self.drafter.drafts[place].order
            if refund is None:
                order.id = self.shop.take_id("post")
                order.first_item = self.shop.take_id("item", item_count(order))
                self.shop.keep_order(order)
            else:
                self._keep_refund(order, refund)
        self._finish()

    def _keep_refund(self, order: Order, refund: DraftRefund) -> None:
        """Keep a refund; a whole one takes the shipping back too."""
        whole = len(refund.lines) == len(order.lines) and order.status == "refunded"
        shipping = tuple(part._replace(total=-part.total, tax=-part.tax) for part in order.shipping_lines if whole)
        count = len(refund.lines) + len(shipping)
        self.shop.keep_refund(
            Refund(
                id=self.shop.take_id("post"),
                order_id=order.id,
                created=refund.created,
                amount=refund.amount,
                reason=refund.reason,
                lines=refund.lines,
                shipping_lines=shipping,
                # A refund takes back the first lines, or all lines and then the shipping that follows them.
                refunded_items=tuple(range(order.first_item, order.first_item + count)),
                first_item=self.shop.take_id("item", 1 + 2 * count),
            )
        )

    def _finish(self) -> None:
        orders = list(self.shop.orders.values())
        for order in orders:
            customer = self.shop.customers.get(order.customer_id)
            if customer and order.status == "completed":
                customer.is_paying = True
                customer.modified = max(customer.modified or 0, order.completed or 0)
        if orders:
            orders[len(orders) // 2].modified = self.end + 3 * DAY
        for order in orders[5 :: max(6, len(orders) // 12)]:
            order.trashed_from, order.status = order.status, "trash"
            order.modified = max(order.modified, self.end - 10 * DAY)
        untouched = [c for c in self.shop.customers.values() if not c.is_paying and c.role == "customer"]
        for customer in untouched[:3]:
            customer.modified = None
