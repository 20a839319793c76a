"""The invariants that every published version holds: cheap, exact, and blocking.

Each check counts the rows that break it; a version is published only where none is broken. What came undated from the
shop is the exception: imports leave single orders with an empty date, nobody here can give them one, and they count
nowhere; up to one row in a hundred warns. Checks look at the tables alone, so that they hold whatever way the tables
were made. Money is compared exactly, as decimals.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import polars as pl

from transforms import quality_figures as figures
from transforms import quality_segments as memberships
from transforms.schemas import PUBLISHED

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
    "refused": pl.Boolean(),
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
MOST_UNDATED = 0.01  # of a table's rows
RULES_NEED = frozenset(("customers", "person_tags", "orders", "order_lines", "products", "segments"))


class Check(NamedTuple):
    """One invariant: its name, a sentence for people, and how to find the rows that break it.

    `undated`: the table of which a few rows may.
    """

    name: str
    meaning: str
    broken: Callable[[Frames], pl.LazyFrame]
    undated: str | None = None


def check_marts(
    marts: Mapping[str, pl.DataFrame | pl.LazyFrame],
    *,
    timezone: str | None = None,
    hidden: Collection[str] | None = None,
) -> pl.DataFrame:
    """Return CHECKS_SCHEMA, one row a check: `violations` rows break it, and nothing is published where one is `refused`.

    `examples` names up to three of the rows by their ids ("order 727"), never by what is in them. `marts` holds tables
    of `schemas.PUBLISHED`; checks of tables that are not given are left out. In the shop's `timezone` the rules of the
    segments are evaluated anew, without it they are not; `hidden` is that of `segments_against_rules`. This
    collects: the gate needs its figures.
    """
    frames = {name: table.lazy() for name, table in marts.items() if name in PUBLISHED}
    checks = [*_table_checks(frames), *(check for needs, check in INVARIANTS if needs <= frames.keys())]
    if timezone is not None and frames.keys() >= RULES_NEED:
        checks.append(_rules_check(timezone, hidden))
    counts = pl.collect_all(
        [check.broken(frames).select(violations=pl.len().cast(pl.Int64)) for check in checks], engine="streaming"
    )
    rows = [
        (
            check.name,
            count.item(),
            count.item() > _spared(check, frames),
            check.meaning,
            _examples(check.broken(frames)) if count.item() else [],
        )
        for check, count in zip(checks, counts, strict=True)
    ]
    return pl.DataFrame(rows, schema=CHECKS_SCHEMA, orient="row")


def _spared(check: Check, frames: Frames) -> int:
    """Return how many rows may break the check: one at least where some may, so that a small shop is not stopped."""
    if check.undated is None:
        return 0
    return max(1, int(MOST_UNDATED * frames[check.undated].select(pl.len()).collect().item()))


def _rules_check(timezone: str, hidden: Collection[str] | None) -> Check:
    return Check(
        "segments: rules evaluated",
        "A segment's members are those whom its rule names when it is evaluated anew.",
        lambda frames: memberships.segments_against_rules(frames, timezone=timezone, hidden=hidden),
    )


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


DATED = (
    ("orders", "Every order has a date; one without counts nowhere.", figures.undated_orders),
    ("refunds", "Every refund has a date; one without counts nowhere.", figures.undated_refunds),
)
INVARIANTS: tuple[tuple[frozenset[str], Check], ...] = tuple(
    (frozenset((table,)), Check(f"{table}: dated", meaning, broken, table)) for table, meaning, broken in DATED
) + tuple(
    (frozenset(needs.split()), Check(name, meaning, broken))
    for needs, name, meaning, broken in (
        ("orders", "orders: readable", "Every order has a status and a currency.", figures.unread_orders),
        (
            "orders customers", "orders: owner known", "Every order belongs to somebody in customers.",
            lambda frames: figures.strangers("orders", frames),
        ),
        (
            "customer_currencies customers", "customer_currencies: owner known",
            "Every row of customer_currencies belongs to somebody in customers.",
            lambda frames: figures.strangers("customer_currencies", frames),
        ),
        (
            "customers customer_currencies orders", "net is exact",
            "Net is gross minus refunded, to the last decimal.", figures.net_not_exact,
        ),
        (
            "customers orders", "customers: orders add up",
            "Everybody has as many counted orders as the orders table counts.", figures.people_against_orders,
        ),
        (
            "customer_currencies orders refunds", "customer_currencies: money adds up",
            "Sums for each person and currency are those of the counted orders and refunds.", figures.currencies_against_rows,
        ),
        (
            "customers customer_currencies", "customers: main currency listed",
            "A person's figures are those of one of their currencies.", figures.main_currency_not_listed,
        ),
        (
            "customers", "customers: scores fit", "Buyers have scores from 1 to 5 and a group; others have none.",
            figures.scores_wrong,
        ),
        (
            "customers", "customers: figures fit", "Buyers have a currency and dates; others have none, and no money.",
            figures.figures_without_orders,
        ),
        (
            "customers", "customers: habits fit",
            "Gaps are known from the second order on, months from the first; who bought nothing has no products.",
            figures.habits_wrong,
        ),
        (
            "identities customers", "identities: owner known", "Every identity belongs to somebody in customers.",
            lambda frames: figures.strangers("identities", frames),
        ),
        (
            "identities orders", "identities: orders fit",
            "Every order's identity is listed, with its person and its number of orders.",
            figures.identities_against_orders,
        ),
        ("customers rfm_cuts", "one as-of", "All tables are as of the same instant.", figures.as_of_differs),
        (
            "customers orders refunds", "nothing counts after as-of",
            "No counted order or refund lies at or after the as-of instant.", figures.counted_after_as_of,
        ),
        (
            "customers segment_members", "segments: lists agree",
            "The segments of a person are those that have the person as member.", memberships.members_against_lists,
        ),
        (
            "segments segment_members", "segments: people counted",
            "A segment's number of people is its number of members.", memberships.segments_miscounted,
        ),
        (
            "segments segment_events", "segments: observed history adds up",
            "Those first seen and joined, less those who left, are a segment's people.",
            memberships.observed_against_members,
        ),
    )
)  # fmt: skip
