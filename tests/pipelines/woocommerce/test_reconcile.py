"""Comparing everything with the shop: each way of differing is made on purpose, counted, and mended."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_shop.changes import Shop
from pipelines.woocommerce import reconcile as module
from regulars.shop.port import Params
from tests.pipelines.woocommerce.compared_shop import Found, buyer, found, paid
from tests.pipelines.woocommerce.synced_shop import Synced, differences, synced_shop


def delete_owner(shop: Shop) -> int:
    """Delete an account; its orders turn to customer 0. Return how many it had."""
    owner = paid(shop, 3, owned=True).customer_id
    orders = sum(order.customer_id == owner for order in shop.orders.values())
    shop.delete_customer(owner)
    return orders


def rewrite_refund(shop: Shop) -> None:
    """Change the amount of a guest's refund past WooCommerce."""
    with shop.locked():
        refund = max(
            (
                one
                for one in shop.refunds.values()
                if shop.orders[one.order_id].customer_id == 0
                and shop.orders[one.order_id].status in ("completed", "refunded")
            ),
            key=lambda one: (-one.created, one.id),
        )
        shop.refunds[refund.id] = dataclasses.replace(refund, amount=refund.amount + 1_000_000)
        shop.touch()


def add_meta(shop: Shop) -> None:
    """Write a meta field of an order past every date."""
    order = paid(shop, 9)
    shop.write_order(order.id, meta=((shop.take_id("meta"), "_seen", "yes"), *order.meta))


def drop_product(shop: Shop) -> None:
    """Delete a product that nobody bought, so that no order shows it."""
    sold = {line.product_id for order in shop.orders.values() for line in order.lines}
    with shop.locked():
        del shop.products[next(n for n, one in shop.products.items() if not one.parent_id and n not in sold)]
        shop.touch()


def edit_product(shop: Shop) -> None:
    """Change a product's dates."""
    with shop.locked():
        number = min(shop.products)
        shop.products[number] = dataclasses.replace(shop.products[number], created=shop.products[number].created + 5)
        shop.touch()


def trash_another(shop: Shop) -> None:
    """Move an order into the trash."""
    shop.trash_order(paid(shop, 1).id)


def restore_one(shop: Shop) -> None:
    """Take the last order out of the trash."""
    shop.restore_order(max(n for n, order in shop.orders.items() if order.status == "trash"))


# What is done in the shop, and what must be counted before it is mended.
ACTS: dict[str, tuple[Callable[[Shop], Any], Callable[[Any], dict[tuple[str, str], int]]]] = {
    "new order": (lambda shop: shop.place_order(0), lambda _: {("order", "missing"): 1}),
    "order gone": (lambda shop: shop.delete_order(paid(shop).id), lambda _: {("order", "extra"): 1}),
    "trashed": (trash_another, lambda _: {("order", "trash"): 1}),
    "restored": (restore_one, lambda _: {("order", "trash"): 1}),
    "status": (lambda shop: shop.write_order(paid(shop, 2).id, status="on-hold"), lambda _: {("order", "status"): 1}),
    "account gone": (delete_owner, lambda orders: {("order", "owner"): orders, ("customer", "extra"): 1}),
    "total": (
        lambda shop: shop.write_order(paid(shop, 4).id, lines=paid(shop, 4).lines * 2),
        lambda _: {("order", "total"): 1},
    ),
    "refunded": (
        lambda shop: shop.add_refund(paid(shop, -3).id, "0.50"),
        lambda _: {("order", "refunds"): 1, ("refund", "missing"): 1},
    ),
    "refund gone": (
        lambda shop: shop.delete_refund(min(shop.refunds)),
        lambda _: {("order", "refunds"): 1, ("refund", "extra"): 1},
    ),
    "refund changed": (rewrite_refund, lambda _: {("order", "refunds"): 1, ("refund", "total"): 1}),
    "date": (
        lambda shop: shop.write_order(paid(shop, 8).id, modified=paid(shop, 8).modified + 5),
        lambda _: {("order", "date"): 1},
    ),
    "meta": (add_meta, lambda _: {("order", "body"): 1}),
    "joined": (lambda shop: shop.add_customer("joined@example.com"), lambda _: {("customer", "missing"): 1}),
    "edited": (
        lambda shop: shop.edit_customer(buyer(shop), first_name="Moved"),
        lambda _: {("customer", "date"): 1},
    ),
    "user meta": (
        lambda shop: shop.edit_user_meta(buyer(shop, 1), "loyalty", "gold"),
        lambda _: {("customer", "body"): 1},
    ),
    "product edited": (edit_product, lambda _: {("product", "date"): 1}),
    "product gone": (drop_product, lambda _: {("product", "extra"): 1}),
}


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Synced, Found, Found, Found]]:
    """A shop in which everything of ACTS happened: what was expected, and what two reconciles found."""
    with synced_shop(tmp_path_factory.mktemp("mended"), people=80) as one:
        one.sync()
        expected: Found = {}
        for act, counts in ACTS.values():
            for key, number in counts(act(one.shop)).items():
                expected[key] = (expected.get(key, (0, 0))[0] + number, 0)
        yield one, expected, found(one.sync(reconcile=True)), found(one.sync(reconcile=True))


def test_each_kind_of_drift_is_counted_before_it_is_mended_and_none_is_left(mended: Any) -> None:
    """The number is the product: it must be exact by kind, and 0 afterwards."""
    _, expected, first, _ = mended
    assert first == expected


def test_after_a_reconcile_everything_equals_the_shop_and_another_finds_nothing(mended: Any) -> None:
    """Meta that moves no date, accounts, refunds: whole bodies, not only the compared columns."""
    synced, _, _, second = mended
    assert differences(synced.held(), synced.truth()) == {}
    assert second == {}


def test_what_is_gone_is_kept_dated_and_marked(mended: Any) -> None:
    """Somebody will ask who that was."""
    synced = mended[0]
    gone = synced.rows("SELECT object, count(*) FROM raw.deletions GROUP BY ALL ORDER BY ALL")
    assert gone == [("customer", 1), ("order", 1), ("product", 1), ("refund", 1)]
    query = "SELECT count(*) FROM raw.{0}s t JOIN raw.deletions d ON d.object = '{0}' AND d.id = t.id"
    assert [synced.rows(query.format(name)) for name, _ in gone] == [[(1,)]] * 4


@pytest.mark.deep
@pytest.mark.parametrize("storage", ["hpos", "legacy"])
@pytest.mark.parametrize("what", ACTS)
def test_each_difference_alone_is_counted_once(tmp_path: Path, what: str, storage: str) -> None:
    """Together, one difference might be found on the way to another."""
    with synced_shop(tmp_path, people=80) as one:
        one.shop.change_settings(storage=storage)
        one.sync()
        act, counts = ACTS[what]
        expected = {key: (number, 0) for key, number in counts(act(one.shop)).items()}
        assert found(one.sync(reconcile=True)) == expected
        assert differences(one.held(), one.truth()) == {}
        assert one.sync(reconcile=True).drift == ()


def test_what_changes_while_pages_are_read_is_no_drift_where_we_learnt_it_later(copied: Synced) -> None:
    """A busy shop must be able to reach 0: what is newer than the page that shows it does not count."""
    copied.shop.place_order(0)
    changed: list[int] = []

    def meddle(path: str, params: Params, page: int) -> None:
        if path == "orders" and "include" in params and not changed:  # between the listing and the second look
            changed.append(copied.shop.edit_order(max(copied.shop.orders), status="cancelled").id)

    copied.shop.place_order(0)
    copied.shop.place_order(0)
    copied.shop.place_order(0)
    copied.client.then = meddle
    assert found(copied.sync(reconcile=True)) == {("order", "missing"): (4, 0)}
    assert changed


def test_an_order_that_no_page_listed_is_asked_back_before_it_counts_as_gone(copied: Synced) -> None:
    """It may be restored between the listing of all and that of the trash: on neither, and there all the same."""
    trashed = next(n for n, order in copied.shop.orders.items() if order.status == "trash")

    def restore(path: str, params: Params, page: int) -> None:
        if path == "orders" and params.get("status") == "any" and copied.shop.orders[trashed].status == "trash":
            copied.shop.restore_order(trashed)

    copied.client.then = restore
    assert found(copied.sync(reconcile=True)) == {("order", "trash"): (1, 0)}
    stored = copied.stored(trashed)
    assert stored
    assert stored["status"] != "trash"


def test_orders_are_read_again_whole_a_further_part_each_time(copied: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note in an order's meta moves no date on legacy storage and shows in no compared column."""
    monkeypatch.setattr(module, "REREAD_PAGES", 1)
    copied.shop.change_settings(storage="legacy")
    live = sorted(n for n, order in copied.shop.orders.items() if order.status != "trash")
    assert 100 < len(live) <= 200
    last = copied.shop.orders[live[-1]]
    copied.shop.edit_order(last.id, meta=((copied.shop.take_id("meta"), "_seen", "yes"), *last.meta))
    assert copied.sync(reconcile=True).drift == ()  # the first page of a hundred
    assert found(copied.sync(reconcile=True)) == {("order", "body"): (1, 0)}
    assert differences(copied.held(), copied.truth()) == {}


def test_bodies_that_differ_in_links_alone_are_no_drift(copied: Synced) -> None:
    """A webhook's body may name the shop by another scheme than the answer to a read."""
    order = paid(copied.shop)
    copied.shop.edit_order(order.id, status="on-hold")
    body = copied.client.get(f"orders/{order.id}").items[0]
    told = copied.told("order.updated", order.id, {**body, "payment_url": "https://elsewhere.example/pay"})
    copied.sync([told], pull=False)
    stored = copied.stored(order.id)
    assert stored
    assert stored["payment_url"].startswith("https://elsewhere")
    assert copied.sync(reconcile=True).drift == ()
