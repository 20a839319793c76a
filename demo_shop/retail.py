"""A real retailer's order lines, read from a Parquet file, as a shop in UTC with three price decimals.

The file is Online Retail II (Chen 2012): one row an invoice line, with columns ``row_no``, ``sheet``, ``invoice``,
``stock_code``, ``description``, ``quantity``, ``invoice_date`` (naive), ``price``, ``customer_id``, ``country``.

* An order is an invoice that begins with neither C nor A and whose total is above zero, dated at its earliest line.
* An invoice that begins with C is a refund of its absolute total, dated at its earliest line, on the customer's latest
  order at or before that moment, else on their first one; it may exceed that order's total.
* An order without a customer is a guest of that invoice alone, without an e-mail.
* The days that stand in both sheets count once: the earlier sheet's rows from the later sheet's first moment on are
  dropped. Other exact repeats are real.
* Names and e-mails are invented from the customer's id, which is also the account's id.

What is left out is counted in ``shop.left_out``. Nothing is ever summed in floating point.
"""

import gc
import random
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from demo_shop.changes import Shop
from demo_shop.model import Address, ApiKey, Customer, Line, Order, Product, Profile, Refund
from demo_shop.people import invent
from demo_shop.store import DEMO_KEY

PROFILE = Profile(
    name="Online Retail II", time_zone="UTC", decimals=3, currency="GBP", prices_include_tax=False, rates=()
)

COUNTRIES = {
    "United Kingdom": "GB", "EIRE": "IE", "Germany": "DE", "France": "FR", "Netherlands": "NL", "Spain": "ES",
    "Switzerland": "CH", "Belgium": "BE", "Portugal": "PT", "Australia": "AU", "Channel Islands": "JE",
    "Italy": "IT", "Norway": "NO", "Sweden": "SE", "Cyprus": "CY", "Finland": "FI", "Austria": "AT",
    "Denmark": "DK", "Greece": "GR", "Japan": "JP", "USA": "US", "Poland": "PL", "United Arab Emirates": "AE",
    "Israel": "IL", "Hong Kong": "HK", "Singapore": "SG", "Malta": "MT", "Iceland": "IS", "Canada": "CA",
    "Lithuania": "LT", "RSA": "ZA", "Bahrain": "BH", "Brazil": "BR", "Thailand": "TH", "Korea": "KR",
    "Lebanon": "LB", "Bermuda": "BM", "Nigeria": "NG", "Czech Republic": "CZ", "Saudi Arabia": "SA",
}  # fmt: skip
"""The file's country names as codes; regions that are no country ("Unspecified", "West Indies") become empty."""

SPREAD = 1_000_000
"""Order, refund and product ids share one sequence; products stand above this number, out of the orders' way."""


class Invoice(NamedTuple):
    """One invoice: where its lines stand in the sorted rows, and its total in thousandths."""

    number: str
    moment: int
    customer_id: int | None
    country: str
    total: int
    start: int
    stop: int


def load_retail(
    path: Path,
    *,
    keys: tuple[ApiKey, ...] = (DEMO_KEY,),
    clock: Callable[[], float] = time.time,
) -> Shop:
    """Open the shop of a retailer's file. Raises ``OSError`` when it cannot be read, ``ValueError`` for other columns.

    Counts in ``shop.left_out`` what the file holds and the shop does not.
    """
    shop = Shop(PROFILE, keys, clock)
    rows, overlap = _rows(path)
    shop.left_out["lines of the sheets' overlap, counted once"] = overlap
    # A million small tuples that all stay: collecting garbage in between would double the time.
    gc.disable()
    try:
        products = _products(shop, rows)
        lines = _lines(rows, products)
        _open(shop, _invoices(rows), lines)
    finally:
        gc.enable()
    gc.freeze()
    return shop


def _rows(path: Path) -> tuple[pl.DataFrame, int]:
    """Read the lines, without one copy of the overlap, by invoice; price becomes whole thousandths."""
    wanted = ["row_no", "sheet", "invoice", "stock_code", "description", "quantity", "invoice_date", "price"]
    try:
        rows = pl.read_parquet(path, columns=[*wanted, "customer_id", "country"])
    except pl.exceptions.PolarsError as problem:  # no Parquet file, or one with other columns
        raise ValueError(f"{path} is not an Online Retail II file: {problem}") from problem
    starts = rows.group_by("sheet").agg(pl.col("invoice_date").min()).sort("invoice_date")
    later = starts.row(-1)
    kept = rows.filter((pl.col("sheet") == later[0]) | (pl.col("invoice_date") < later[1]))
    kept = kept.with_columns(
        (pl.col("price") * 1000).round().cast(pl.Int64).alias("price"),
        pl.col("invoice_date").dt.epoch("s").alias("moment"),
    ).with_columns((pl.col("price") * pl.col("quantity")).alias("amount"))
    moment = pl.col("moment").min().over("invoice")
    ordered = kept.with_columns(moment.alias("first")).sort("first", "invoice", "sheet", "row_no")
    return ordered, rows.height - kept.height


def _products(shop: Shop, rows: pl.DataFrame) -> dict[str, int]:
    """Make a product of every stock code, named by its first description; return ids by stock code."""
    first = pl.col("description").drop_nulls().first()
    found = rows.group_by("stock_code", maintain_order=True).agg(
        first.alias("name"), pl.col("price").max(), pl.col("first").min(), pl.len()
    )
    ids: dict[str, int] = {}
    for number, (code, name, price, moment, count) in enumerate(found.iter_rows(), start=SPREAD):
        title = (name or code).strip()
        shop.products[number] = Product(number, title, code, price * 1000, moment, total_sales=count)
        ids[code] = number
    return ids


def _lines(rows: pl.DataFrame, products: dict[str, int]) -> list[Line]:
    """Make every row an order line at its price times its quantity; equal amounts share one object."""
    codes, quantities, amounts = (rows[name].to_list() for name in ("stock_code", "quantity", "amount"))
    micros = [amount * 1000 for amount in amounts]
    return [
        Line(products[code], 0, quantity, amount, amount)
        for code, quantity, amount in zip(codes, quantities, micros, strict=True)
    ]


def _invoices(rows: pl.DataFrame) -> list[Invoice]:
    """Gather the invoices by their earliest moment; rows are sorted, so an invoice is one run of them."""
    found = (
        rows.with_row_index("place")
        .group_by("first", "invoice", maintain_order=True)
        .agg(
            pl.col("customer_id").first(),
            pl.col("country").first(),
            pl.col("amount").sum(),
            pl.col("place").first(),
            pl.len(),
        )
    )
    return [
        Invoice(number, moment, customer_id, country, total, start, start + count)
        for moment, number, customer_id, country, total, start, count in found.iter_rows()
    ]


def _open(shop: Shop, invoices: list[Invoice], lines: list[Line]) -> None:
    orders = [i for i in invoices if i.number[0] not in "CA" and i.total > 0]
    refunds = [i for i in invoices if i.number[0] == "C"]
    shop.left_out["invoices with a total of zero or below"] = sum(
        i.number[0] not in "CA" and i.total <= 0 for i in invoices
    )
    shop.left_out["bad-debt adjustments (invoices A…)"] = sum(i.number[0] == "A" for i in invoices)
    _accounts(shop, invoices)
    placed: dict[int, list[tuple[int, int]]] = {}
    taken: list[tuple[int, Invoice]] = []
    buyers = {invoice.customer_id for invoice in orders}
    kept = [invoice for invoice in refunds if invoice.customer_id is not None and invoice.customer_id in buyers]
    unknown = sum(invoice.customer_id is None for invoice in refunds)
    shop.left_out["refunds without a customer (invoices C…)"] = unknown
    shop.left_out["refunds of customers without any order"] = len(refunds) - len(kept) - unknown
    for place, invoice in enumerate(sorted(orders + kept, key=lambda i: (i.moment, i.number)), start=1):
        if invoice.number[0] == "C":
            taken.append((place, invoice))
            continue
        _order(shop, place, invoice, tuple(lines[invoice.start : invoice.stop]))
        if invoice.customer_id is not None:
            placed.setdefault(invoice.customer_id, []).append((invoice.moment, place))
    for place, invoice in taken:
        own = placed[invoice.customer_id or 0]
        before = bisect_right(own, (invoice.moment, SPREAD))
        order = shop.orders[own[max(0, before - 1)][1]]
        shop.keep_refund(
            Refund(place, order.id, invoice.moment, abs(invoice.total) * 1000, f"Invoice {invoice.number}")
        )
        order.modified = max(order.modified, invoice.moment)
    shop.start_ids("post", SPREAD + len(shop.products))


def _accounts(shop: Shop, invoices: list[Invoice]) -> None:
    """Make an account of every customer id, those without an order too; registered at their earliest invoice."""
    countries: dict[int, str] = {}
    since: dict[int, int] = {}
    paying: set[int] = set()
    for invoice in invoices:
        if invoice.customer_id is None:
            continue
        countries[invoice.customer_id] = invoice.country
        since.setdefault(invoice.customer_id, invoice.moment)
        if invoice.number[0] not in "CA" and invoice.total > 0:
            paying.add(invoice.customer_id)
    for number in sorted(since):
        person = invent(random.Random(number), number, COUNTRIES.get(countries[number], ""))
        address = person.address
        shop.keep_customer(
            Customer(
                number, person.email, person.username, address.first_name, address.last_name, "customer",
                since[number], since[number], address, Address(), is_paying=number in paying,
            )
        )  # fmt: skip


def _order(shop: Shop, order_id: int, invoice: Invoice, lines: tuple[Line, ...]) -> None:
    country = COUNTRIES.get(invoice.country, "")
    account = shop.customers.get(invoice.customer_id or 0)
    billing = account.billing if account else Address(country=country)
    if billing.country != country:
        billing = billing._replace(country=country)
    shop.keep_order(
        Order(
            id=order_id, status="completed", currency=PROFILE.currency, created=invoice.moment,
            modified=invoice.moment, customer_id=account.id if account else 0, billing=billing,
            shipping=billing, lines=lines, first_item=0, paid=invoice.moment, completed=invoice.moment,
            payment="bacs", created_via="import",
            meta=((order_id, "_invoice", invoice.number),),
        )
    )  # fmt: skip
