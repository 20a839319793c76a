"""Copying a shop and keeping the copy true, without any webhook."""

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from demo_shop.changes import Shop
from pipelines.woocommerce.known import Known
from regulars.errors import DataFolderError, ShopBusy, ShopNotFound, ShopRefused
from regulars.shop.port import Page, Params
from tests.pipelines.woocommerce.synced_shop import Synced, differences, synced_shop
from transforms.staged_schemas import RAW, RAW_DELETIONS, RAW_TABLES

TYPES = {pl.Int64: "BIGINT", pl.String: "VARCHAR", pl.Datetime: "TIMESTAMP WITH TIME ZONE"}


def test_the_first_sync_copies_every_record_as_the_shop_shows_it(shared: Synced) -> None:
    """Drafts, trash, accounts of every role, refunds: nothing is left out, and no body differs."""
    assert differences(shared.held(), shared.truth()) == {}


def test_raw_tables_have_the_columns_of_the_contract(shared: Synced) -> None:
    """Transforms read these columns by name and type; tables without rows are there too."""
    for table, columns in {**dict.fromkeys(RAW_TABLES, RAW), "deletions": RAW_DELETIONS}.items():
        described = shared.rows(f"SELECT column_name, column_type FROM (DESCRIBE raw.{table})")
        assert described == [(name, TYPES[type(kind)]) for name, kind in columns.items()]


def test_raw_rows_say_what_is_needed_to_find_and_order_them(shared: Synced) -> None:
    """Refunds name their order, orders their status; times are UTC and the observation is before the answer."""
    refund = next(iter(shared.shop.refunds.values()))
    assert shared.rows(f"SELECT parent_id, observed_by FROM raw.refunds WHERE id = {refund.id}") == [
        (refund.order_id, "pull")
    ]
    order = next(iter(shared.shop.orders.values()))
    status, created, seen = shared.rows(
        f"SELECT status, epoch(date_created_gmt)::BIGINT, observed_at <= now() FROM raw.orders WHERE id = {order.id}"
    )[0]
    assert (status, created, seen) == (order.status, order.created, True)
    assert shared.rows("SELECT DISTINCT status FROM raw.customers") == [(None,)]


def test_a_sync_with_nothing_new_asks_little_and_writes_nothing(tmp_path: Path) -> None:
    """It runs every quarter of an hour: at most eight requests, trash among them, whatever the number of accounts."""
    with synced_shop(tmp_path, people=560) as synced:
        assert len(synced.shop.customers) > 300
        synced.sync()
        asked = synced.asked(lambda: outcomes.append(synced.sync())) if (outcomes := []) is not None else []
        assert len(asked) <= 8
        assert outcomes[0].rows == {}
        assert (outcomes[0].customers_upserted, outcomes[0].orders_upserted) == (0, 0)


def work(shop: Shop, luck: random.Random) -> None:
    """Let one thing happen in the shop that a pull can see."""
    orders = [order for order in shop.orders.values() if order.status != "trash"]
    trashed = [order for order in shop.orders.values() if order.status == "trash"]
    buyers = [one.id for one in shop.customers.values() if one.role == "customer"]
    act = luck.choice(["place", "edit", "trash", "restore", "refund", "join", "move", "leave"])
    if act == "place":
        shop.place_order(luck.choice([0, *buyers]))
    elif act == "edit":
        shop.edit_order(luck.choice(orders).id, status=luck.choice(["completed", "cancelled", "processing"]))
    elif act == "trash":
        shop.trash_order(luck.choice(orders).id)
    elif act == "restore" and trashed:
        shop.restore_order(luck.choice(trashed).id)
    elif act == "refund":
        shop.add_refund(luck.choice(orders).id, "1.50")
    elif act == "join":
        shop.add_customer(f"new{luck.random()}@example.com")
    elif act == "move":
        shop.edit_customer(luck.choice(buyers), first_name=f"N{luck.random()}")
    elif act == "leave":
        shop.delete_customer(luck.choice(buyers))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(1, 9))])
def test_after_any_work_in_the_shop_a_pull_makes_the_copy_true_again(copied: Synced, seed: int) -> None:
    """Whatever moves a date, or an account in a small shop, is found without webhooks."""
    luck = random.Random(seed)
    for _ in range(2):
        for _ in range(15):
            work(copied.shop, luck)
        copied.sync()
        assert differences(copied.held(), copied.truth()) == {}


def test_an_account_that_vanished_between_two_pages_is_found(copied: Synced) -> None:
    """The ids between the end of one page and the start of the next stand on neither of them."""
    while len(copied.shop.customers) < 110:
        copied.shop.add_customer(f"member{len(copied.shop.customers)}@example.com")
    copied.sync()
    copied.shop.delete_customer(sorted(copied.shop.customers)[100])
    copied.sync()
    assert differences(copied.held(), copied.truth()) == {}


def test_a_warehouse_that_cannot_be_read_is_not_called_busy(tmp_path: Path) -> None:
    """Waiting for another process would help nobody whose file is damaged."""
    damaged = tmp_path / "shop.duckdb"
    damaged.write_bytes(b"no database" * 500)
    with pytest.raises(DataFolderError, match="could not be read") as error:
        Known(damaged).counts()
    assert not error.value.retry


def test_a_full_sync_finds_what_no_date_shows(copied: Synced) -> None:
    """Orders and products deleted for good, and deleted refunds, leave no trace in the shop's dates."""
    refund = next(iter(copied.shop.refunds.values()))
    copied.shop.delete_refund(refund.id)
    gone = [order for order in copied.shop.orders if order != refund.order_id][:2]
    for order in gone:
        copied.shop.delete_order(order)
    copied.sync()
    assert differences(copied.held(), copied.truth()) != {}
    copied.sync(full=True)
    assert differences(copied.held(), copied.truth()) == {}
    assert {key for (key,) in copied.rows("SELECT key FROM raw.deletions")} >= {f"order:{n}" for n in gone} | {
        f"refund:{refund.id}"
    }


def test_a_cursor_never_follows_a_time_in_the_future(copied: Synced) -> None:
    """Imports leave orders modified in the future: all later changes would be skipped until then."""
    ahead = next(order for order in copied.shop.orders.values() if order.status == "cancelled")
    ahead.modified = copied.shop.now() + 864_000
    copied.shop.touch()
    for _ in range(2):
        number = next(n for n, order in copied.shop.orders.items() if order.status == "completed")
        copied.shop.edit_order(number, status="on-hold")
        copied.sync()
        assert copied.rows(f"SELECT status FROM raw.orders WHERE id = {number}") == [("on-hold",)]


def test_an_order_that_leaves_the_listing_between_two_pages_hides_no_other(synced: Synced) -> None:
    """Paging is by offset: what is trashed on a page already read would move one order out of sight."""
    before = sorted(n for n, order in synced.shop.orders.items() if order.status != "trash")
    left = iter(before[:3])

    def trash(path: str, params: Params, page: int) -> None:
        if path == "orders" and params.get("status") == "any" and (number := next(left, None)) is not None:
            synced.shop.trash_order(number)

    assert len(before) > 100
    synced.client.then = trash
    synced.sync()
    assert differences(synced.held(), synced.truth()) == {}


def test_an_order_that_comes_as_another_goes_hides_none_either(synced: Synced) -> None:
    """The total stays the same then; only counting afterwards tells that one was passed over."""
    before = sorted(n for n, order in synced.shop.orders.items() if order.status != "trash")
    left = iter(before[:1])

    def swap(path: str, params: Params, page: int) -> None:
        if path == "orders" and params.get("status") == "any" and (number := next(left, None)) is not None:
            synced.shop.trash_order(number)
            synced.shop.place_order(0)

    synced.client.then = swap
    synced.sync()
    assert differences(synced.held(), synced.truth()) == {}


def test_an_order_that_changes_while_changes_are_read_hides_no_other(copied: Synced) -> None:
    """Sorted by modification time, a changed order moves to the end and the next page starts one too late."""
    orders = sorted(n for n, order in copied.shop.orders.items() if order.status != "trash")
    for at, number in enumerate(orders):
        copied.shop.edit_order(number)
        copied.shop.orders[number].modified -= len(orders) - at  # one a second
    copied.shop.touch()
    touched = iter(orders[:40])

    def touch(path: str, params: Params, page: int) -> None:
        if path == "orders" and params.get("orderby") == "modified":
            for number in (next(touched, None), next(touched, None)):
                if number is not None:
                    copied.shop.edit_order(number, status="cancelled")

    copied.client.then = touch
    copied.sync()
    copied.client.then = None
    copied.sync()
    assert differences(copied.held(), copied.truth()) == {}


def test_more_changes_in_one_second_than_fit_a_page_are_all_read(copied: Synced) -> None:
    """An import writes hundreds in a second, and WooCommerce breaks no ties among them."""
    orders = [n for n, order in copied.shop.orders.items() if order.status != "trash"]
    assert len(orders) > 100
    moment = copied.shop.now()
    for number in orders:
        copied.shop.edit_order(number, status="on-hold")
        copied.shop.orders[number].modified = moment
    copied.shop.touch()
    copied.sync()
    assert differences(copied.held(), copied.truth()) == {}


def test_a_shop_without_a_list_of_refunds_is_asked_order_by_order(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WooCommerce before 9.0 answers /refunds with 404, which must not end the sync."""
    read = type(synced.client).page

    def old(client: object, path: str, params: Params, page: int = 1, **options: Any) -> Page:
        if path == "refunds":
            raise ShopNotFound("no such route")
        return read(client, path, params, page, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(synced.client), "page", old)
    synced.sync()
    monkeypatch.undo()
    held = synced.rows("SELECT id, parent_id FROM raw.refunds ORDER BY id")
    assert held == sorted((refund.id, refund.order_id) for refund in synced.shop.refunds.values())


def test_a_sync_that_fails_goes_on_where_it_was(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop that goes down in the middle of an hour of reading must not cost that hour again."""
    monkeypatch.setattr("pipelines.woocommerce.progress.SLICE_PAGES", 1)
    synced.shop.faults.add("maintenance", times=1, path="/customers")
    with pytest.raises(ShopBusy):
        synced.sync()
    assert synced.rows("SELECT count(*) FROM raw.orders")[0][0] == len(synced.shop.orders)
    asked = synced.asked(synced.sync)
    assert sum(path == "orders" for method, path in asked if method == "GET") <= 3  # the changes, no listing
    assert differences(synced.held(), synced.truth()) == {}


def test_a_failed_pull_leaves_the_copy_as_it_was_and_the_next_repairs_it(copied: Synced) -> None:
    """A wrong key in between, or a shop that is gone, changes nothing that can be seen."""
    before = copied.held()
    order = copied.shop.place_order(0)
    key = copied.shop.keys.popitem()
    with pytest.raises(ShopRefused):
        copied.sync()
    assert copied.held() == before
    copied.shop.keys[key[0]] = key[1]
    copied.sync()
    assert order.id in copied.held()["orders"]


def test_a_switched_off_plugin_deletes_nobody(copied: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address answers 404 then, and a 404 that is not of a record must never count as a deletion."""
    before = copied.held()

    def off(*_: object, **__: object) -> Page:
        raise ShopNotFound("No route was found")

    monkeypatch.setattr(type(copied.client), "page", off)
    monkeypatch.setattr(type(copied.client), "get", off)
    with pytest.raises(ShopNotFound):
        copied.sync(full=True)
    assert copied.held() == before


def test_progress_is_told_for_each_page(synced: Synced) -> None:
    """People watch it on a screen: done never passes the total."""
    told: list[tuple[str, int, int | None]] = []
    synced.sync(report=lambda stage, done, total: told.append((stage, done, total)))
    orders = [(done, total) for stage, done, total in told if stage == "orders"]
    listed = sum(order.status != "trash" for order in synced.shop.orders.values())
    assert orders == [(100, listed), (listed, listed)]
    assert all(total is None or done <= total for _, done, total in told)
