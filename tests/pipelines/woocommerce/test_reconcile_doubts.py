"""Comparing with a shop that fails, lacks a large part, or is left in the middle: nothing good is lost over it."""

import json
import re

import pytest

from regulars.errors import ShopBusy
from tests.pipelines.woocommerce.compared_shop import buyer, found, paid
from tests.pipelines.woocommerce.synced_shop import Synced, differences


def test_a_shop_that_lacks_a_large_part_is_not_believed_until_somebody_says_so(copied: Synced) -> None:
    """A plugin that hides orders, or a key of another user, must not empty the copy over night."""
    shop = copied.shop
    gone = sorted(shop.orders)[:120]
    refunds = sum(len(shop.orders[number].refunds) for number in gone)
    assert refunds, "they must not go with orders that are not believed to be gone"
    for number in gone:
        shop.delete_order(number)
    changed = paid(shop)
    shop.edit_order(changed.id, status="cancelled")
    outcome = copied.sync(reconcile=True)
    assert found(outcome) == {
        ("order", "extra"): (120, 120),
        ("order", "status"): (1, 0),
        ("refund", "extra"): (refunds, refunds),
    }
    (doubt,) = outcome.doubts
    assert re.search(r"120 of the \d+ order records .* `regulars reconcile --believe`", doubt)
    assert copied.rows("SELECT count(*) FROM raw.deletions") == [(0,)]
    assert copied.rows(f"SELECT status FROM raw.orders WHERE id = {changed.id}") == [("cancelled",)]
    believed = {("order", "extra"): (120, 0), ("refund", "extra"): (refunds, 0)}
    assert found(copied.sync(reconcile=True, believe=True)) == believed
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
