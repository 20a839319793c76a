"""From a query to the people it means: filters, rules, and the total order of a list.

A set of people is a *mask*: a flag for everybody of a version, in the order of their keys. A list is the *rows* (the
positions of people) in its order. Both are small, so the latest ones are kept for as long as the version and what was
written over it stay the same: paging, counts beside a list and neighbours then cost nothing.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

import polars as pl

from regulars.directory.described import Described
from regulars.directory.kept import Kept
from regulars.directory.lookup import RANKS
from regulars.directory.overlay import Overlay
from regulars.directory.query import MONEY_SORTS, SORTS, PeopleQuery
from regulars.directory.search import matches, order_number_of
from regulars.directory.snapshot import Snapshot
from transforms.rules import Rule


@dataclass(frozen=True)
class Filters:
    """What narrows a list. `any_of` are the rules of the segments that were chosen, `rule` one beside them."""

    search: str = ""
    rfm_groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    any_of: tuple[Rule, ...] = ()
    rule: Rule | None = None
    hidden: bool = False

    @classmethod
    def of(cls, query: PeopleQuery, overlay: Overlay) -> "Filters":
        """Return the filters of a query. Raises RecordNotFound and RuleError as `Overlay.rule` does."""
        return cls(
            search=query.search.strip(),
            rfm_groups=query.rfm_groups,
            tags=query.tags,
            any_of=tuple(overlay.rule(segment) for segment in query.segments),
            rule=query.rule,
            hidden=query.hidden,
        )


EVERYBODY = Filters()

# A list's order is one whole number a person, which sorts quickest. Ranks have 32 bits; what is absent comes last.
NO_RANK, NO_CURRENCY = 2**32, 2**20
CURRENCY_STEP = 2**34


class Selection:
    """Who is meant, in one version. Safe to share between threads: what is kept is never changed."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Select among the people of `snapshot`."""
        self.snapshot = snapshot
        self.described = Described(snapshot)
        self._masks = Kept[pl.Series](most=64)
        self._nets = Kept[dict[str, Decimal]](most=64)
        self._rows = Kept[pl.Series](most=8)
        self._orders = Kept[pl.Series](most=2 * len(SORTS))

    def mask(self, filters: Filters, overlay: Overlay) -> pl.Series:
        """Return the mask of those whom `filters` mean."""
        return self._masks.get((filters, overlay), lambda: self._mask(filters, overlay))

    def count(self, filters: Filters, overlay: Overlay) -> int:
        """Return how many people `filters` mean."""
        return int(self.mask(filters, overlay).sum())

    def net(self, filters: Filters, overlay: Overlay) -> dict[str, Decimal]:
        """Return the net of those whom `filters` mean, a currency each."""
        return self._nets.get((filters, overlay), lambda: self.snapshot.net_by_currency(self.mask(filters, overlay)))

    def rows(self, filters: Filters, overlay: Overlay, sort: str, *, descending: bool) -> pl.Series:
        """Return the rows of those whom `filters` mean in the order of the list.

        Absent values come last either way, and ties go by key, so that pages never overlap.
        """

        def among_those() -> pl.Series:
            order = self._orders.get((sort, descending), lambda: self._order(sort, descending=descending))
            mask = self.mask(filters, overlay)
            return order if mask.all() else order.filter(mask.gather(order))

        return self._rows.get((filters, overlay, sort, descending), among_those)

    def _mask(self, filters: Filters, overlay: Overlay) -> pl.Series:
        hidden = self.snapshot.mask_of(pl.Series(list(overlay.hidden), dtype=pl.String))
        masks = [hidden if filters.hidden else ~hidden]
        if filters.search:
            masks.append(self._found(filters.search))
        if filters.rfm_groups:
            masks.append(self.snapshot.people["rfm_group"].is_in(list(filters.rfm_groups)).fill_null(value=False))
        if filters.tags:
            wanted = {*filters.tags}
            keys = [key for key, tags in overlay.tags.items() if not wanted.isdisjoint(tags)]
            masks.append(self.snapshot.mask_of(pl.Series(keys, dtype=pl.String)))
        if filters.any_of:
            masks.append(reduce(pl.Series.__or__, [self.described.mask(rule, overlay) for rule in filters.any_of]))
        if filters.rule is not None:
            masks.append(self.described.mask(filters.rule, overlay))
        return reduce(pl.Series.__and__, masks)

    def _order(self, sort: str, *, descending: bool) -> pl.Series:
        """Return the rows of everybody in this order. People stand by key: a stable sort settles ties by key."""
        rank = pl.col(RANKS[sort]).cast(pl.Int64)
        place = (-rank if descending else rank).fill_null(NO_RANK)
        if sort in MONEY_SORTS:
            place = place + pl.col("_currency_rank").cast(pl.Int64).fill_null(NO_CURRENCY) * CURRENCY_STEP
        return self.snapshot.people.select(pl.arg_sort_by(place, maintain_order=True)).to_series()

    def _found(self, search: str) -> pl.Series:
        number = order_number_of(search)
        found = matches(search, self.snapshot.keys_by_order(number) if number else None)
        return self.snapshot.people.with_columns(found.alias("_found"))["_found"]
