"""A record that breaks every page it stands on: the others arrive, and the one is named, counted and not forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.woocommerce.listings import ORDERS
from pipelines.woocommerce.splitting import Splitting
from regulars.errors import ShopBusy
from regulars.models import Drift
from tests.pipelines.woocommerce.synced_shop import Synced, differences, synced_shop


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[tuple[Synced, int]]:
    """A shop that was never synced, and an order on the second of its pages that breaks every list it is in."""
    with synced_shop(tmp_path, people=40) as one:
        one.client._patience = 0.3
        order = sorted(n for n, order in one.shop.orders.items() if order.status != "trash")[117]
        one.shop.break_record("orders", order, lists=True)
        yield one, order


def without(synced: Synced, table: str, number: int) -> dict[str, object]:
    """Return what differs between copy and shop, one record left out of both."""
    held = synced.held()
    synced.shop.mend_record(table, number)
    truth = synced.truth()
    synced.shop.break_record(table, number, lists=True)
    held[table].pop(number, None)
    truth[table].pop(number)
    return dict(differences(held, truth))


def test_a_first_sync_brings_all_others_and_names_where_the_one_stands(
    broken: tuple[Synced, int], caplog: pytest.LogCaptureFixture
) -> None:
    """A shop with one order that some plugin chokes on must still be of use, and its owner must find that order."""
    synced, order = broken
    outcome = synced.sync()
    assert outcome.unreadable == 1
    assert without(synced, "orders", order) == {}
    live = sorted(n for n, one in synced.shop.orders.items() if one.status != "trash")
    at = live.index(order)
    assert f"beside {live[at - 1]} and {live[at + 1]}: left out for now." in caplog.text
    assert caplog.text.count("left out") == 1  # everything was read once


def test_where_the_very_first_record_breaks_all_is_counted_and_read_once(tmp_path: Path) -> None:
    """Counts are asked for with the first record of a list, which a first sync needs to know that it has them all."""
    with synced_shop(tmp_path) as one:
        one.client._patience = 0.3
        first = min(n for n, order in one.shop.orders.items() if order.status != "trash")
        one.shop.break_record("orders", first, lists=True)
        asked = one.asked(one.sync)
        assert without(one, "orders", first) == {}
        assert sum(path == "products" for _, path in asked) == 2  # once of the full read, once of the pull after it


def test_a_pull_brings_what_changed_beside_it_and_goes_on_from_there(copied: Synced) -> None:
    """The order that breaks is often the one that changed last; the next pull must not stand still before it."""
    copied.client._patience = 0.3
    live = sorted(n for n, one in copied.shop.orders.items() if one.status == "completed")
    for number in live[:3]:
        copied.shop.edit_order(number, status="cancelled")
    bad = live[1]
    copied.shop.break_record("orders", bad, lists=True)
    assert copied.sync().unreadable == 1
    assert without(copied, "orders", bad) == {}
    copied.shop.edit_order(live[4], status="cancelled")
    copied.sync()
    assert without(copied, "orders", bad) == {}


def test_a_pull_of_nothing_but_the_one_that_breaks_ends_well(copied: Synced) -> None:
    """There is no other record in the list to show that the shop is alive."""
    copied.client._patience = 0.3
    bad = max(n for n, one in copied.shop.orders.items() if one.status == "completed")
    copied.shop.edit_order(bad, status="cancelled")
    copied.shop.break_record("orders", bad, lists=True)
    assert copied.sync().unreadable == 1


@pytest.mark.deep
def test_a_reconcile_counts_it_until_it_can_be_shown(broken: tuple[Synced, int]) -> None:
    """A comparison that could not see a record must not call the copy right."""
    synced, order = broken
    synced.sync()
    missing = (Drift(object="order", kind="missing", before=1, after=1),)
    assert synced.sync(reconcile=True).drift == missing
    synced.shop.mend_record("orders", order)
    assert synced.sync(reconcile=True).drift == (Drift(object="order", kind="missing", before=1, after=0),)
    assert differences(synced.held(), synced.truth()) == {}


def test_an_account_that_breaks_is_kept_and_not_called_gone(copied: Synced) -> None:
    """It is held already: the copy keeps it as it was, says that it could not compare it, and reads the others."""
    copied.client._patience = 0.3
    bad, other, *_ = sorted(n for n, one in copied.shop.customers.items() if one.role == "customer")
    copied.shop.break_record("customers", bad, lists=True)
    copied.shop.edit_customer(other, first_name="Moved")
    outcome = copied.sync(reconcile=True)
    assert outcome.drift == (
        Drift(object="customer", kind="extra", before=1, after=1),
        Drift(object="customer", kind="date", before=1, after=0),
    )
    assert outcome.unreadable == 1
    assert copied.rows("SELECT count(*) FROM raw.deletions") == [(0,)]
    assert without(copied, "customers", bad) == {}


def test_a_page_in_parts_has_the_totals_of_the_whole(broken: tuple[Synced, int]) -> None:
    """Walks count in pages of a hundred; what they are told must not change with how a page was read."""
    synced, order = broken
    whole = synced.client.page("orders", ORDERS.params, 1)
    page = Splitting(synced.client).page("orders", ORDERS.params, 2)
    assert (page.page, page.total, page.total_pages) == (2, whole.total, whole.total_pages)
    assert len(page.items) == min(100, whole.total - 100) - 1
    assert order not in {item["id"] for item in page.items}
    assert page.read_at > whole.read_at


def test_a_shop_that_fails_on_everything_is_no_shop_with_bad_records(copied: Synced) -> None:
    """An update that breaks WooCommerce for a minute must not make a copy without records."""
    copied.client._patience = 0.3
    copied.shop.faults.add("fatal", times=1000, path="/orders")
    listed = Splitting(copied.client)
    with pytest.raises(ShopBusy):
        listed.page("orders", ORDERS.params, 1)
    assert listed.left_out_in_all() == 0
