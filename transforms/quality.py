"""The invariants that every published version holds: cheap, exact, and blocking.

Each check counts the rows that break it; a version is published only where all counts are 0. They look at the tables
alone, so that they hold whatever way the tables were made. Money is compared exactly, as decimals.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import polars as pl

from transforms.schemas import MARTS

Frames = Mapping[str, pl.LazyFrame]
KEYS: Mapping[str, tuple[str, ...]] = {
    "customers": ("customer_key",),
    "customer_currencies": ("customer_key", "currency"),
    "orders": ("order_id",),
    "order_lines": ("order_id", "line_id"),
    "refunds": ("refund_id",),
    "products": ("product_id",),
    "segments": ("segment_id",),
    "segment_members": ("segment_id", "customer_key"),
    "rfm_cuts": ("score", "currency"),
    "identities": ("identity",),
    "identity_reviews": ("email", "reason"),
    "person_tags": ("customer_key",),
}
MAY_BE_NULL = {("rfm_cuts", "currency")}
MONEY_READ: Mapping[str, tuple[str, ...]] = {
    "orders": ("total", "discount", "shipping", "shipping_tax", "tax"),
    "order_lines": ("subtotal", "total", "tax"),
    "refunds": ("amount",),
}
CHECKS_SCHEMA = {
    "check": pl.String(),
    "violations": pl.Int64(),
    "meaning": pl.String(),
    "examples": pl.List(pl.String()),
}
# What a row is called by, the nearest first. Keys alone: a guest's is a keyed hash, so nobody is named.
NAMED_BY: Mapping[str, str] = {
    "refund_id": "refund",
    "order_id": "order",
    "product_id": "product",
    "customer_key": "person",
    "segment_id": "segment",
}
EXAMPLES = 3


class Check(NamedTuple):
    """One invariant: its name, a sentence for people, and how to find the rows that break it."""

    name: str
    meaning: str
    broken: Callable[[Frames], pl.LazyFrame]


def check_marts(marts: Mapping[str, pl.DataFrame | pl.LazyFrame]) -> pl.DataFrame:
    """Return `check, violations, meaning, examples`, one row a check; publish only where every `violations` is 0.

    `examples` names up to three of the rows by their ids ("order 727"), never by what is in them. `marts` holds the tables of `schemas.MARTS`; checks of tables that are not given are left out, as `segments`
    and `segment_members` may be. This is the one place in the transforms that collects: the gate needs its figures.
    """
    frames = {name: table.lazy() for name, table in marts.items() if name in MARTS}
    checks = [*_table_checks(frames), *(check for needs, check in INVARIANTS if needs <= frames.keys())]
    counts = pl.collect_all(
        [check.broken(frames).select(violations=pl.len().cast(pl.Int64)) for check in checks], engine="streaming"
    )
    rows = [
        (check.name, count.item(), check.meaning, _examples(check.broken(frames)) if count.item() else [])
        for check, count in zip(checks, counts, strict=True)
    ]
    return pl.DataFrame(rows, schema=CHECKS_SCHEMA, orient="row")


def _examples(broken: pl.LazyFrame) -> list[str]:
    """Return up to three of the rows by their ids; none where they have no id."""
    columns = broken.collect_schema().names()
    named = [name for name in NAMED_BY if name in columns]
    if not named:
        return []
    label = pl.coalesce(pl.format(f"{NAMED_BY[name]} {{}}", pl.col(name)) for name in named)
    some = broken.select(named).unique().sort(named, nulls_last=True)
    return some.select(label=label).drop_nulls().unique(maintain_order=True).head(EXAMPLES).collect()["label"].to_list()


def _table_checks(frames: Frames) -> Iterator[Check]:
    for table, key in KEYS.items():
        if table not in frames:
            continue
        named = ", ".join(key)
        yield Check(f"{table}: unique {named}", f"No two rows of {table} share {named}.", _repeated(table, key))
        must = [column for column in ("shop", *key) if (table, column) not in MAY_BE_NULL]
        yield Check(f"{table}: keys present", f"Every row of {table} has its keys.", _null(table, must))
        if table in MONEY_READ:
            yield Check(
                f"{table}: money read", f"Every amount in {table} could be read from the shop's text.",
                _null(table, MONEY_READ[table]),
            )  # fmt: skip


def _repeated(table: str, key: tuple[str, ...]) -> Callable[[Frames], pl.LazyFrame]:
    return lambda frames: frames[table].group_by(key).len().filter(pl.col("len") > 1)


def _null(table: str, columns: list[str] | tuple[str, ...]) -> Callable[[Frames], pl.LazyFrame]:
    return lambda frames: frames[table].filter(pl.any_horizontal(pl.col(column).is_null() for column in columns))


def _unread_orders(frames: Frames) -> pl.LazyFrame:
    return frames["orders"].filter(pl.any_horizontal(pl.col("status", "currency", "created_at", "order_day").is_null()))


def _undated_refunds(frames: Frames) -> pl.LazyFrame:
    return frames["refunds"].filter(pl.any_horizontal(pl.col("created_at", "refund_day").is_null()))


def _strangers(table: str, frames: Frames) -> pl.LazyFrame:
    """Return rows of `table` whose owner is nobody in `customers`."""
    return frames[table].join(frames["customers"].select("customer_key"), on="customer_key", how="anti")


def _net_not_exact(frames: Frames) -> pl.LazyFrame:
    wrong = pl.col("net").ne_missing(pl.col("gross") - pl.col("refunded"))
    columns = ("order_id", "customer_key", "net", "gross", "refunded")
    orders = frames["orders"].select("order_id", "customer_key", "net", "refunded", gross="total").select(columns)
    no_order = pl.lit(None, dtype=pl.Int64).alias("order_id")
    tables = (frames[name].with_columns(no_order).select(columns) for name in ("customers", "customer_currencies"))
    return pl.concat([table.filter(wrong) for table in (*tables, orders)])


def _people_against_orders(frames: Frames) -> pl.LazyFrame:
    """Return people whose number of counted orders is not the number of their orders that count."""
    counted = frames["orders"].filter("counted").group_by("customer_key").agg(counted=pl.len().cast(pl.Int64))
    return (
        frames["customers"]
        .select("customer_key", "orders_count")
        .join(counted, on="customer_key", how="full", coalesce=True)
        .filter(pl.col("orders_count").fill_null(0) != pl.col("counted").fill_null(0))
    )


def _currencies_against_rows(frames: Frames) -> pl.LazyFrame:
    """Return persons' currencies whose sums are not those of the counted orders and refunds."""
    keys = ["customer_key", "currency"]
    sold = (
        frames["orders"]
        .filter("counted")
        .group_by(keys)
        .agg(sold=pl.col("total").sum(), number=pl.len().cast(pl.Int64))
    )
    back = frames["refunds"].filter("counted").group_by(keys).agg(back=pl.col("amount").sum())
    joined = (
        frames["customer_currencies"]
        .select(*keys, "orders_count", "gross", "refunded")
        .join(sold, on=keys, how="full", coalesce=True)
        .join(back, on=keys, how="full", coalesce=True)
        .with_columns(pl.col("sold", "back", "gross", "refunded", "number", "orders_count").fill_null(0))
    )
    return joined.filter(
        (pl.col("gross") != pl.col("sold"))
        | (pl.col("refunded") != pl.col("back"))
        | (pl.col("orders_count") != pl.col("number"))
    )


def _main_currency_not_listed(frames: Frames) -> pl.LazyFrame:
    columns = ["customer_key", "currency", "gross", "refunded", "net", "average_order"]
    buyers = frames["customers"].filter(pl.col("orders_count") > 0)
    return buyers.join(frames["customer_currencies"].select(columns), on=columns, how="anti")


def _scores_wrong(frames: Frames) -> pl.LazyFrame:
    scores = pl.col("r", "f", "m")
    complete = pl.all_horizontal(scores.is_between(1, 5).fill_null(value=False), pl.col("rfm_group").is_not_null())
    absent = pl.all_horizontal(scores.is_null(), pl.col("rfm_group").is_null())
    return frames["customers"].filter(pl.when(pl.col("orders_count") > 0).then(complete).otherwise(absent).not_())


def _figures_without_orders(frames: Frames) -> pl.LazyFrame:
    """Return people whose dates, currency or money do not fit their number of orders."""
    dated = pl.all_horizontal(pl.col("currency", "first_order_at", "last_order_at", "recency_days").is_not_null())
    bare = pl.all_horizontal(pl.col("currency", "first_order_at", "last_order_at", "recency_days").is_null())
    zero = pl.all_horizontal((pl.col("gross", "refunded", "net") == 0).fill_null(value=False))
    fits = pl.when(pl.col("orders_count") > 0).then(dated).otherwise(bare & zero)
    return frames["customers"].filter(fits.not_())


def _as_of_differs(frames: Frames) -> pl.LazyFrame:
    stamps = pl.concat([frames[name].select("as_of").unique() for name in ("customers", "rfm_cuts")])
    return stamps.unique().filter((pl.len() > 1) | pl.col("as_of").is_null())


def _counted_after_as_of(frames: Frames) -> pl.LazyFrame:
    as_of = frames["customers"].select(pl.col("as_of").max())
    orders = frames["orders"].select(
        pl.lit(None, dtype=pl.Int64).alias("refund_id"), "order_id", "created_at", "counted"
    )
    rows = pl.concat([orders, frames["refunds"].select("refund_id", "order_id", "created_at", "counted")])
    return rows.filter("counted").join(as_of, how="cross").filter(pl.col("created_at") >= pl.col("as_of"))


def _members_against_lists(frames: Frames) -> pl.LazyFrame:
    """Return pairs of person and segment that stand in one of the two tables only."""
    listed = (
        frames["customers"]
        .filter(pl.col("segments").list.len() > 0)
        .select("customer_key", segment_id="segments")
        .explode("segment_id")
    )
    members = frames["segment_members"].select("customer_key", "segment_id")
    both = ["customer_key", "segment_id"]
    return pl.concat([listed.join(members, on=both, how="anti"), members.join(listed, on=both, how="anti")])


def _segments_miscounted(frames: Frames) -> pl.LazyFrame:
    members = frames["segment_members"].group_by("segment_id").agg(members=pl.len().cast(pl.Int64))
    joined = frames["segments"].join(members, on="segment_id", how="full", coalesce=True)
    return joined.filter(pl.col("people").fill_null(0) != pl.col("members").fill_null(0))


INVARIANTS: tuple[tuple[frozenset[str], Check], ...] = tuple(
    (frozenset(needs.split()), Check(name, meaning, broken))
    for needs, name, meaning, broken in (
        ("orders", "orders: readable", "Every order has a status, a currency and a date.", _unread_orders),
        ("refunds", "refunds: dated", "Every refund has a date.", _undated_refunds),
        (
            "orders customers", "orders: owner known", "Every order belongs to somebody in customers.",
            lambda frames: _strangers("orders", frames),
        ),
        (
            "customer_currencies customers", "customer_currencies: owner known",
            "Every row of customer_currencies belongs to somebody in customers.",
            lambda frames: _strangers("customer_currencies", frames),
        ),
        (
            "customers customer_currencies orders", "net is exact",
            "Net is gross minus refunded, to the last decimal.", _net_not_exact,
        ),
        (
            "customers orders", "customers: orders add up",
            "Everybody has as many counted orders as the orders table counts.", _people_against_orders,
        ),
        (
            "customer_currencies orders refunds", "customer_currencies: money adds up",
            "Sums for each person and currency are those of the counted orders and refunds.", _currencies_against_rows,
        ),
        (
            "customers customer_currencies", "customers: main currency listed",
            "A person's figures are those of one of their currencies.", _main_currency_not_listed,
        ),
        (
            "customers", "customers: scores fit", "Buyers have scores from 1 to 5 and a group; others have none.",
            _scores_wrong,
        ),
        (
            "customers", "customers: figures fit", "Buyers have a currency and dates; others have none, and no money.",
            _figures_without_orders,
        ),
        ("customers rfm_cuts", "one as-of", "All tables are as of the same instant.", _as_of_differs),
        (
            "customers orders refunds", "nothing counts after as-of",
            "No counted order or refund lies at or after the as-of instant.", _counted_after_as_of,
        ),
        (
            "customers segment_members", "segments: lists agree",
            "The segments of a person are those that have the person as member.", _members_against_lists,
        ),
        (
            "segments segment_members", "segments: people counted",
            "A segment's number of people is its number of members.", _segments_miscounted,
        ),
    )
)  # fmt: skip
