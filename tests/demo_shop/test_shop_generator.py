"""The invented shop: the same for the same seed, and full of what software trips over."""

import unicodedata
from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import pytest

from demo_shop.changes import Shop
from demo_shop.generate import generate
from demo_shop.model import ApiKey, Order
from demo_shop.money import rounded
from demo_shop.pricing import totals
from demo_shop.render import order_body

TODAY = date(2026, 11, 22)
END = int(datetime(2026, 11, 21, 23, tzinfo=UTC).timestamp())  # midnight in Berlin
COUNTED = ("completed", "processing", "on-hold", "refunded")


@pytest.fixture(scope="module")
def shop() -> Shop:
    """Return one shop of 2,000 people for reading."""
    return generate(2000, 1, TODAY)


def test_the_same_seed_invents_the_same_shop() -> None:
    """A bug found in a demo can be found again."""

    def bodies(seed: int) -> list[object]:
        made = generate(80, seed, TODAY)
        return [order_body(made, order, "http://x") for order in made.orders.values()]

    assert bodies(5) == bodies(5)
    assert bodies(5) != bodies(6)


def test_a_shop_may_be_tiny() -> None:
    """Unit tests of others ask for a handful of people."""
    for people in (0, 1, 2, 5):
        assert len(generate(people, 1, TODAY).customers) == 4 + people * 3 // 4


def test_the_history_ends_today_and_one_change_lies_in_the_future(shop: Shop) -> None:
    """A cursor that follows the largest modification time would skip three days."""
    created = [order.created for order in shop.orders.values()]
    assert END - 731 * 86_400 < min(created) < max(created) < END
    assert sum(order.modified >= END for order in shop.orders.values()) == 1
    assert all(refund.created < END for refund in shop.refunds.values())


def test_every_status_currency_and_many_countries_occur(shop: Shop) -> None:
    """Each has its own rule somewhere downstream."""
    orders = list(shop.orders.values())
    statuses = {"completed", "processing", "on-hold", "pending", "cancelled", "failed", "refunded"}
    assert {order.status for order in orders} == statuses | {"checkout-draft", "trash"}
    assert {order.currency for order in orders} == {"EUR", "USD"}
    assert len({order.billing.country for order in orders}) >= 15
    assert any(order.coupons for order in orders)
    assert any(order.fees for order in orders)
    assert any(not order.shipping_lines for order in orders)


def test_names_come_from_many_scripts(shop: Shop) -> None:
    """Search, sorting and fonts have to cope with them."""
    scripts = {
        unicodedata.name(letter).split()[0]
        for customer in shop.customers.values()
        for letter in customer.first_name
        if letter.isalpha()
    }
    assert scripts >= {
        "LATIN",
        "CYRILLIC",
        "GREEK",
        "ARABIC",
        "HEBREW",
        "CJK",
        "HIRAGANA",
        "HANGUL",
        "DEVANAGARI",
        "THAI",
    }


def test_every_email_is_at_an_example_domain(shop: Shop) -> None:
    """Nobody real can ever be written to."""
    emails = {c.email for c in shop.customers.values()} | {o.billing.email for o in shop.orders.values()}
    domains = {email.rpartition("@")[2].casefold() for email in emails if email}
    assert domains == {"example.com", "example.org", "example.net"}


def test_guests_share_emails_with_accounts_in_another_case_and_some_have_none(shop: Shop) -> None:
    """Identity has to fold case, and must not merge people without an e-mail."""
    accounts = {customer.email for customer in shop.customers.values()}
    guests = {order.billing.email for order in shop.orders.values() if not order.customer_id}
    assert "" in guests
    assert len({email for email in guests if email not in accounts and email.casefold() in accounts}) > 10


def test_some_people_never_bought_and_staff_did(shop: Shop) -> None:
    """The default role of the customers list hides the latter."""
    buyers = {order.customer_id for order in shop.orders.values()}
    assert len(set(shop.customers) - buyers) > 100
    assert {shop.customers[number].role for number in buyers if number} == {"customer", "administrator", "subscriber"}
    assert any(customer.modified is None for customer in shop.customers.values())


def test_both_autumn_hours_have_orders(shop: Shop) -> None:
    """02:30 happened twice on 2025-10-26 and on 2026-10-25."""
    moments = {order.created for order in shop.orders.values()}
    for text in ("2025-10-26T00:30", "2025-10-26T01:30", "2026-10-25T00:30", "2026-10-25T01:30"):
        assert int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) in moments


def test_refunds_are_whole_partial_double_and_above_the_total(shop: Shop) -> None:
    """Net may be zero or negative."""
    kinds = Counter()
    for order in shop.orders.values():
        total, refunded = totals(order, 2).total, shop.refunded(order.id)
        if refunded:
            kinds["above" if refunded > total else "whole" if refunded == total else "part"] += 1
            kinds["double"] += len(order.refunds) > 1
            assert order.modified >= max(shop.refunds[number].created for number in order.refunds)
    assert min(kinds[kind] for kind in ("above", "whole", "part", "double")) >= 5


def test_lines_taxes_shipping_and_fees_add_up_to_the_total(shop: Shop) -> None:
    """As in all 1,471 recorded orders, at the shop's two decimals."""
    for order in list(shop.orders.values())[:500]:
        shown = [rounded(line.total, 2) + rounded(line.total_tax, 2) for line in order.lines]
        shown += [rounded(part.total, 2) + rounded(part.tax, 2) for part in order.shipping_lines]
        assert sum(shown) + sum(fee.total for fee in order.fees) == totals(order, 2).total


def test_all_scores_of_recency_and_of_frequency_with_money_occur_together(shop: Shop) -> None:
    """Every RFM group has people in the demo, or its page would be empty."""
    people: dict[object, list[Order]] = defaultdict(list)
    for order in shop.orders.values():
        if order.status in COUNTED:
            people[order.customer_id or order.billing.email.casefold() or -order.id].append(order)
    rows = [
        (
            END - max(order.created for order in orders),
            len(orders),
            sum(totals(order, 2).total - shop.refunded(order.id) for order in orders),
        )
        for orders in people.values()
    ]

    def fifths(column: int) -> list[int]:
        values = sorted(row[column] for row in rows)
        cuts = [values[len(values) * fifth // 5] for fifth in range(1, 5)]
        return [sum(cut < row[column] for cut in cuts) for row in rows]

    cells = Counter((5 - r, -(-(f + m + 2) // 2)) for r, f, m in zip(fifths(0), fifths(1), fifths(2), strict=True))
    assert len(cells) == 25


def test_ids_follow_time_and_no_id_is_used_twice(shop: Shop) -> None:
    """Orders and refunds share one sequence, so a refund's id is no order."""
    orders = sorted(shop.orders)
    assert [shop.orders[number].created for number in orders] == sorted(o.created for o in shop.orders.values())
    assert not set(shop.orders) & set(shop.refunds) & set(shop.products)
    items = [number for o in shop.orders.values() for number in range(o.first_item, o.first_item + len(o.lines))]
    assert len(items) == len(set(items))


def test_keys_never_show_in_a_repr() -> None:
    """A log line or an assertion must not print a secret."""
    assert "cs_hush" not in repr(ApiKey("ck_open", "cs_hush"))
