"""Filters, order, pages and presentation of lists."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo_shop.changes import Shop
from demo_shop.dates import is_rest_date, threshold
from demo_shop.model import Address, Product, Profile
from demo_shop.money import UNIT, fixed, micros, plain
from demo_shop.money import rounded as round_to
from tests.demo_shop.recorded_shop import KEYS, MANAGER, Asker, headers_of


def _at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def a_shop(time_zone: str = "Europe/Berlin") -> Shop:
    """Open a shop with one product, in which it is noon of 2026-07-01 UTC."""
    shop = Shop(Profile(time_zone=time_zone), KEYS, clock=lambda: _at("2026-07-01T12:00:00"))
    shop.products[1] = Product(1, "Mug", "MUG", 10 * UNIT, 0)
    shop.start_ids("post", 2)
    return shop


def an_order(shop: Shop, when: str, **fields: object) -> int:
    """Place an order that was made and last changed at a UTC time."""
    return shop.place_order(created=_at(when), modified=_at(when), **fields).id  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "gmt", "compared"),
    [
        ("2026-07-01T12:00:00", True, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00", False, "2026-07-01T10:00:00"),
        ("2026-07-01T12:00:00Z", False, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00Z", True, "2026-07-01T14:00:00"),
        ("2026-01-01T12:00:00Z", True, "2026-01-01T13:00:00"),
        ("2026-07-01T13:00:00+01:00", True, "2026-07-01T14:00:00"),
        ("2026-07-01T13:00:00+01:00", False, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00.000Z", False, "2026-07-01T10:00:00"),
        ("2026-07-01 12:00:00", True, "2026-07-01T12:00:00"),
    ],
)
def test_a_date_is_compared_as_the_real_shop_compares_it(text: str, gmt: bool, compared: str) -> None:
    """``…Z`` with ``dates_are_gmt`` misses the last two hours of changes: a client that sends it must fail here."""
    assert threshold(text, "Europe/Berlin", dates_are_gmt=gmt) == _at(compared)


def test_a_shop_west_of_greenwich_errs_the_other_way() -> None:
    """A New York shop hands out four hours too much instead of too little."""
    assert threshold("2026-07-01T12:00:00Z", "America/New_York", dates_are_gmt=True) == _at("2026-07-01T08:00:00")


@pytest.mark.parametrize("text", ["2025-01-01", "1767225600", "2025-13-01T00:00:00", "yesterday", ""])
def test_a_date_without_a_time_is_refused(text: str) -> None:
    """The real shop answers 400; a shop that took them would let a client lose its filter."""
    assert not is_rest_date(text)
    answer = Asker(a_shop()).get(f"orders?modified_after={text}")
    assert (answer.status, json.loads(answer.body)["data"]["params"]) == (400, {"modified_after": "Invalid date."})


def test_modified_after_is_exclusive_and_in_whole_seconds() -> None:
    """The cursor's own second is not sent again: an overlap is the client's business."""
    shop = a_shop()
    an_order(shop, "2026-06-01T10:00:00")
    later = an_order(shop, "2026-06-01T10:00:01")
    found = Asker(shop).ids("orders?modified_after=2026-06-01T10:00:00&dates_are_gmt=true")
    assert found == [later]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["completed", "checkout-draft"]),
        ("?status=any", ["completed", "checkout-draft"]),
        ("?status=trash", ["trash"]),
        ("?status=any,trash", ["completed", "checkout-draft"]),
        ("?status=trash,completed", ["completed", "trash"]),
        ("?status[0]=trash&status[1]=checkout-draft", ["trash", "checkout-draft"]),
    ],
)
def test_any_is_everything_but_the_trash(query: str, expected: list[str]) -> None:
    """``any,trash`` silently means ``any``: who wants soft deletes must ask for the trash alone."""
    shop = a_shop()
    an_order(shop, "2026-06-03T10:00:00", status="completed")
    shop.trash_order(an_order(shop, "2026-06-02T10:00:00"))
    an_order(shop, "2026-06-01T10:00:00", status="checkout-draft")
    statuses = [item["status"] for item in json.loads(Asker(shop).get(f"orders{query}").body)]
    assert statuses == expected


def test_a_trashed_order_answers_by_id_and_a_deleted_one_does_not() -> None:
    """That is how a client tells the two apart."""
    shop = a_shop()
    kept, gone = an_order(shop, "2026-06-01T10:00:00"), an_order(shop, "2026-06-01T10:00:00")
    shop.trash_order(kept)
    shop.delete_order(gone)
    asker = Asker(shop)
    assert json.loads(asker.get(f"orders/{kept}").body)["status"] == "trash"
    assert asker.get(f"orders/{gone}").status == 404


def test_pages_tell_totals_and_an_order_page_beyond_the_end_tells_zero() -> None:
    """With HPOS the totals of an empty page are 0/0: a client that trusted them would stop at once."""
    shop = a_shop()
    for day in range(1, 8):
        an_order(shop, f"2026-06-0{day}T10:00:00")
        shop.add_customer(f"c{day}@example.com")
    asker = Asker(shop)

    def totals(path: str) -> tuple[str, str]:
        headers = headers_of(asker.get(path))
        return headers["x-wp-total"], headers["x-wp-totalpages"]

    assert totals("orders?per_page=3&page=3") == ("7", "3")
    assert totals("orders?per_page=3&page=4") == ("0", "0")
    assert totals("customers?per_page=3&page=4") == ("7", "3")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("orderby=date&order=asc", [2, 3, 4]),
        ("orderby=date", [4, 3, 2]),
        ("orderby=modified&order=asc", [2, 4, 3]),
        ("orderby=modified", [3, 2, 4]),
        ("orderby=id&order=asc", [2, 3, 4]),
        ("orderby=title", [2, 3, 4]),
        ("orderby=include&include=4,2", [4, 2]),
        ("include=3", [3]),
        ("exclude=3&orderby=id&order=asc", [2, 4]),
        ("offset=1&orderby=id&order=asc", [3, 4]),
        ("customer=0&orderby=id&order=asc", [2, 3, 4]),
        ("customer=9", []),
        ("product=1&orderby=id&order=asc", [2, 3, 4]),
        ("product=8", []),
        ("foo_bar=x&orderby=id&order=asc", [2, 3, 4]),
    ],
)
def test_orders_come_in_the_asked_order(query: str, expected: list[int]) -> None:
    """Ties under ``modified`` have no second key in the real shop; unknown parameters are ignored without notice."""
    shop = a_shop()
    for when, changed in (("01", "10"), ("02", "20"), ("03", "10")):
        shop.place_order(created=_at(f"2026-06-{when}T10:00:00"), modified=_at(f"2026-06-{changed}T10:00:00"))
    assert Asker(shop).ids(f"orders?{query}") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Äda", "zoe"]),
        ("role=all", ["Äda", "Owner", "zoe"]),
        ("role=all&orderby=id", ["zoe", "Äda", "Owner"]),
        ("role=all&orderby=id&order=desc", ["Owner", "Äda", "zoe"]),
        ("role=administrator", ["Owner"]),
        ("email=ZOE@example.com", ["zoe"]),
        ("role=all&modified_after=2099-01-01T00:00:00", ["Äda", "Owner", "zoe"]),
        ("search=ada", ["Äda"]),
        ("role=all&include=3,1&orderby=include", ["Owner", "zoe"]),
    ],
)
def test_customers_are_filtered_by_role_and_never_by_date(query: str, expected: list[str]) -> None:
    """The default role hides staff who buy, and a date filter is ignored: both lose people without an error."""
    shop = a_shop()
    shop.add_customer("zoe@example.com", "zoe")
    shop.add_customer("ada@example.com", "Äda")
    shop.add_customer("owner@example.com", "Owner", role="administrator")
    found = json.loads(Asker(shop).get(f"customers?{query}").body)
    assert [item["first_name"] for item in found] == expected


def test_only_administrators_see_meta_data() -> None:
    """A shop manager's key lacks the column: the loader must not count on it."""
    shop = a_shop()
    shop.add_customer("a@example.com", meta=((1, "newsletter", "yes"),))
    asker = Asker(shop)
    assert "meta_data" in json.loads(asker.get("customers").body)[0]
    assert "meta_data" not in json.loads(asker.get("customers", MANAGER).body)[0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("id,total", {"id": 2, "total": "10.00"}),
        ("billing.email,id", {"id": 2, "billing": {"email": "a@example.com"}}),
        ("line_items.id", {}),
        ("nothing", {}),
    ],
)
def test_fields_cut_a_body_down(fields: str, expected: dict[str, object]) -> None:
    """The sweep reads a handful of columns; lists are not looked into, as in WordPress."""
    shop = a_shop()
    an_order(shop, "2026-06-01T10:00:00", billing=Address(email="a@example.com"))
    assert json.loads(Asker(shop).get(f"orders?_fields={fields}").body) == [expected]


@pytest.mark.parametrize(
    ("dp", "total", "line"), [("0", "10", "10"), ("2", "9.99", "9.99"), ("6", "9.990000", "9.990000")]
)
def test_dp_is_presentation_only(dp: str, total: str, line: str) -> None:
    """Six decimals pad the total and show a line as stored."""
    shop = a_shop()
    shop.products[1].price = micros("9.99")
    an_order(shop, "2026-06-01T10:00:00")
    body = json.loads(Asker(shop).get(f"orders?dp={dp}").body)[0]
    assert (body["total"], body["line_items"][0]["total"]) == (total, line)


def test_both_copies_of_the_autumn_hour_show_the_same_local_time() -> None:
    """Local dates are ambiguous once a year: only the ``_gmt`` ones may be used."""
    shop = a_shop()
    for when in ("2025-10-26T00:30:00", "2025-10-26T01:30:00"):
        an_order(shop, when)
    found = json.loads(Asker(shop).get("orders?_fields=date_created,date_created_gmt&orderby=id&order=asc").body)
    assert {item["date_created"] for item in found} == {"2025-10-26T02:30:00"}
    assert [item["date_created_gmt"] for item in found] == ["2025-10-26T00:30:00", "2025-10-26T01:30:00"]


def test_offset_paging_skips_an_order_when_one_is_trashed_in_between() -> None:
    """The real shop's paging is no snapshot; a client has to notice that totals moved."""
    shop = a_shop()
    ids = [an_order(shop, f"2026-06-0{day}T10:00:00") for day in range(1, 5)]
    asker = Asker(shop)
    first = asker.ids("orders?per_page=2&orderby=id&order=asc")
    shop.trash_order(ids[0])
    assert first + asker.ids("orders?per_page=2&page=2&orderby=id&order=asc") == [ids[0], ids[1], ids[3]]


@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_money_is_written_exactly(amount: int, places: int) -> None:
    """What is written reads back as the rounded amount, for every amount and number of decimals."""
    assert micros(fixed(amount, places)) == round_to(amount, places)
    assert micros(plain(amount)) == amount
