"""Whom rules describe, in one version, as masks: flags for everybody, in the order of their keys.

A rule may ask for orders and what was bought (looked up in the version's files, once a query), and for the members of
saved segments, which are evaluated as they are saved now: those that a rule names come first.
"""

from collections.abc import Collection, Mapping

import polars as pl

from regulars.directory.kept import Kept
from regulars.directory.lookup import FOLDED, KEY
from regulars.directory.not_derived import NotYetDerived, refuse_not_derived
from regulars.directory.overlay import Overlay
from regulars.directory.snapshot import Snapshot
from transforms.rules import (
    FIELDS,
    QUERY_TABLES,
    InSegment,
    Query,
    Rule,
    RuleError,
    by_id,
    compile_rule,
    conditions,
    flag_name,
    place_of,
    queries,
    query_keys,
    segments_named,
)

Masks = Mapping[str, pl.Series]


class Described:
    """Whom rules describe in one version. Safe to share between threads: what is kept is never changed."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Evaluate rules over the people of `snapshot`."""
        self._snapshot = snapshot
        self._rules = Kept[pl.Series](most=128)
        self._queries = Kept[pl.Series](most=64)
        self._tagged = Kept[tuple[pl.Series, pl.DataFrame]](most=1)

    def mask(self, rule: Rule, overlay: Overlay) -> pl.Series:
        """Return those whom `rule` describes, hidden or not; whoever was deleted in the shop is in no segment.

        Raises RuleError where it names a segment that is not there, or cannot be evaluated; NotYetDerived.
        """
        named = by_id(rule, overlay.segments)
        refuse_not_derived(named, self._snapshot.manifest, overlay.segments)
        return self._mask(named, overlay, self._members(needed(named, overlay), overlay))

    def segments(self, overlay: Overlay) -> dict[str, pl.Series]:
        """Return each saved segment by id, hidden people among them; one that cannot be evaluated is left out."""
        order = overlay.order
        members = self._members([each for each in order.rules if self._is_derived(order.rules[each], overlay)], overlay)
        return {
            each.id: self._mask(order.rules[each.id], overlay, members)
            for each in overlay.segments
            if each.id in members
        }

    def _is_derived(self, rule: Rule, overlay: Overlay) -> bool:
        try:
            refuse_not_derived(rule, self._snapshot.manifest, overlay.segments)
        except NotYetDerived:
            return False
        return True

    def _members(self, segments: Collection[str], overlay: Overlay) -> Masks:
        """Return the members of these segments, given in the order of evaluation; nobody hidden is one."""
        hidden = self._snapshot.mask_of(pl.Series(list(overlay.hidden), dtype=pl.String)) if segments else None
        members: dict[str, pl.Series] = {}
        for segment in segments:
            described = self._mask(overlay.order.rules[segment], overlay, members)
            members[segment] = described & ~hidden if hidden is not None and overlay.hidden else described
        return members

    def _mask(self, rule: Rule, overlay: Overlay, members: Masks) -> pl.Series:
        """Return the mask of a rule that names segments by their ids, whose `members` are known."""
        named = segments_named(rule)
        of_tags = any("tags" in FIELDS[leaf.field].columns for leaf in conditions(rule))
        live = overlay if named or of_tags else None  # else the answer is that of the version, whatever is written
        return self._rules.get((rule, live), lambda: self._evaluated(rule, overlay if of_tags else None, members))

    def _evaluated(self, rule: Rule, tags: Overlay | None, members: Masks) -> pl.Series:
        about = self._snapshot.manifest
        flags = {flag_name(query): self._queried(query) for query in queries(rule)}
        flags |= {flag_name(InSegment(segment)): members[segment] for segment in segments_named(rule)}
        described = compile_rule(rule, as_of=about.as_of, timezone=about.timezone, folded=FOLDED)
        belongs = described & pl.col("deleted_at").is_null()
        everybody = self._snapshot.people.with_columns(**flags).select(belongs).to_series()
        # So far nobody has a column of tags, and few people have any: a column of a million mostly empty lists would
        # cost more than all the rest.
        if tags is None or not tags.tags:
            return everybody
        rows, tagged = self._tagged.get(tags, lambda: self._with_tags(tags))
        mine = {name: mask.gather(rows) for name, mask in flags.items()}
        return everybody.scatter(rows, tagged.with_columns(**mine).select(belongs).to_series())

    def _queried(self, query: Query) -> pl.Series:
        return self._queries.get(query, lambda: self._snapshot.mask_of(self._keys(query)))

    def _keys(self, query: Query) -> pl.Series:
        about = self._snapshot.manifest
        tables = {name: self._snapshot.scan(name) for name in QUERY_TABLES}
        return query_keys(query, tables, as_of=about.as_of, timezone=about.timezone).collect(engine="streaming")[KEY]

    def _with_tags(self, overlay: Overlay) -> tuple[pl.Series, pl.DataFrame]:
        """Return the rows of those who have tags, and these people with a column `tags`."""
        rows = self._snapshot.rows_of(pl.Series(list(overlay.tags), dtype=pl.String))
        people = self._snapshot.people[rows]
        return rows, people.with_columns(overlay.tags_of(people[KEY]))


def needed(rule: Rule, overlay: Overlay) -> list[str]:
    """Return the ids of the segments that a rule needs, those first that others need.

    `rule` names segments by id. Raises RuleError where one of them cannot be evaluated.
    """
    order, found = overlay.order, set[str]()
    todo = list(segments_named(rule))
    while todo:
        segment = todo.pop()
        if (error := order.broken.get(segment)) is not None:
            said = f"The segment “{overlay.name_of(segment)}” cannot be evaluated: {error.message}"
            raise RuleError(said, position=place_of(rule, segment))
        if segment not in found:
            found.add(segment)
            todo.extend(segments_named(order.rules[segment]))
    return [segment for segment in order.rules if segment in found]
