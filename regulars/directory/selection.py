"""From a query to the people it means: filters, rules, and the total order of a list."""

from collections.abc import Callable

import polars as pl

from regulars.directory.overlay import Overlay
from regulars.directory.query import MONEY_SORTS, SORTS, PeopleQuery
from regulars.directory.search import matches, order_number_of
from regulars.directory.snapshot import KEY, Snapshot
from transforms.rules import FIELDS, Rule, compile_rule
from transforms.rules import conditions as conditions_of


def selected(
    snapshot: Snapshot, query: PeopleQuery, overlay: Overlay, keys_by_order: Callable[[str], pl.Series]
) -> pl.DataFrame:
    """Return the people that `query` means, with key, currency, net and the columns that sort them; in any order."""
    rules = [overlay.rule(segment) for segment in query.segments]
    conditions = _conditions(snapshot, query, rules, keys_by_order)
    people = snapshot.people.lazy()
    if query.tags or any(_reads_tags(rule) for rule in (*rules, query.rule) if rule is not None):
        people = overlay.with_tags(people)
    columns = list(dict.fromkeys([KEY, "currency", "net", "_currency_rank", SORTS[query.sort]]))
    return people.filter(*conditions).select(columns).collect()


def ordered(found: pl.DataFrame, query: PeopleQuery) -> pl.DataFrame:
    """Return `found` in the query's order: absent values last either way, ties by key, so that pages never overlap."""
    by = [*(("_currency_rank",) if query.sort in MONEY_SORTS else ()), SORTS[query.sort], KEY]
    descending = [*((False,) if query.sort in MONEY_SORTS else ()), query.descending, False]
    return found.sort(by, descending=descending, nulls_last=True)


def _conditions(
    snapshot: Snapshot, query: PeopleQuery, rules: list[Rule], keys_by_order: Callable[[str], pl.Series]
) -> list[pl.Expr]:
    conditions: list[pl.Expr] = []
    if query.search.strip():
        number = order_number_of(query.search)
        conditions.append(matches(query.search, keys_by_order(number) if number else None))
    if query.rfm_groups:
        conditions.append(pl.col("rfm_group").is_in(list(query.rfm_groups)))
    if query.tags:
        conditions.append(pl.any_horizontal([pl.col("tags").list.contains(tag) for tag in query.tags]))
    if rules:
        conditions.append(pl.any_horizontal([member(rule, snapshot) for rule in rules]))
    if query.rule is not None:
        conditions.append(member(query.rule, snapshot))
    return conditions


def _reads_tags(rule: Rule) -> bool:
    return any("tags" in FIELDS[leaf.field].columns for leaf in conditions_of(rule))


def member(rule: Rule, snapshot: Snapshot) -> pl.Expr:
    """Return whether a person is described by `rule`; whoever was deleted belongs to no segment."""
    manifest = snapshot.manifest
    return compile_rule(rule, as_of=manifest.as_of, timezone=manifest.timezone) & pl.col("deleted_at").is_null()
