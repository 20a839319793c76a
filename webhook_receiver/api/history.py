"""What a customer ordered, and what was refunded, in pages."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from fastapi import APIRouter

from webhook_receiver.api.asked import CustomerKey, HouseGiven, PageAsked, limit_of, paged
from webhook_receiver.api.order_models import OrderPage, RefundPage
from webhook_receiver.api.people import exists
from webhook_receiver.api.problems import READING, documented

router = APIRouter(prefix="/api/customers", tags=["customers"])
ORDER = (
    *("number", "status", "counted", "currency", "total", "refunded", "net", "discount", "shipping", "shipping_tax"),
    *("tax", "payment_method", "items"),
)
REFUND = ("order_id", "amount", "currency", "counted", "reason")


@router.get("/{key}/orders", response_model=OrderPage, responses=documented(*READING))
def orders(house: HouseGiven, asked: PageAsked, key: CustomerKey) -> dict[str, Any]:
    """Return a page of everything the customer ordered, the newest first, each with its lines."""
    shop = house.shop(asked.shop)
    directory = house.directory(shop)
    found = directory.orders_of(exists(house, shop, key))
    pagination, shown = paged(asked, limit_of(house.settings, asked), found.height)
    page = found[shown].to_dicts()
    lines = _by_order(directory.lines_of([order["order_id"] for order in page]) if page else pl.DataFrame())
    return {"orders": [_order(order, lines.get(order["order_id"], [])) for order in page], "pagination": pagination}


@router.get("/{key}/refunds", response_model=RefundPage, responses=documented(*READING))
def refunds(house: HouseGiven, asked: PageAsked, key: CustomerKey) -> dict[str, Any]:
    """Return a page of the customer's refunds, the newest first."""
    shop = house.shop(asked.shop)
    found = house.directory(shop).refunds_of(exists(house, shop, key))
    pagination, shown = paged(asked, limit_of(house.settings, asked), found.height)
    rows = [
        {"id": row["refund_id"], "created": row["created_at"], **{name: row[name] for name in REFUND}}
        for row in found[shown].iter_rows(named=True)
    ]
    return {"refunds": rows, "pagination": pagination}


def _by_order(lines: pl.DataFrame) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for line in lines.iter_rows(named=True):
        found.setdefault(line["order_id"], []).append(line)
    return found


def _order(row: Mapping[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": row["order_id"],
        **{name: row[name] for name in ORDER},
        "coupons": row["coupons"] or [],
        "created": row["created_at"],
        "paid": row["paid_at"],
        "completed": row["completed_at"],
        "modified": row["modified_at"],
        "deleted_in_shop": row["deleted_at"],
        "lines": lines,
    }
