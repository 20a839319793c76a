"""The publishing gate: it passes what is sound and names what is not."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.transforms.staged_builders import (
    AS_OF,
    BERLIN,
    a_guest_order,
    a_refund,
    an_account,
    an_order,
    marts,
    raw,
    staged,
)
from transforms.quality import check_marts
from transforms.rules import STARTING_SEGMENTS
from transforms.schemas import MARTS, PUBLISHED, conform
from transforms.segments import SegmentRule, assign_segments
from transforms.staging import stage_orders

Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def sound() -> Tables:
    """Return all published tables of a small shop: accounts, a guest, two currencies, a refund, segments."""
    orders = [
        an_order(1, refund_ids=[9]),
        an_order(2, currency="USD"),
        an_order(3, woocommerce_id=2, status="cancelled"),
        a_guest_order(4, "g@x.example", total=Decimal("7.77")),
    ]
    lines = [
        {"order_id": 1, "line_id": 1, "subtotal": Decimal(10), "total": Decimal(10), "tax": Decimal(0), "quantity": 1}
    ]
    products = [{"product_id": 5, "name": "Tea"}]
    built = marts(
        staged(
            orders=orders,
            refunds=[a_refund(9, 1)],
            customers=[an_account(1), an_account(2)],
            order_lines=lines,
            products=products,
        )
    )
    tags = pl.DataFrame(TAGGED, schema=dict(PUBLISHED["person_tags"]), orient="row")
    review = pl.DataFrame(SHARED, schema=dict(PUBLISHED["identity_reviews"]), orient="row")
    tables = built | {"person_tags": tags, "identity_reviews": review}
    rules = [SegmentRule("all", "All", "orders_count >= 1"), SegmentRule("odd", "Odd", "no such field")]
    tables |= assigned(tables, [*rules, SegmentRule("tagged", "Tagged", 'tags contains "wholesale"')])
    seen = {"kind": pl.lit("first"), "at": pl.lit(AS_OF), "as_of": pl.lit(AS_OF), "run_id": pl.lit("1")}
    events = tables["segment_members"].lazy().with_columns(**seen, because=pl.lit(None))
    return tables | {"segment_events": conform(events, PUBLISHED["segment_events"]).collect()}


TAGGED = [("lab", "woo:1", ["wholesale"])]
SHARED = [("lab", "shared@x.example", "names", ["woo:1", "woo:2"], 3, AS_OF)]


def assigned(tables: Tables, rules: list[SegmentRule], **options: Any) -> Tables:
    """Return customers, segments and members by these rules, over tagged people."""
    tagged = tables["customers"].lazy().join(tables["person_tags"].lazy().drop("shop"), on="customer_key", how="left")
    frames = assign_segments(tagged, rules, shop="lab", as_of=AS_OF, timezone=BERLIN, **options)
    return {name: frame.collect() for name, frame in frames._asdict().items()}


def failing(tables: Tables, **options: Any) -> set[str]:
    """Return the names of the checks that fail."""
    return set(check_marts(tables, timezone=BERLIN, **options).filter(pl.col("violations") > 0)["check"])


def change(table: str, where: pl.Expr, **columns: object) -> Callable[[Tables], Tables]:
    """Return a spoiler that sets these columns in the rows of a table that fit."""

    def spoil(tables: Tables) -> Tables:
        frame = tables[table]
        changes = [
            pl.when(where).then(pl.lit(value, dtype=frame.schema[name])).otherwise(name).alias(name)
            for name, value in columns.items()
        ]
        changed = frame.with_columns(changes)
        assert not changed.equals(frame)
        return tables | {table: changed}

    return spoil


def twice(table: str) -> Callable[[Tables], Tables]:
    """Return a spoiler that repeats the rows of a table."""
    return lambda tables: tables | {table: pl.concat([tables[table]] * 2)}


def without(table: str, where: pl.Expr) -> Callable[[Tables], Tables]:
    """Return a spoiler that drops the rows of a table that fit."""
    return lambda tables: tables | {table: tables[table].filter(where.not_())}


EVERY = pl.lit(value=True)
FIRST_ORDER = pl.col("order_id") == 1
ACCOUNT_1 = pl.col("customer_key") == "woo:1"
ACCOUNT_2 = pl.col("customer_key") == "woo:2"
GUEST = pl.col("customer_key").str.starts_with("guest:")
CENT = Decimal("0.000001")

SPOILED = [
    *((f"{table}: unique", twice(table)) for table in MARTS if table not in ("customers", "segments")),
    ("customers: unique customer_key", twice("customers")),
    ("segments: unique segment_id", twice("segments")),
    ("orders: keys present", change("orders", FIRST_ORDER, order_id=None)),
    ("customers: keys present", change("customers", ACCOUNT_2, shop=None)),
    ("order_lines: keys present", change("order_lines", EVERY, line_id=None)),
    ("orders: money read", change("orders", FIRST_ORDER, total=None)),
    ("order_lines: money read", change("order_lines", EVERY, subtotal=None)),
    ("refunds: money read", change("refunds", EVERY, amount=None)),
    ("orders: readable", change("orders", FIRST_ORDER, status=None)),
    ("orders: readable", change("orders", FIRST_ORDER, currency=None)),
    ("orders: dated", change("orders", FIRST_ORDER, created_at=None)),
    ("refunds: dated", change("refunds", EVERY, created_at=None)),
    ("orders: owner known", change("orders", pl.col("order_id") == 3, customer_key="woo:77")),
    ("orders: owner known", change("orders", pl.col("order_id") == 3, customer_key=None)),
    ("customer_currencies: owner known", without("customers", ACCOUNT_1)),
    ("net is exact", change("customers", ACCOUNT_1, net=Decimal(9) + CENT)),
    ("net is exact", change("orders", FIRST_ORDER, net=Decimal(9) - CENT)),
    ("net is exact", change("customer_currencies", EVERY, net=None)),
    ("customers: orders add up", change("orders", FIRST_ORDER, counted=False)),
    ("customers: orders add up", change("customers", ACCOUNT_1, orders_count=3)),
    ("customer_currencies: money adds up", change("orders", FIRST_ORDER, total=Decimal(10) + CENT)),
    ("customer_currencies: money adds up", change("refunds", EVERY, amount=Decimal(1) + CENT)),
    ("customer_currencies: money adds up", without("customer_currencies", ACCOUNT_1)),
    ("customers: main currency listed", change("customers", ACCOUNT_1, currency="GBP")),
    ("customers: scores fit", change("customers", ACCOUNT_1, r=6)),
    ("customers: scores fit", change("customers", ACCOUNT_1, m=None)),
    ("customers: scores fit", change("customers", ACCOUNT_1, rfm_group=None)),
    ("customers: scores fit", change("customers", ACCOUNT_2, f=1)),
    ("customers: figures fit", change("customers", ACCOUNT_1, last_order_at=None)),
    ("customers: figures fit", change("customers", ACCOUNT_2, currency="EUR")),
    ("customers: figures fit", change("customers", ACCOUNT_2, net=None)),
    ("one as-of", change("customers", ACCOUNT_2, as_of=AS_OF + timedelta(days=1))),
    ("one as-of", change("rfm_cuts", EVERY, as_of=AS_OF + timedelta(days=1))),
    ("one as-of", change("customers", ACCOUNT_2, as_of=None)),
    ("nothing counts after as-of", change("orders", FIRST_ORDER, created_at=AS_OF)),
    ("nothing counts after as-of", change("refunds", EVERY, created_at=AS_OF)),
    ("segments: lists agree", without("segment_members", ACCOUNT_1)),
    ("segments: lists agree", change("customers", ACCOUNT_1, segments=[])),
    ("segments: people counted", change("segments", EVERY, people=1)),
    ("customers: habits fit", change("customers", ACCOUNT_1, median_days_between=None)),
    ("customers: habits fit", change("customers", ACCOUNT_1, days_to_second=-1)),
    ("customers: habits fit", change("customers", GUEST, days_to_second=3)),
    ("customers: habits fit", change("customers", GUEST, active_months=2)),
    ("customers: habits fit", change("customers", GUEST, active_months=0)),
    ("customers: habits fit", change("customers", ACCOUNT_2, products_count=1)),
    ("customers: habits fit", change("customers", ACCOUNT_2, categories=["Drinks"])),
    ("customers: habits fit", change("customers", ACCOUNT_1, coupons=None)),
    ("customers: habits fit", change("customers", ACCOUNT_2, refund_rate=Decimal(1))),
    ("identities: owner known", change("identities", ACCOUNT_2, customer_key="woo:77")),
    ("identities: orders fit", change("identities", ACCOUNT_1, customer_key="woo:2")),
    ("identities: orders fit", change("identities", ACCOUNT_1, orders=1)),
    ("identities: orders fit", without("identities", GUEST)),
    ("identities: orders fit", change("orders", FIRST_ORDER, identity=None)),
    ("identities: orders fit", change("orders", FIRST_ORDER, identity="woo:2")),
    ("segments: rules evaluated", change("segments", pl.col("segment_id") == "all", rule="orders_count >= 2")),
    ("segments: rules evaluated", change("segments", pl.col("segment_id") == "odd", rule="orders_count = 9")),
    ("segments: rules evaluated", change("segments", pl.col("segment_id") == "all", rule="orders_count is old")),
    ("segments: rules evaluated", change("customers", ACCOUNT_1, segments=["all"])),
    ("segments: rules evaluated", change("customers", ACCOUNT_2, segments=["tagged"])),
    ("segments: rules evaluated", change("customers", ACCOUNT_1, deleted_at=AS_OF)),
    ("segments: rules evaluated", without("person_tags", EVERY)),
    ("segments: observed history adds up", change("segment_events", ACCOUNT_1, kind="left")),
    ("segments: observed history adds up", without("segment_events", ACCOUNT_1)),
]


def test_sound_tables_pass(sound: Tables) -> None:
    """A gate that refuses what is right is switched off within a week."""
    assert set(sound) == {*MARTS, "segment_events"}
    assert all(table.height for table in sound.values())
    assert failing(sound) == set()


@pytest.mark.parametrize(("check", "spoil"), SPOILED, ids=[f"{n}-{name}" for n, (name, _) in enumerate(SPOILED)])
def test_each_thing_spoiled_is_found_by_its_check(sound: Tables, check: str, spoil: Callable[[Tables], Tables]) -> None:
    """Every check can fail, and names what is wrong."""
    assert any(name.startswith(check) for name in failing(spoil(sound)))


def test_every_check_was_made_to_fail_above(sound: Tables) -> None:
    """A check that no test can break may be checking nothing."""
    covered = [name for name, _ in SPOILED]
    same_by_construction = ("keys present",)  # one check a table, made by one function

    assert [
        name
        for name in check_marts(sound, timezone=BERLIN)["check"]
        if not name.endswith(same_by_construction) and not any(name.startswith(check) for check in covered)
    ] == []


def test_an_unreadable_body_blocks_the_publish() -> None:
    """From the shop's broken text to the refusal: nothing on the way may turn it into a plausible zero."""
    tables = staged() | {"orders": stage_orders(raw(["{broken"]), BERLIN)}

    assert {"orders: money read", "orders: readable"} <= failing(marts(tables))


@pytest.mark.parametrize(
    ("table", "undated", "rows", "refused"),
    [("orders", 1, 5, False), ("orders", 2, 5, True), ("orders", 3, 300, False), ("orders", 4, 300, True),
     ("refunds", 1, 5, False), ("refunds", 2, 5, True)],
)  # fmt: skip
def test_a_few_rows_that_the_shop_left_undated_do_not_stop_it(
    sound: Tables, table: str, undated: int, rows: int, *, refused: bool
) -> None:
    """An import's empty date can be mended in the shop alone, and must not hold up everybody else; many are a fault."""
    repeated = pl.concat([sound[table]] * rows).head(rows).with_row_index()
    spoiled = repeated.with_columns(created_at=pl.when(pl.col("index") >= undated).then("created_at")).drop("index")
    (found,) = check_marts({table: spoiled}).filter(pl.col("check") == f"{table}: dated").to_dicts()

    assert (found["violations"], found["refused"]) == (undated, refused)


def test_whatever_else_breaks_refuses(sound: Tables) -> None:
    """Undated rows are the one exception, so that no other invariant becomes a warning."""
    spoiled = change("orders", FIRST_ORDER, total=None, currency=None)(sound)
    found = check_marts(spoiled).filter(pl.col("violations") > 0)

    assert found.height > 1
    assert found["refused"].all()


def test_tables_that_are_not_given_are_not_checked(sound: Tables) -> None:
    """Before segments are assigned the figures can be checked alone."""
    some = {name: table for name, table in sound.items() if not name.startswith("segment")}

    assert not any(name.startswith("segment") for name in check_marts(some)["check"])
    assert failing(some) == set()


def test_the_starting_segments_pass_the_gate(sound: Tables) -> None:
    """The first publish of every shop has these five."""
    rules = [SegmentRule(segment.id, segment.name, segment.rule) for segment in STARTING_SEGMENTS]

    assert failing(without("segment_events", EVERY)(sound) | assigned(sound, rules)) == {
        "segments: observed history adds up"
    }


def test_whoever_is_hidden_here_may_be_in_no_segment(sound: Tables) -> None:
    """Hidden people fulfil rules and are in no segment; anybody else who is left out blocks the publish.

    Where nobody knows who was hidden then, only those who are in some segment must be in all of theirs.
    """
    rules = [SegmentRule("all", "All", "orders_count >= 1"), SegmentRule("eur", "Euro", 'currency = "EUR"')]
    less = without("segment_events", EVERY)(sound)
    del less["segment_events"]
    tables = less | assigned(less, rules, hidden=["woo:1"])

    assert failing(tables, hidden=["woo:1"]) == set()
    assert failing(tables, hidden=[]) == {"segments: rules evaluated"}
    assert failing(tables) == set()


def test_without_the_time_zone_rules_are_not_evaluated(sound: Tables) -> None:
    """Ages are counted in the shop's days; guessing the zone would refuse what is right."""
    assert "segments: rules evaluated" not in set(check_marts(sound)["check"])


def test_what_breaks_a_check_is_named_by_its_ids(sound: Tables) -> None:
    """A data engineer must find the order; three are enough, and nobody's name or e-mail stands in a log."""
    spoiled = change("orders", EVERY, total=None)(sound)
    rows = {row["check"]: row for row in check_marts(spoiled).to_dicts()}

    assert rows["orders: money read"]["violations"] == 4
    assert rows["orders: money read"]["examples"] == ["order 1", "order 2", "order 3"]
    assert rows["refunds: money read"]["examples"] == []


@pytest.mark.parametrize(
    ("check", "spoil", "examples"),
    [
        ("refunds: money read", change("refunds", EVERY, amount=None), ["refund 9"]),
        ("customers: scores fit", change("customers", ACCOUNT_1, r=6), ["person woo:1"]),
        (
            "segments: people counted",
            change("segments", EVERY, people=1),
            ["segment all", "segment odd"],
        ),
        ("net is exact", change("orders", FIRST_ORDER, net=Decimal(9) - CENT), ["order 1"]),
        ("nothing counts after as-of", change("orders", FIRST_ORDER, created_at=AS_OF), ["order 1"]),
        ("orders: keys present", change("orders", EVERY, order_id=None, customer_key=None), []),
        ("one as-of", change("rfm_cuts", EVERY, as_of=AS_OF + timedelta(days=1)), []),
        ("segments: rules evaluated", without("person_tags", EVERY), ["person woo:1"]),
        ("segments: rules evaluated", change("segments", EVERY, rule="r is 5"), ["segment all", "segment tagged"]),
    ],
)
def test_a_row_is_named_by_what_it_is(
    sound: Tables, check: str, spoil: Callable[[Tables], Tables], examples: list[str]
) -> None:
    """A refund is looked up as a refund, a person as a person; what has no id is only counted."""
    rows = {row["check"]: row for row in check_marts(spoil(sound), timezone=BERLIN).to_dicts()}

    assert rows[check]["violations"] > 0
    assert rows[check]["examples"] == examples
