"""The columns of what the shop sent: raw bodies as dlt loads them, and the tables that staging reads out of them.

Terms as in `transforms.schemas`.
"""

from collections.abc import Mapping

import polars as pl

from transforms.schemas import BILLING, DAY, MONEY, SHIPPING, TIME

# What dlt loads: the shop's body as it came, beside what is needed to find and to order it.
# observed_at: for a pull, the instant before the request was sent; for a webhook, when it was received.
# observed_by: 'pull', 'fetch' (by id) or 'webhook'. parent_id: refunds only (the order). status: orders only.
RAW: Mapping[str, pl.DataType] = {
    "id": pl.Int64(),
    "parent_id": pl.Int64(),
    "status": pl.String(),
    "date_created_gmt": TIME,
    "date_modified_gmt": TIME,
    "observed_at": TIME,
    "observed_by": pl.String(),
    "body": pl.String(),
}
# object: 'order', 'customer', 'refund' or 'product'; a row says that the shop answered "gone" at observed_at.
RAW_DELETIONS: Mapping[str, pl.DataType] = {
    "key": pl.String(),
    "object": pl.String(),
    "id": pl.Int64(),
    "observed_at": TIME,
}
RAW_TABLES = ("orders", "customers", "refunds", "products")

STAGED_ORDERS: Mapping[str, pl.DataType] = {
    "order_id": pl.Int64(),
    "number": pl.String(),
    "status": pl.String(),
    "currency": pl.String(),
    "woocommerce_id": pl.Int64(),
    "email": pl.String(),
    "billing": BILLING,
    "shipping_address": SHIPPING,
    "total": MONEY,
    "discount": MONEY,
    "shipping": MONEY,
    "shipping_tax": MONEY,
    "tax": MONEY,
    "payment_method": pl.String(),
    "coupons": pl.List(pl.String()),
    "refund_ids": pl.List(pl.Int64()),
    "items": pl.Int64(),
    "created_at": TIME,
    "paid_at": TIME,
    "completed_at": TIME,
    "modified_at": TIME,
    "order_day": DAY,
    "observed_at": TIME,
}
STAGED_ORDER_LINES: Mapping[str, pl.DataType] = {
    "order_id": pl.Int64(),
    "line_id": pl.Int64(),
    "product_id": pl.Int64(),
    "variation_id": pl.Int64(),
    "sku": pl.String(),
    "name": pl.String(),
    "quantity": pl.Int64(),
    "subtotal": MONEY,
    "total": MONEY,
    "tax": MONEY,
}
STAGED_REFUNDS: Mapping[str, pl.DataType] = {
    "refund_id": pl.Int64(),
    "order_id": pl.Int64(),
    "amount": MONEY,
    "reason": pl.String(),
    "created_at": TIME,
    "refund_day": DAY,
    "observed_at": TIME,
}
STAGED_CUSTOMERS: Mapping[str, pl.DataType] = {
    "woocommerce_id": pl.Int64(),
    "email": pl.String(),
    "first_name": pl.String(),
    "last_name": pl.String(),
    "username": pl.String(),
    "role": pl.String(),
    "is_paying_customer": pl.Boolean(),
    "avatar_url": pl.String(),
    "billing": BILLING,
    "shipping": SHIPPING,
    "created_at": TIME,
    "modified_at": TIME,
    "observed_at": TIME,
}
STAGED_PRODUCTS: Mapping[str, pl.DataType] = {
    "product_id": pl.Int64(),
    "name": pl.String(),
    "sku": pl.String(),
    "type": pl.String(),
    "status": pl.String(),
    "price": MONEY,
    "categories": pl.List(pl.String()),
    "created_at": TIME,
    "modified_at": TIME,
    "observed_at": TIME,
}
STAGED: Mapping[str, Mapping[str, pl.DataType]] = {
    "orders": STAGED_ORDERS,
    "order_lines": STAGED_ORDER_LINES,
    "refunds": STAGED_REFUNDS,
    "customers": STAGED_CUSTOMERS,
    "products": STAGED_PRODUCTS,
}
# The column by which a staged table is replaced when its raw row changed.
STAGED_KEYS: Mapping[str, str] = {
    "orders": "order_id",
    "order_lines": "order_id",
    "refunds": "refund_id",
    "customers": "woocommerce_id",
    "products": "product_id",
}
