"""Random rules over random shops mean what a plain reading says: every field, term and operator, alone and joined."""

import polars as pl
import pytest

from tests.transforms.rule_oracle import broken, is_member
from tests.transforms.rule_shops import RandomShop
from transforms.rules import to_text
from transforms.segments import SegmentRule, assign_segments

RULES = 10  # a shop


def saved_rules(made):
    """Return random segments by id, their names, and the segments as they are saved."""
    ids = [f"s{number}" for number in range(RULES)]
    names = {each: f"Über {each}" for each in ids}
    callable_names = [*ids, *(name.upper() for name in names.values())]
    rules = {}
    for number, each in enumerate(ids):
        # Mostly those before it; now and then any, so that some go in a circle, or name one that there is not.
        mixed = (
            [*callable_names, "gone"] if made.random.random() < 0.1 else [*ids[:number], names.get(f"s{number - 1}")]
        )
        rules[each] = made.rule([name for name in mixed if name])
    return rules, names, [SegmentRule(each, names[each], to_text(rule)) for each, rule in rules.items()]


def assigned(made, saved, tables, engine="in-memory"):
    """Return customers and segments with who is in what."""
    where = {"shop": "s", "as_of": made.as_of, "timezone": made.timezone, "hidden": made.hidden}
    frames = assign_segments(made.customers(), saved, tables=tables, **where)
    return pl.collect_all([frames.customers, frames.segments], engine=engine)


def disagreements(seed):
    """Return what the published segments and the plain reading disagree on, for the rules of one seed."""
    made = RandomShop(seed)
    rules, names, saved = saved_rules(made)
    shop = made.plain(rules, names)
    # Runs stream, readers may not.
    customers, segments = assigned(made, saved, made.tables(), "streaming" if seed % 2 else "in-memory")
    readable = {each for each in rules if not broken(each, shop)}
    assert {*segments.filter(pl.col("people").is_not_null())["segment_id"]} == readable
    return [
        (seed, each, person["customer_key"], to_text(rules[each]))
        for person, found in zip(made.people, customers["segments"].to_list(), strict=True)
        for each in sorted(readable)
        if (each in found) != is_member(each, person, shop)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_random_rules_mean_what_a_plain_reading_says(seed):
    """Sixty trees in each run: the compiler's joins and folds must not change what a rule says."""
    assert disagreements(seed) == []


@pytest.mark.parametrize("seed", range(50, 53))
def test_the_order_of_rows_and_what_others_bought_change_nothing(seed):
    """Whose orders a query finds depends on the person's orders alone."""
    made = RandomShop(seed)
    _, _, saved = saved_rules(made)
    tables = made.tables()
    orders, lines = tables["orders"].collect(), tables["order_lines"].collect()
    others = orders.with_columns(pl.col("order_id") + 1_000, customer_key=pl.lit("woo:999"))
    theirs = lines.with_columns(pl.col("order_id") + 1_000)
    mixed = {
        "orders": pl.concat([orders, others]).sample(fraction=1, shuffle=True, seed=seed).lazy(),
        "order_lines": pl.concat([lines, theirs]).sample(fraction=1, shuffle=True, seed=seed).lazy(),
        "products": tables["products"].reverse(),
    }
    for before, after in zip(assigned(made, saved, tables), assigned(made, saved, mixed), strict=True):
        assert before.equals(after)


@pytest.mark.deep
def test_a_thousand_random_rules_mean_what_a_plain_reading_says():
    """Rare mixtures of absent values, unicode, time zones and circles only show in numbers."""
    assert [found for seed in range(1_000, 1_100) for found in disagreements(seed)] == []
