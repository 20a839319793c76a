"""The columns of every table that a run derives and a publish shows; raw and staged ones are in `staged_schemas`.

Terms: times are `Datetime("us", "UTC")`; days (`order_day`, `refund_day`) are days since 1970-01-01 in the shop's time
zone, as Int32; money is `Decimal(18, 6)`, in units of the row's currency, never
float. Each transform ends with `conform`, since engines widen types on the way (a count is UInt32, a sum widens).
"""

from collections.abc import Mapping

import polars as pl

TIME = pl.Datetime("us", "UTC")
DAY = pl.Int32()
MONEY = pl.Decimal(18, 6)

BILLING = pl.Struct(
    {
        name: pl.String()
        for name in (
            "first_name",
            "last_name",
            "company",
            "address_1",
            "address_2",
            "city",
            "state",
            "postcode",
            "country",
            "email",
            "phone",
        )
    }
)
SHIPPING = pl.Struct([field for field in BILLING.fields if field.name != "email"])

CUSTOMERS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "customer_key": pl.String(),
    "woocommerce_id": pl.Int64(),
    "email": pl.String(),
    "first_name": pl.String(),
    "last_name": pl.String(),
    "company": pl.String(),
    "phone": pl.String(),
    "username": pl.String(),
    "role": pl.String(),
    "is_paying_customer": pl.Boolean(),
    "avatar_url": pl.String(),
    "billing": BILLING,
    "shipping": SHIPPING,
    "country": pl.String(),
    "city": pl.String(),
    "created_at": TIME,
    "modified_at": TIME,
    "deleted_at": TIME,
    "currency": pl.String(),
    "orders_count": pl.Int64(),
    "gross": MONEY,
    "refunded": MONEY,
    "net": MONEY,
    "average_order": MONEY,
    "first_order_at": TIME,
    "last_order_at": TIME,
    "recency_days": pl.Int32(),
    "median_days_between": pl.Float64(),
    "days_to_second": pl.Int32(),
    "active_months": pl.Int64(),
    "products_count": pl.Int64(),
    "categories": pl.List(pl.String()),
    "coupons": pl.List(pl.String()),
    "refund_rate": MONEY,
    "r": pl.Int8(),
    "f": pl.Int8(),
    "m": pl.Int8(),
    "rfm_group": pl.String(),
    "segments": pl.List(pl.String()),
    "as_of": TIME,
}
CUSTOMER_CURRENCIES: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "customer_key": pl.String(),
    "currency": pl.String(),
    "orders_count": pl.Int64(),
    "gross": MONEY,
    "refunded": MONEY,
    "net": MONEY,
    "average_order": MONEY,
    "first_order_at": TIME,
    "last_order_at": TIME,
}
ORDERS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "order_id": pl.Int64(),
    "number": pl.String(),
    "customer_key": pl.String(),
    "identity": pl.String(),
    "status": pl.String(),
    "counted": pl.Boolean(),
    "total": MONEY,
    "refunded": MONEY,
    "net": MONEY,
    "discount": MONEY,
    "shipping": MONEY,
    "shipping_tax": MONEY,
    "tax": MONEY,
    "currency": pl.String(),
    "payment_method": pl.String(),
    "coupons": pl.List(pl.String()),
    "items": pl.Int64(),
    "created_at": TIME,
    "paid_at": TIME,
    "completed_at": TIME,
    "modified_at": TIME,
    "deleted_at": TIME,
    "order_day": DAY,
}
ORDER_LINES: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
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
REFUNDS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "refund_id": pl.Int64(),
    "order_id": pl.Int64(),
    "customer_key": pl.String(),
    "amount": MONEY,
    "currency": pl.String(),
    "counted": pl.Boolean(),
    "reason": pl.String(),
    "created_at": TIME,
    "refund_day": DAY,
}
PRODUCTS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "product_id": pl.Int64(),
    "name": pl.String(),
    "sku": pl.String(),
    "type": pl.String(),
    "status": pl.String(),
    "price": MONEY,
    "categories": pl.List(pl.String()),
    "created_at": TIME,
    "modified_at": TIME,
    "deleted_at": TIME,
}
SEGMENTS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "segment_id": pl.String(),
    "name": pl.String(),
    "rule": pl.String(),
    "people": pl.Int64(),
}
SEGMENT_MEMBERS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "segment_id": pl.String(),
    "customer_key": pl.String(),
}
# score: 'r', 'f' or 'm'; currency is set for 'm' only (money is never compared across currencies).
# The four cuts are the 20, 40, 60 and 80 % quantiles.
RFM_CUTS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "as_of": TIME,
    "score": pl.String(),
    "currency": pl.String(),
    "people": pl.Int64(),
    "cut_20": pl.Float64(),
    "cut_40": pl.Float64(),
    "cut_60": pl.Float64(),
    "cut_80": pl.Float64(),
}
# What a person is made of, one row an identity: an account (`woo:<id>`), a guest's e-mail (`guest:<hash>`) or an order
# without one (`guest-order:<id>`). `link` says why it belongs to `customer_key`, one of `transforms.identity.LINKS`.
# `email` is the address as compared, `orders` counts orders of every status, dates are of those.
IDENTITIES: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "identity": pl.String(),
    "customer_key": pl.String(),
    "link": pl.String(),
    "email": pl.String(),
    "orders": pl.Int64(),
    "first_order_at": TIME,
    "last_order_at": TIME,
}
# An address that strangers share, and was therefore not merged. `reason`: 'accounts' (several log in with it) or 'names'
# (orders under it bear several names). `customer_keys`: today's people who use it, sorted. `orders` under the address.
IDENTITY_REVIEWS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "email": pl.String(),
    "reason": pl.String(),
    "customer_keys": pl.List(pl.String()),
    "orders": pl.Int64(),
    "last_order_at": TIME,
}
# The tags that rules saw when the version was derived; people without tags have no row.
PERSON_TAGS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "customer_key": pl.String(),
    "tags": pl.List(pl.String()),
}

# Observed history: what was seen when a version was published. It grows by each publish and cannot be computed again.
# kind: 'first' (already in it when the segment was first looked at), 'joined' or 'left'. at: the publish; as_of: of the
# figures. because: the conditions that flipped, as rule text, or a sentence in brackets ("(the rule was changed)").
SEGMENT_EVENTS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "segment_id": pl.String(),
    "customer_key": pl.String(),
    "kind": pl.String(),
    "at": TIME,
    "as_of": TIME,
    "run_id": pl.String(),
    "because": pl.String(),
}
# One row a segment and publish at which its rule or its people changed, and the first. people: null while the rule
# cannot be read; 0 with everybody in `left` where the segment was deleted.
SEGMENT_COUNTS: Mapping[str, pl.DataType] = {
    "shop": pl.String(),
    "segment_id": pl.String(),
    "at": TIME,
    "as_of": TIME,
    "run_id": pl.String(),
    "rule": pl.String(),
    "people": pl.Int64(),
    "joined": pl.Int64(),
    "left": pl.Int64(),
}
# The cuts of each run that had other cuts, or another day, than the run before.
RFM_CUTS_HISTORY: Mapping[str, pl.DataType] = {**RFM_CUTS, "at": TIME, "run_id": pl.String()}

# What a run derives, and what a publish adds by looking at the version before.
MARTS: Mapping[str, Mapping[str, pl.DataType]] = {
    "customers": CUSTOMERS,
    "customer_currencies": CUSTOMER_CURRENCIES,
    "orders": ORDERS,
    "order_lines": ORDER_LINES,
    "refunds": REFUNDS,
    "products": PRODUCTS,
    "segments": SEGMENTS,
    "segment_members": SEGMENT_MEMBERS,
    "rfm_cuts": RFM_CUTS,
    "identities": IDENTITIES,
    "identity_reviews": IDENTITY_REVIEWS,
    "person_tags": PERSON_TAGS,
}
OBSERVED: Mapping[str, Mapping[str, pl.DataType]] = {
    "segment_events": SEGMENT_EVENTS,
    "segment_counts": SEGMENT_COUNTS,
    "rfm_cuts_history": RFM_CUTS_HISTORY,
}
PUBLISHED: Mapping[str, Mapping[str, pl.DataType]] = {**MARTS, **OBSERVED}


def conform(frame: pl.LazyFrame, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Return exactly the columns of `schema`, in its order and types. Raises on a missing column or a lossy cast."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def empty(schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Return a frame of `schema` without rows."""
    return pl.LazyFrame(schema=dict(schema))
