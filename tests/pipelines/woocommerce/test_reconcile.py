"""Comparing everything with the shop: each way of differing is made on purpose, counted, and mended."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo_shop.changes import Shop
from demo_shop.model import Order
from pipelines.woocommerce import reconcile as module
from pipelines.woocommerce.sync import SyncOutcome
from regulars.errors import ShopBusy
from regulars.shop.port import Params
from tests.pipelines.woocommerce.synced_shop import Synced, differences, synced_shop

Found = dict[tuple[str, str], tuple[int, int]]


def found(outcome: SyncOutcome) -> Found:
    """Return the drift as {(object, kind): (before, after)}."""
    assert outcome.drift is not None
    return {(one.object, one.kind): (one.before, one.after) for one in outcome.drift}


def paid(shop: Shop, at: int = 0, *, owned: bool | None = None) -> Order:
    """Return the live order at place `at` that was paid and never refunded, of an account or of a guest."""
    return [
        order
        for _, order in sorted(shop.orders.items())
        if order.status in ("processing", "completed")
        and not order.refunds
        and (owned is None or bool(order.customer_id) == owned)
    ][at]


def buyer(shop: Shop, at: int = 0) -> int:
    """Return an account that placed no order, so that nothing else changes with it."""
    with_orders = {order.customer_id for order in shop.orders.values()}
    return [n for n, one in sorted(shop.customers.items()) if n not in with_orders and one.role == "customer"][at]


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


def test_a_shop_that_lacks_a_large_part_is_not_believed_until_somebody_says_so(copied: Synced) -> None:
    """A plugin that hides orders, or a key of another user, must not empty the copy over night."""
    shop = copied.shop
    gone = [n for n, order in sorted(shop.orders.items()) if not order.refunds][:101]
    for number in gone:
        shop.delete_order(number)
    changed = paid(shop)
    shop.edit_order(changed.id, status="cancelled")
    outcome = copied.sync(reconcile=True)
    assert found(outcome) == {("order", "extra"): (101, 101), ("order", "status"): (1, 0)}
    (doubt,) = outcome.doubts
    assert re.search(r"101 of the \d+ order records .* `regulars reconcile --believe`", doubt)
    assert copied.rows("SELECT count(*) FROM raw.deletions") == [(0,)]
    assert copied.rows(f"SELECT status FROM raw.orders WHERE id = {changed.id}") == [("cancelled",)]
    assert found(copied.sync(reconcile=True, believe=True)) == {("order", "extra"): (101, 0)}
    assert differences(copied.held(), copied.truth()) == {}


def test_a_full_read_of_a_shop_that_is_doubted_ends_and_pulls_go_on(copied: Synced) -> None:
    """The doubt is told once: a read that began anew with each pull would never end, and nothing would be published."""
    shop = copied.shop
    gone = sorted(shop.orders)[:120]  # with their refunds, which stay with them
    for number in gone:
        shop.delete_order(number)
    assert len(copied.sync(full=True).doubts) == 1
    assert copied.rows("SELECT count(*) FROM raw.deletions") == [(0,)]
    changed = paid(shop)
    shop.edit_order(changed.id, status="cancelled")
    assert copied.sync().doubts == ()
    assert copied.rows(f"SELECT status FROM raw.orders WHERE id = {changed.id}") == [("cancelled",)]
    assert copied.asked(copied.sync).count(("GET", "products")) == 1  # no page of a full read


def test_a_record_that_the_shop_cannot_show_holds_up_no_other_and_is_named(
    copied: Synced, caplog: pytest.LogCaptureFixture
) -> None:
    """Some plugin fails on one order: the other changes arrive, and the drift that is left says so."""
    bad, good = paid(copied.shop), paid(copied.shop, 1)
    copied.client._patience = 0.5
    copied.shop.break_record("orders", bad.id, lists=False)
    copied.shop.edit_order(good.id, status="on-hold")
    rows = [copied.told("order.updated", bad.id, b"not json"), copied.told("order.updated", good.id)]
    outcome = copied.sync(rows, pull=False)
    assert (outcome.unreadable, outcome.last_change_seq) == (0, rows[-1].seq)  # a list shows it
    copied.shop.break_record("orders", bad.id, lists=True)
    outcome = copied.sync([copied.told("order.updated", bad.id, b"not json")], pull=False)
    assert outcome.unreadable == 1
    assert f"The shop cannot show orders {bad.id} (status 500)" in caplog.text
    assert copied.rows("SELECT seq, how FROM raw.applied_changes ORDER BY seq") == [
        (rows[0].seq, "fetched"), (rows[1].seq, "body"), (rows[1].seq + 1, "skipped"),
    ]  # fmt: skip


def test_a_shop_that_fails_on_everything_skips_no_change_row(copied: Synced) -> None:
    """An update that breaks WooCommerce for a minute must not use deliveries up."""
    order = paid(copied.shop)
    copied.client._patience = 0.0
    copied.shop.faults.add("fatal", times=100, path="/orders")
    with pytest.raises(ShopBusy):
        copied.sync([copied.told("order.updated", order.id, b"not json")], pull=False)
    copied.shop.faults.clear()
    assert copied.rows("SELECT count(*) FROM raw.applied_changes") == [(0,)]


@pytest.mark.deep
def test_a_reconcile_that_was_cut_loses_nothing(copied: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it committed is mended; the next one begins anew and ends at 0."""
    shop = copied.shop
    for at in range(5):
        shop.delete_order(paid(shop, at).id)
    shop.edit_customer(buyer(shop), first_name="Moved")
    copied.client._patience = 0.0
    shop.faults.add("maintenance", times=1, path="/products")
    with pytest.raises(ShopBusy):
        copied.sync(reconcile=True)
    shop.faults.clear()
    assert copied.sync(reconcile=True).drift == ()
    assert differences(copied.held(), copied.truth()) == {}


@pytest.mark.deep
def test_a_shop_that_was_never_read_is_read_first(synced: Synced) -> None:
    """There is nothing to compare with yet; afterwards there is, and nothing differs."""
    assert synced.sync(reconcile=True).drift == ()
    assert differences(synced.held(), synced.truth()) == {}


def test_the_ledger_has_each_change_row_once(copied: Synced) -> None:
    """An acknowledged delivery must be traceable: applied as told, read again, or told over by a newer one."""
    order = paid(copied.shop)
    copied.shop.edit_order(order.id, status="on-hold")
    older = copied.told("order.updated", order.id)
    copied.shop.write_order(order.id, status="cancelled", modified=copied.shop.now() + 1)
    newer = copied.told("order.updated", order.id)
    asked = copied.told("order.deleted", paid(copied.shop, 1).id, {"id": paid(copied.shop, 1).id})
    other = copied.told("product.updated", 5, {"id": 5})
    copied.shop.clock = lambda now=copied.shop.clock: now() + 5
    rows = [older, newer, asked, other]
    copied.sync(rows, pull=False)
    copied.sync(rows, pull=False)  # a run that dies before it remembers where it was is given them again
    ledger = copied.rows("SELECT seq, how FROM raw.applied_changes ORDER BY seq")
    assert ledger == list(zip([row.seq for row in rows], ["skipped", "body", "fetched", "skipped"], strict=True))
    assert json.loads(copied.rows(f"SELECT body FROM raw.orders WHERE id = {order.id}")[0][0])["status"] == "cancelled"
