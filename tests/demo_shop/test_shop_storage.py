"""Both ways a shop keeps orders, and the changes that leave no trace in either."""

import json
import random
from typing import Any

import pytest

from demo_shop.changes import DAY, Shop
from demo_shop.life import Life
from tests.demo_shop.recorded_shop import KEY, SUBSCRIBER, Asker, basic, headers_of, recording
from tests.demo_shop.test_shop_queries import a_shop, an_order
from tests.demo_shop.test_shop_writes import NOW, OLD, heard, send


def kept(storage: str) -> Shop:
    """Open a shop that keeps its orders so."""
    shop = a_shop()
    shop.change_settings(storage=storage)
    return shop


CHANGES = {
    "empty": {},
    "meta": {"meta_data": [{"key": "shelf", "value": "7"}]},
    "status": {"status": "on-hold"},
}


@pytest.mark.parametrize(
    ("storage", "change", "moves"),
    [
        ("hpos", "empty", True),
        ("hpos", "meta", True),
        ("hpos", "status", True),
        ("legacy", "empty", False),
        ("legacy", "meta", False),
        ("legacy", "status", True),
    ],
)
def test_a_save_without_a_new_property_moves_no_date_in_legacy_storage(storage: str, change: str, moves: bool) -> None:
    """Both announce it; a pull by date finds it in one storage only."""
    shop = kept(storage)
    order = an_order(shop, OLD)
    before, told = shop.orders[order].modified, heard(shop)
    send(shop, "PUT", f"orders/{order}", CHANGES[change])
    assert told == [("order.updated", order)]
    assert shop.orders[order].modified == (NOW if moves else before)


@pytest.mark.parametrize(("storage", "moves"), [("hpos", True), ("legacy", False)])
def test_a_deleted_customers_orders_move_in_hpos_alone(storage: str, moves: bool) -> None:
    """In legacy storage nothing but a comparison of all orders shows that they became a guest's."""
    shop = kept(storage)
    customer = shop.add_customer("a@example.com")
    order = an_order(shop, OLD, customer_id=customer.id)
    before, told = shop.orders[order].modified, heard(shop)
    shop.delete_customer(customer.id)
    assert shop.orders[order].customer_id == 0
    assert shop.orders[order].modified == (NOW if moves else before)
    assert told == [("customer.deleted", customer.id)]


@pytest.mark.parametrize(("storage", "topics"), [("hpos", []), ("legacy", ["order.updated"])])
def test_a_status_set_on_a_trashed_order_is_announced_by_legacy_storage_alone(storage: str, topics: list[str]) -> None:
    """Who waits for order.restored waits for ever."""
    shop = kept(storage)
    order = an_order(shop, OLD)
    shop.trash_order(order)
    told = heard(shop)
    send(shop, "PUT", f"orders/{order}", {"status": "completed"})
    assert [topic for topic, _ in told] == topics


@pytest.mark.parametrize(("storage", "totals"), [("hpos", ("0", "0")), ("legacy", ("1", "1"))])
def test_beyond_the_end_legacy_storage_still_tells_the_totals(storage: str, totals: tuple[str, str]) -> None:
    """A client may trust neither."""
    shop = kept(storage)
    an_order(shop, OLD)
    headers = headers_of(Asker(shop).get("orders?page=7"))
    assert (headers["x-wp-total"], headers["x-wp-totalpages"]) == totals


@pytest.mark.parametrize(
    ("storage", "enabled", "named"),
    [("hpos", True, "OrdersTableDataStore"), ("legacy", False, "WC_Order_Data_Store_CPT")],
)
def test_the_status_report_tells_the_storage(storage: str, enabled: bool, named: str) -> None:
    """That is where a client learns whether a pull by date can be enough."""
    settings = json.loads(Asker(kept(storage)).get("system_status").body)["settings"]
    assert settings["HPOS_enabled"] is enabled
    assert settings["order_datastore"].endswith(named)


def test_pages_break_ties_of_the_modification_time_anew() -> None:
    """A walk by page numbers over orders of one second loses some of them: it must not be walked so."""
    shop = a_shop()
    ids = {an_order(shop, OLD) for _ in range(40)}
    asker = Asker(shop)
    pages = [asker.ids(f"orders?orderby=modified&order=asc&per_page=10&page={number}") for number in range(1, 5)]
    assert len({number for page in pages for number in page}) < len(ids)
    assert pages == [asker.ids(f"orders?orderby=modified&order=asc&per_page=10&page={n}") for n in range(1, 5)]


def test_the_clean_up_deletes_old_trash_and_drafts_without_a_word() -> None:
    """Thirty days and one day after, unannounced."""
    shop = a_shop()
    now = [float(NOW)]
    shop.clock = lambda: now[0]
    trashed, restored, draft = shop.place_order().id, shop.place_order().id, shop.start_checkout().id
    shop.trash_order(trashed)
    shop.trash_order(restored)
    shop.restore_order(restored)
    told = heard(shop)
    now[0] += DAY
    assert shop.clean_up() == [draft]
    now[0] += 29 * DAY
    assert shop.clean_up() == [trashed]
    assert (set(shop.orders), told) == ({restored}, [])


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        (lambda shop, number: shop.change_role(number, "subscriber"), False),
        (lambda shop, number: shop.edit_user_meta(number, "points", "5"), False),
        (lambda shop, number: shop.edit_user_meta(number, "billing_phone", "5"), False),
        (lambda shop, number: shop.edit_user_meta(number, "billing_city", "Bonn"), True),
    ],
)
def test_what_plugins_write_about_an_account_is_never_announced(change: Any, moves: bool) -> None:
    """Only reading all accounts finds it; a date moves only where an address part had a value."""
    shop = a_shop()
    customer = shop.add_customer("a@example.com")
    customer.billing, customer.modified = customer.billing._replace(city="Köln"), 5
    before, told = json.loads(Asker(shop).get(f"customers/{customer.id}").body), heard(shop)
    change(shop, customer.id)
    assert json.loads(Asker(shop).get(f"customers/{customer.id}").body) != before
    assert ((customer.modified == NOW), told) == (moves, [])


@pytest.mark.parametrize("change", [lambda s, o: s.add_note(o, "x"), lambda s, o: s.write_order(o, status="completed")])
def test_notes_and_direct_writes_move_nothing(change: Any) -> None:
    """A note is no change of an order; a direct write is one that nobody hears of."""
    shop = a_shop()
    order = an_order(shop, OLD)
    before, told = shop.orders[order].modified, heard(shop)
    change(shop, order)
    assert (shop.orders[order].modified, told) == (before, [])


def test_a_note_is_written_and_read_over_rest() -> None:
    """As WooCommerce has it: below the order."""
    shop = a_shop()
    order = an_order(shop, OLD)
    status, made = send(shop, "POST", f"orders/{order}/notes", {"note": "Called back."})
    assert (status, made["note"]) == (201, "Called back.")
    assert send(shop, "GET", f"orders/{order}/notes") == (200, [made])


def test_an_order_that_cannot_be_loaded_leaves_a_gap_in_its_page() -> None:
    """A short page is not the last one; by its id the order is unknown."""
    shop = a_shop()
    ids = [an_order(shop, OLD) for _ in range(4)]
    shop.unloadable.add(ids[1])
    asker = Asker(shop)
    answer = asker.get("orders?per_page=2&orderby=id&order=asc")
    assert [item["id"] for item in json.loads(answer.body)] == [ids[0]]
    assert headers_of(answer)["x-wp-total"] == "4"
    assert asker.get(f"orders/{ids[1]}").status == 404


def test_a_broken_record_fails_by_its_id_and_if_told_in_lists() -> None:
    """One bad record must not stop a client from reading the others."""
    shop = a_shop()
    order = an_order(shop, OLD)
    asker = Asker(shop)
    shop.break_record("orders", order)
    assert (asker.get(f"orders/{order}").status, asker.get("orders").status) == (500, 200)
    shop.break_record("orders", order, lists=True)
    failed = asker.get("orders")
    assert (failed.status, json.loads(failed.body)["code"]) == (500, recording("faults/fatal")["body"]["code"])
    shop.mend_record("orders", order)
    assert asker.get(f"orders/{order}").status == 200


def test_a_modification_time_may_lie_in_the_future() -> None:
    """A clock that was wrong, an import: a cursor must not follow it."""
    shop = a_shop()
    order = an_order(shop, OLD)
    shop.edit_order(order, at=NOW + DAY, note="imported")
    assert json.loads(Asker(shop).get(f"orders/{order}").body)["date_modified_gmt"] == "2026-07-02T12:00:00"


def test_settings_change_while_the_shop_runs() -> None:
    """Currency, time zone, address: what a fingerprint is made of."""
    shop = a_shop()
    an_order(shop, OLD)
    asker = Asker(shop)
    assert json.loads(asker.get("data/currencies/current").body)["code"] == "EUR"
    local = json.loads(asker.get("orders").body)[0]["date_created"]
    shop.change_settings(currency="USD", time_zone="America/New_York", home="https://new.example")
    current = json.loads(asker.get("data/currencies/current").body)
    assert (current["code"], current["symbol"]) == ("USD", "$")
    assert json.loads(asker.get("orders").body)[0]["date_created"] != local
    assert json.loads(asker.get("system_status").body)["environment"]["home_url"] == "https://new.example"


def test_the_currency_is_for_managers() -> None:
    """A key without rights gets a clear refusal."""
    shop = a_shop()
    status, body = send(shop, "GET", "data/currencies/current", authorization=basic(SUBSCRIBER))
    assert (status, body["code"]) == (403, "woocommerce_rest_cannot_view")
    assert send(shop, "GET", "data/currencies/current", authorization=basic(KEY))[0] == 200


def test_a_shop_before_nine_has_no_list_of_all_refunds() -> None:
    """There refunds are read order by order."""
    shop = a_shop()
    shop.change_settings(version="8.9.1")
    assert Asker(shop).get("refunds").status == 404


@pytest.mark.parametrize("storage", ["hpos", "legacy"])
def test_a_busy_life_does_everything_and_is_the_same_for_the_same_seed(storage: str) -> None:
    """Load and convergence are driven by it: what it never does is never tested."""

    def lived(seed: int) -> list[str]:
        shop = kept(storage)
        for number in range(12):
            shop.add_customer(f"c{number}@example.com")
        life = Life(shop, random.Random(seed))
        said = [life.step() for _ in range(1500)]
        assert {each.partition(" of ")[0] for each in said} == set(life.acts)
        for name in ("orders", "customers", "refunds"):
            assert Asker(shop).get(f"{name}?per_page=100").status == 200
        return said

    assert lived(1) == lived(1)
