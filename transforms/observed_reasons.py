"""Why somebody joined or left a segment between two looks.

Terms. A *leaf* of a rule is a condition, a query over orders or lines, or the name of another segment; it stands with
its *sign*, negated by an odd number of `not`. Each look is evaluated as of its own instant, so that ages flip by time
alone. A join is explained by the signed leaves that became true, a leave by those that became false, as rule text
joined by "; ". What no leaf explains is a sentence in brackets: somebody appeared or was merged into another person,
was deleted in the shop or here, came back, or the rule itself was changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import polars as pl

from transforms.rules import (
    FIELDS,
    And,
    InSegment,
    Not,
    Or,
    Rule,
    compile_rule,
    conditions,
    evaluation_order,
    flag_name,
    segments_named,
    to_text,
    with_flags,
)
from transforms.schemas import CUSTOMERS
from transforms.segments import SegmentRule

CHANGED = "(the rule was changed)"
DELETED = "(the segment was deleted)"
NEW, GONE = "(new here)", "(nobody has this key any more)"
SHOP_DELETED, SHOP_RESTORED = "(deleted in the shop)", "(restored in the shop)"
HIDDEN, SHOWN = "(deleted here)", "(shown again)"
UNKNOWN = "(no single condition explains it)"

# A rule may have 256 leaves and lists of 200 words; nobody reads more than this of why.
LEAVES_TOLD = 6
LONGEST_LEAF = 160


class Look(NamedTuple):
    """A version as it is published: its tables by name, and the exclusive instant and the time zone they are of."""

    tables: Mapping[str, pl.LazyFrame]
    as_of: datetime
    timezone: str


class _Side(NamedTuple):
    """One of the two looks: those of the people asked about who are there, and `customer_key, owner` of merged keys."""

    look: Look
    people: pl.DataFrame
    owners: pl.DataFrame


class _Leaf(NamedTuple):
    """A leaf with its sign, as a rule of its own (`not` around it where it is negated)."""

    rule: Rule
    text: str


def because(flips: pl.DataFrame, before: Look, now: Look) -> pl.DataFrame:
    """Return `flips` (`segment_id, customer_key, kind`: joined or left) with `because`.

    Both looks have `segments`, `segment_members`, `customers`, `person_tags`, `identities`, and `orders`, `order_lines`
    and `products` for queries. Rows come back grouped by segment.
    """
    then, these = _saved(before), _saved(now)
    texts = {segment.id: segment.rule for segment in then}
    same = {segment.id for segment in these if texts.get(segment.id) == segment.rule}
    rules_then, rules_now = evaluation_order(then).rules, evaluation_order(these).rules
    keys = flips.select("customer_key").unique()
    flipped = sorted(flips["segment_id"].unique())
    pairs = {each: ((rules_now if each in same else rules_then).get(each), rules_now.get(each)) for each in flipped}
    asked = list(dict.fromkeys(rule for pair in pairs.values() for rule in pair if rule is not None))
    sides = [_Side(look, _people(look, keys, asked), _owners(look, keys)) for look in (before, now)]
    parts = [_explained(flips.filter(pl.col("segment_id") == each), pair, *sides) for each, pair in pairs.items()]
    return pl.concat([flips.clear().with_columns(because=pl.lit(CHANGED)), *parts])


def signed_leaves(rule: Rule, *, negated: bool = False) -> Iterator[tuple[Rule, bool]]:
    """Yield each leaf of `rule` and whether it is negated, from left to right."""
    if isinstance(rule, Not):
        yield from signed_leaves(rule.part, negated=not negated)
    elif isinstance(rule, And | Or):
        for part in rule.parts:
            yield from signed_leaves(part, negated=negated)
    else:
        yield rule, negated


def _saved(look: Look) -> list[SegmentRule]:
    """Return the segments that could be read."""
    readable = look.tables["segments"].filter(pl.col("people").is_not_null())
    return [SegmentRule(*row) for row in readable.select("segment_id", "name", "rule").collect().iter_rows()]


def _leaves(rule: Rule) -> list[_Leaf]:
    """Return the distinct signed leaves of `rule`."""
    signed = dict.fromkeys(signed_leaves(rule))
    rules = [Not(leaf) if negated else leaf for leaf, negated in signed]
    return [_Leaf(one, _shortened(to_text(one))) for one in rules]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_LEAF else f"{text[: LONGEST_LEAF - 1]}…"


def _people(look: Look, keys: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """Return those of `keys` who are there, with everything that `rules` read: tags, flags of queries and segments."""
    mine = keys.lazy()
    read = {column for rule in rules for leaf in conditions(rule) for column in FIELDS[leaf.field].columns}
    columns = [name for name in CUSTOMERS if name in {"customer_key", "deleted_at", *read}]
    everybody = look.tables["customers"].select(columns).join(mine, on="customer_key", how="semi")
    tagged = everybody.join(look.tables["person_tags"].select("customer_key", "tags"), on="customer_key", how="left")
    tables = {name: look.tables[name] for name in ("order_lines", "products")}
    tables["orders"] = look.tables["orders"].join(mine, on="customer_key", how="semi")
    flagged = with_flags(tagged, rules, tables, as_of=look.as_of, timezone=look.timezone)
    return _with_segments(flagged, look, keys, rules).collect()


def _with_segments(people: pl.LazyFrame, look: Look, keys: pl.DataFrame, rules: Sequence[Rule]) -> pl.LazyFrame:
    """Lay over `people` a flag for each segment that `rules` name, by its id."""
    named = sorted({segment for rule in rules for segment in segments_named(rule)})
    if not named:
        return people
    members = look.tables["segment_members"].filter(pl.col("segment_id").is_in(named))
    mine = members.join(keys.lazy(), on="customer_key", how="semi").collect()
    return people.with_columns(
        pl.col("customer_key")
        .is_in(mine.filter(pl.col("segment_id") == segment)["customer_key"].to_list())
        .alias(flag_name(InSegment(segment)))
        for segment in named
    )


def _owners(look: Look, keys: pl.DataFrame) -> pl.DataFrame:
    """Return `customer_key, owner`: to whom those of `keys` belong who are not people of their own there."""
    links = look.tables["identities"].select(customer_key="identity", owner="customer_key")
    return links.join(keys.lazy(), on="customer_key", how="semi").unique("customer_key").collect()


def _explained(flips: pl.DataFrame, rules: tuple[Rule | None, Rule | None], before: _Side, now: _Side) -> pl.DataFrame:
    """Return `flips` of one segment with `because`; `rules` are its rules in the two looks, None where not readable.

    What became of a person comes before what became of the rule: whoever is deleted leaves under any rule.
    """
    leaves = _leaves(rules[0]) if rules[0] is not None and rules[0] == rules[1] else []
    frame = flips.select("segment_id", "customer_key", "kind")
    for suffix, rule, (look, people, owners) in (("before", rules[0], before), ("now", rules[1], now)):
        asked = [("rule", rule), *((str(n), leaf.rule) for n, leaf in enumerate(leaves))]
        judged = people.join(frame, on="customer_key", how="semi").select(
            "customer_key",
            pl.lit(value=True).alias(f"there_{suffix}"),
            pl.col("deleted_at").is_not_null().alias(f"deleted_{suffix}"),
            *(_judged(one, look).alias(f"{name}_{suffix}") for name, one in asked),
        )
        for more in (judged, owners.rename({"owner": f"owner_{suffix}"})):
            frame = frame.join(more, on="customer_key", how="left", maintain_order="left")
    why = pl.when(pl.col("kind") == "joined").then(_joined(leaves)).otherwise(_left(leaves))
    return frame.select(*flips.columns, because=why)


def _judged(rule: Rule | None, look: Look) -> pl.Expr:
    return pl.lit(value=False) if rule is None else compile_rule(rule, as_of=look.as_of, timezone=look.timezone)


def _joined(leaves: Sequence[_Leaf]) -> pl.Expr:
    separated = pl.format("(separated from {})", "owner_before")
    return (
        pl.when(pl.col("there_before").is_null())
        .then(pl.when(pl.col("owner_before").is_null()).then(pl.lit(NEW)).otherwise(separated))
        .when("deleted_before")
        .then(pl.lit(SHOP_RESTORED))
        .when("rule_before")
        .then(pl.lit(SHOWN))
        .otherwise(_told(leaves, false="before", true="now"))
    )


def _left(leaves: Sequence[_Leaf]) -> pl.Expr:
    merged = pl.format("(merged into {})", "owner_now")
    return (
        pl.when(pl.col("there_now").is_null())
        .then(pl.when(pl.col("owner_now").is_null()).then(pl.lit(GONE)).otherwise(merged))
        .when("deleted_now")
        .then(pl.lit(SHOP_DELETED))
        .when("rule_now")
        .then(pl.lit(HIDDEN))
        .otherwise(_told(leaves, false="now", true="before"))
    )


def _told(leaves: Sequence[_Leaf], *, false: str, true: str) -> pl.Expr:
    """Return the texts of the leaves that are false in one look and true in the other; without leaves, CHANGED."""
    if not leaves:
        return pl.lit(CHANGED)
    flipped = [
        pl.when(pl.col(f"{n}_{true}") & ~pl.col(f"{n}_{false}")).then(pl.lit(leaf.text))
        for n, leaf in enumerate(leaves)
    ]
    texts = pl.concat_list(flipped).list.drop_nulls()
    more = pl.when(texts.list.len() > LEAVES_TOLD).then(pl.lit("; …")).otherwise(pl.lit(""))
    told = texts.list.head(LEAVES_TOLD).list.join("; ") + more
    return pl.when(texts.list.len() > 0).then(told).otherwise(pl.lit(UNKNOWN))
