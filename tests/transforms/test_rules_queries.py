"""What `orders(…)` and `bought(…)` look at: which orders, whose names, people without any, and what is missing."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from tests.transforms.rule_cases import AS_OF, BERLIN, a_person, people
from transforms.rules import MAX_LEAVES, compile_rule, flag_name, parse, queries, query_keys, with_flags
from transforms.schemas import ORDER_LINES, ORDERS, PRODUCTS

ANA, BEN, CY = "woo:1", "guest:2", "guest:3"


def an_order(order_id, key=ANA, **values):
    """Return a counted order of 50 EUR that was placed ten days before as-of."""
    usual = {
        "status": "completed",
        "counted": True,
        "total": Decimal(50),
        "net": Decimal(50),
        "currency": "EUR",
        "coupons": [],
        "created_at": AS_OF - timedelta(days=10),
    }
    return dict.fromkeys(ORDERS) | {"order_id": order_id, "customer_key": key} | usual | values


def a_line(order_id, name="Mug", **values):
    """Return a line of one mug for 12 with tax."""
    usual = {"line_id": 1, "quantity": 1, "total": Decimal(10), "tax": Decimal(2), "product_id": 7}
    return dict.fromkeys(ORDER_LINES) | {"order_id": order_id, "name": name} | usual | values


def a_product(product_id=7, **values):
    """Return a product."""
    return dict.fromkeys(PRODUCTS) | {"product_id": product_id, "name": "Mug", "categories": []} | values


def who(text, orders, lines=(), products=()):
    """Return who of Ana, Ben and Cy the rule means, sorted."""
    rule = parse(text)
    tables = {
        "orders": pl.LazyFrame(list(orders), schema=dict(ORDERS)),
        "order_lines": pl.LazyFrame(list(lines), schema=dict(ORDER_LINES)),
        "products": pl.LazyFrame(list(products), schema=dict(PRODUCTS)),
    }
    everybody = people(*(a_person(customer_key=key, currency="EUR") for key in (ANA, BEN, CY)))
    flagged = with_flags(everybody, [rule], tables, as_of=AS_OF, timezone=BERLIN)
    meant = flagged.filter(compile_rule(rule, as_of=AS_OF, timezone=BERLIN))
    return sorted(meant.select("customer_key").collect()["customer_key"].to_list(), key=[ANA, BEN, CY].index)


def test_all_terms_must_fit_the_same_order():
    """One large old order and one small new one are not a large new one."""
    orders = [
        an_order(1, total=Decimal(200), created_at=AS_OF - timedelta(days=100)),
        an_order(2, total=Decimal(5)),
        an_order(3, BEN, total=Decimal(200)),
    ]
    assert who("orders(total >= 100, within 30 days)", orders) == [BEN]


def test_only_what_counts_is_looked_at_unless_a_status_is_named():
    """A cancelled order is no purchase; who asks for cancelled orders finds them."""
    orders = [an_order(1), an_order(2, BEN, status="cancelled", counted=False)]
    assert who("orders(count >= 1)", orders) == [ANA]
    assert who('orders(status = "Cancelled")', orders) == [BEN]


def test_orders_that_are_gone_or_lie_ahead_are_never_looked_at():
    """As-of is exclusive, and what the shop deleted did not happen."""
    orders = [an_order(1, deleted_at=AS_OF), an_order(2, BEN, created_at=AS_OF)]
    assert who('orders(status = "completed")', orders) == []
    assert who("orders(count >= 1)", orders) == []


def test_nobody_without_orders_is_left_out_where_none_are_asked_for():
    """Win-back lists ask for people who did not order lately, also for those who never did."""
    orders = [an_order(1), an_order(2, BEN, created_at=AS_OF - timedelta(days=90))]
    assert who("orders(count = 0, within 30 days)", orders) == [BEN, CY]
    assert who("orders(count < 2)", orders) == [ANA, BEN, CY]
    assert who("not orders(within 30 days)", orders) == [BEN, CY]
    assert who("orders(count between 0 and 1, sum <= 50)", orders) == [ANA, BEN, CY]


def test_a_sum_holds_only_for_people_with_such_orders():
    """Somebody without an order has not "spent less than 100 in spring"."""
    orders = [an_order(1, total=Decimal(60)), an_order(2, total=Decimal(60)), an_order(3, BEN)]
    assert who("orders(sum < 100)", orders) == [BEN]
    assert who("orders(sum >= 100)", orders) == [ANA]


def test_a_sum_never_adds_currencies():
    """Fifty euros and fifty dollars are not a hundred of anything."""
    orders = [an_order(1), an_order(2, currency="USD"), an_order(3, BEN), an_order(4, BEN)]
    assert who("orders(sum >= 100)", orders) == [BEN]
    assert who("orders(count >= 2)", orders) == [ANA, BEN]


def test_a_coupon_is_any_of_the_orders_coupons():
    """An order may use several; "not X" means none of them is X, and there is one."""
    orders = [
        an_order(1, coupons=["SPRING", "VIP"]),
        an_order(2, BEN, coupons=["summer"]),
        an_order(3, CY, coupons=None),
    ]
    assert who('orders(coupon = "vip")', orders) == [ANA]
    assert who('orders(coupon != "vip")', orders) == [BEN]
    assert who('orders(coupon not in ("summer", "x"))', orders) == [ANA]
    assert who("orders(coupon is null)", orders) == [CY]


def test_a_coupon_is_read_without_space_around_it():
    """The habit `coupons` names the code so, and whoever copies it from there must find its buyers."""
    orders = [an_order(1, coupons=[" Spring "]), an_order(2, BEN, coupons=["  "])]
    assert who('orders(coupon = "spring")', orders) == [ANA]
    assert who('orders(coupon != "other")', orders) == [ANA]
    assert who("orders(coupon is null)", orders) == [BEN]
    assert who("orders(coupon is not null)", orders) == [ANA]


def test_a_product_goes_by_its_name_of_then_and_of_today():
    """Products are renamed and deleted; who bought the mug did buy it."""
    orders = [an_order(1), an_order(2, BEN), an_order(3, CY)]
    lines = [a_line(1, "Old mug"), a_line(2, "Old mug", product_id=99), a_line(3, "Plate", product_id=None)]
    products = [a_product(name="New mug")]
    assert who('bought(product = "new MUG")', orders, lines, products) == [ANA]
    assert who('bought(product = "old mug")', orders, lines, products) == [ANA, BEN]
    assert who('bought(product != "new mug")', orders, lines, products) == [BEN, CY]
    assert who('bought(product = "plate")', orders, lines, products) == [CY]


def test_stock_numbers_and_categories_are_found():
    """What is sold is sorted by the shop; the line holds the number of then."""
    orders = [an_order(1), an_order(2, BEN), an_order(3, CY)]
    lines = [a_line(1, sku="M-1"), a_line(2, product_id=8, sku=""), a_line(3, product_id=9)]
    products = [a_product(categories=["Küche", "Geschenke"]), a_product(8, sku="M-1", categories=None), a_product(9)]
    assert who('bought(sku = "m-1")', orders, lines, products) == [ANA, BEN]
    assert who('bought(category = "KÜCHE")', orders, lines, products) == [ANA]
    assert who('bought(category != "x")', orders, lines, products) == [ANA]
    assert who("bought(category is null)", orders, lines, products) == [BEN, CY]
    assert who("bought(product_id in (7, 9))", orders, lines, products) == [ANA, CY]


def test_orders_lines_and_pieces_are_counted_apart():
    """Two lines of one order are one order; a line of three pieces is three."""
    orders = [an_order(1), an_order(2, BEN), an_order(3, BEN)]
    lines = [a_line(1, quantity=2), a_line(1, line_id=2, quantity=3), a_line(2), a_line(3)]
    assert who("bought(product_id = 7, count >= 2)", orders, lines) == [BEN]
    assert who("bought(product_id = 7, pieces >= 5)", orders, lines) == [ANA]
    assert who("bought(product_id = 7, quantity >= 2)", orders, lines) == [ANA]
    assert who("bought(product_id = 7, sum >= 24)", orders, lines) == [ANA, BEN]
    assert who("bought(product_id = 7, count = 0)", orders, lines) == [CY]


def test_what_was_bought_is_dated_by_its_order():
    """A line has no date of its own."""
    orders = [an_order(1), an_order(2, BEN, created_at=AS_OF - timedelta(days=60))]
    lines = [a_line(1), a_line(2)]
    assert who("bought(product_id = 7, within 30 days)", orders, lines) == [ANA]
    assert who("bought(product_id = 7, day < 2026-10-01)", orders, lines) == [BEN]


def test_the_same_query_is_one_column():
    """A rule that asks twice is answered once; two rules share what they have in common."""
    rule = parse("orders(total >= 50) and r = 5 or orders(total >= 50.00) and f = 5")
    assert len(queries(rule)) == 1
    asked = queries(parse("orders(total >= 50) or orders(total >= 51)"))
    assert len({flag_name(query) for query in asked}) == 2


def test_a_table_that_is_missing_is_named():
    """A reader that forgot a table must learn which, and must not answer "nobody"."""
    (query,) = queries(parse('bought(product = "Mug")'))
    orders = {"orders": pl.LazyFrame(schema=dict(ORDERS))}
    with pytest.raises(ValueError, match="order_lines"):
        query_keys(query, orders, as_of=AS_OF, timezone=BERLIN)
    with pytest.raises(ValueError, match="customers"):
        query_keys(queries(parse("orders(count = 0)"))[0], orders, as_of=AS_OF, timezone=BERLIN)


def test_people_keep_their_order_and_their_rows():
    """Flags are laid over a table that others hold positions of."""
    everybody = people(*(a_person(customer_key=f"woo:{number}", currency="EUR") for number in range(500, 0, -1)))
    orders = pl.LazyFrame([an_order(n, f"woo:{n}") for n in range(1, 400)], schema=dict(ORDERS))
    rules = [parse("orders(count = 1)"), parse("orders(count = 0)")]
    flagged = with_flags(everybody, rules, {"orders": orders}, as_of=AS_OF, timezone=BERLIN)
    table = flagged.collect(engine="streaming")
    assert table["customer_key"].to_list() == [f"woo:{number}" for number in range(500, 0, -1)]
    first, second = (table[flag_name(queries(rule)[0])] for rule in rules)
    assert first.sum() == 399
    assert (first != second).all()


def test_the_largest_rule_of_queries_plans_and_runs_soon():
    """256 different queries are allowed, so they must be a matter of moments."""
    text = " or ".join(f"orders(total >= {number})" for number in range(MAX_LEAVES))
    begun = time.perf_counter()
    assert who(text, [an_order(1), an_order(2, BEN, total=Decimal(-1))]) == [ANA]
    assert time.perf_counter() - begun < 10


def test_a_shop_day_begins_at_the_shops_midnight():
    """An order at half past eleven in the evening UTC is tomorrow's in Berlin."""
    late = datetime(2026, 10, 9, 23, 30, tzinfo=UTC)
    assert who("orders(day = 2026-10-10)", [an_order(1, created_at=late)]) == [ANA]
    assert who("orders(day between 2026-10-10 and 2026-10-10)", [an_order(1, created_at=late)]) == [ANA]
