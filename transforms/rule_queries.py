"""Queries about orders and about what was bought, as the people for whom they are true.

Terms. A query looks at the orders of a person that the shop still has and that were placed before `as_of`: with a
`status` term at all of them, otherwise at those that count. Terms on each order or line narrow them; terms on what
remains (`count`, `pieces`, `sum`) are asked of all of it together. Without a `count` term at least one order must
remain; with `count = 0` or `count < 3` people without any such order are meant too. An amount is compared in the order's
own currency, a `sum` takes only what is in the person's main currency, and is 0 where nothing is.

Texts compare folded, as in conditions. A comparison holds where one of the values does (a coupon of the order, the
product's name of today or that on the line); `!=` and `not in` hold where there is a value and none is equal.
Only distinct texts are folded and compared, since there are few of them; orders and lines are then kept by joins.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from transforms.orders import before
from transforms.rule_compile import day_holds, flag_name, fold, number_holds, text_holds
from transforms.rule_fields import ABSENCE, Kind
from transforms.rule_terms import TERMS
from transforms.rule_tree import BoughtQuery, OrdersQuery, Query, Rule, Term, queries, terms_of
from transforms.schemas import MONEY

# What `query_keys` reads: of customers only `customer_key` and `currency`.
QUERY_TABLES = ("customers", "orders", "order_lines", "products")

_KEY = "customer_key"
_LITERALS: Mapping[Kind, pl.DataType] = {Kind.INT: pl.Int64(), Kind.MONEY: MONEY}
_PLAIN: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, items: value in items,
    "not in": lambda value, items: value not in items,
    "between": lambda value, ends: ends[0] <= value <= ends[1],
}
_NONE_EQUAL = ("!=", "not in")
_OF_PRODUCTS = ("product", "category", "sku", "product_id")


def query_keys(query: Query, tables: Mapping[str, pl.LazyFrame], *, as_of: datetime, timezone: str) -> pl.LazyFrame:
    """Return one column `customer_key`: the people for whom `query` is true, each once, in no order.

    Collect it with the streaming engine: over millions of orders that is up to four times as quick.

    `tables` holds frames of `schemas.PUBLISHED` by name: `orders`; for `bought(…)` also `order_lines`, and `products`
    where it asks for a product; `customers` for a `sum` (main currencies) and where people without orders are meant
    (`count = 0`). `as_of` and `timezone` as in `compile_rule`. Raises ValueError where a table is missing.
    """
    rows = _orders(query, tables, as_of=as_of, timezone=timezone)
    rows = _bought(query, rows, tables) if isinstance(query, BoughtQuery) else rows.with_columns(amount="total")
    asked = [term for term in query.terms if terms_of(query)[term.name].together]
    if not any(term.name == "count" for term in asked):
        asked = [*asked, Term("count", ">=", 1)]
    if asked == [Term("count", ">=", 1)]:
        return rows.select(_KEY).unique()
    counted = _together(rows, asked, tables)
    fits = pl.all_horizontal(_compared(pl.col(f"_{term.name}"), term) for term in asked)
    if not all(_PLAIN[term.op](0, term.value) for term in asked):
        return counted.filter(fits).select(_KEY)
    return _table(tables, "customers").select(_KEY).join(counted.filter(~fits), on=_KEY, how="anti")


def with_flags(
    customers: pl.LazyFrame,
    rules: Iterable[Rule],
    tables: Mapping[str, pl.LazyFrame],
    *,
    as_of: datetime,
    timezone: str,
) -> pl.LazyFrame:
    """Return `customers` with a Boolean column for each distinct query of `rules`, named by `flag_name`, never null.

    `customers` has `customer_key` and `currency`; its rows keep their order. `tables` is that of `query_keys`, less
    `customers`. Raises ValueError where a table that a query needs is missing.
    """
    asked = dict.fromkeys(query for rule in rules for query in queries(rule))
    known = {**tables, "customers": customers}
    flagged = customers
    for query in asked:
        name = flag_name(query)
        keys = query_keys(query, known, as_of=as_of, timezone=timezone).with_columns(pl.lit(True).alias(name))  # noqa: FBT003
        flagged = flagged.join(keys, on=_KEY, how="left", maintain_order="left").with_columns(
            pl.col(name).fill_null(value=False)
        )
    return flagged


def _table(tables: Mapping[str, pl.LazyFrame], name: str) -> pl.LazyFrame:
    if name not in tables:
        raise ValueError(f"A query about orders needs the table {name}.")
    return tables[name]


def _orders(query: Query, tables: Mapping[str, pl.LazyFrame], *, as_of: datetime, timezone: str) -> pl.LazyFrame:
    """Return the orders that fit the terms on each order (of a `bought` query: on the order of a line)."""
    orders = _table(tables, "orders").filter(before(as_of) & pl.col("deleted_at").is_null())
    if not any(term.name == "status" for term in query.terms):
        orders = orders.filter("counted")
    of_lines = _OF_PRODUCTS if isinstance(query, OrdersQuery) else (*_OF_PRODUCTS, "quantity")
    table = terms_of(query)
    for term in query.terms:
        field = table[term.name]
        if field.together or term.name in of_lines:
            continue
        if field.kind == Kind.DATE:
            orders = orders.filter(_on_day(pl.col("created_at"), term, as_of=as_of, timezone=timezone))
        elif term.name == "coupon":
            orders = _with_coupon(orders, term)
        elif field.kind == Kind.TEXT:
            orders = _with_text(orders, field.columns[0], term)
        else:
            orders = orders.filter(_compared(pl.col(field.columns[0]), term))
    return orders


def _compared(value: pl.Expr, term: Term) -> pl.Expr:
    """Return whether a number or an amount fits; false where it is absent, except under `is null`."""
    if term.op in ABSENCE:
        return value.is_null() if term.op == "is null" else value.is_not_null()
    dtype = _LITERALS[TERMS[term.name].kind]
    return number_holds(value, term.op, term.value, dtype).fill_null(value=False)


def _on_day(instant: pl.Expr, term: Term, *, as_of: datetime, timezone: str) -> pl.Expr:
    if term.op in ABSENCE:
        return instant.is_null() if term.op == "is null" else instant.is_not_null()
    return day_holds(instant, term.op, term.value, as_of=as_of, timezone=timezone)


def _with_text(orders: pl.LazyFrame, column: str, term: Term) -> pl.LazyFrame:
    """Return the orders whose `column` fits: its distinct values are compared, and the orders kept by them."""
    known = pl.col(column).is_not_null() & (pl.col(column) != "")
    if term.op in ABSENCE:
        return orders.filter(~known.fill_null(value=False) if term.op == "is null" else known)
    values = orders.filter(known).select(column).unique().filter(text_holds(fold(pl.col(column)), term.op, term.value))
    return orders.join(values, on=column, how="semi")


def _with_coupon(orders: pl.LazyFrame, term: Term) -> pl.LazyFrame:
    """Return the orders with a coupon that fits: codes are read as `habits` reads them, without space around them."""
    codes = orders.filter(pl.col("coupons").list.len() > 0).select("order_id", coupon="coupons").explode("coupon")
    codes = codes.with_columns(pl.col("coupon").str.strip_chars()).filter(pl.col("coupon") != "")
    if term.op == "is null":
        return orders.join(codes, on="order_id", how="anti")
    used = orders.join(codes, on="order_id", how="semi")
    if term.op == "is not null":
        return used
    op = {"!=": "=", "not in": "in"}.get(term.op, term.op)
    found = codes.filter(text_holds(fold(pl.col("coupon")), op, term.value))
    return used.join(found, on="order_id", how="anti" if term.op in _NONE_EQUAL else "semi")


def _bought(query: BoughtQuery, orders: pl.LazyFrame, tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return those of `orders` that hold lines that fit: person, currency, and what these lines come to.

    `pieces` are their quantities, `amount` is their totals with tax.
    """
    lines = _table(tables, "order_lines")
    for term in query.terms:
        if term.name == "quantity":
            lines = lines.filter(_compared(pl.col("quantity"), term))
    asked = [term for term in query.terms if term.name in _OF_PRODUCTS]
    if asked:
        lines = _of_products(lines, asked, tables)
    paid = pl.col("total").fill_null(0) + pl.col("tax").fill_null(0)
    held = lines.group_by("order_id").agg(pieces=pl.col("quantity").sum(), amount=paid.sum())
    return orders.select("order_id", _KEY, "currency").join(held, on="order_id", how="inner")


def _of_products(lines: pl.LazyFrame, asked: list[Term], tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return the lines of products that fit `asked`: each distinct product as lines name it is looked at once."""
    names = {term.name for term in asked}
    by = ["product_id", *(["name"] if "product" in names else []), *(["sku"] if "sku" in names else [])]
    sold = lines.select(by).unique()
    if names != {"product_id"}:
        today = _table(tables, "products").select("product_id", "categories", _name_today="name", _sku_today="sku")
        sold = sold.join(today, on="product_id", how="left")
    columns = {"product": ["name", "_name_today"], "sku": ["sku", "_sku_today"]}
    for term in asked:
        if term.name == "product_id":
            sold = sold.filter(_compared(pl.col("product_id"), term))
        else:
            values = pl.col("categories") if term.name == "category" else pl.concat_list(columns[term.name])
            sold = sold.filter(_any_text(values, term))
    return lines.join(sold.select(by), on=by, how="semi", nulls_equal=True)


def _any_text(values: pl.Expr, term: Term) -> pl.Expr:
    """Return whether a list of texts fits; texts that are null or empty are none."""
    element = pl.element()
    some = values.list.eval(element.is_not_null() & (element != "")).list.any().fill_null(value=False)
    if term.op in ABSENCE:
        return ~some if term.op == "is null" else some
    op = {"!=": "=", "not in": "in"}.get(term.op, term.op)
    known = element.is_not_null() & (element != "")
    holds = values.list.eval(known & text_holds(fold(element), op, term.value)).list.any().fill_null(value=False)
    return some & ~holds if term.op in _NONE_EQUAL else holds


def _together(rows: pl.LazyFrame, asked: list[Term], tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return a row for each person with orders in `rows`: `customer_key`, and by name (`_count`) what is asked."""
    names = sorted({term.name for term in asked})
    sums = {"count": pl.len(), "pieces": pl.col("pieces").sum(), "sum": pl.col("amount").sum()}
    if "sum" not in names:
        return rows.group_by(_KEY).agg(sums[name].alias(f"_{name}") for name in names)
    # By currency first: there are fewer people than orders to find the main currency of.
    main = _table(tables, "customers").select(_KEY, _main="currency")
    by_currency = rows.group_by(_KEY, "currency").agg(sums[name].alias(f"_{name}") for name in names)
    of_main = pl.col("_sum").filter(pl.col("currency") == pl.col("_main"))
    return (
        by_currency.join(main, on=_KEY, how="left")
        .group_by(_KEY)
        .agg(of_main.sum() if name == "sum" else pl.col(f"_{name}").sum() for name in names)
    )
