"""What can be asked of the directory, and what comes back."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

import polars as pl

from regulars.models import Hidden, Segment
from transforms.rules import Rule

# Sort keys and the column behind each. Money sorts within its currency: amounts of two currencies do not compare.
SORTS: Mapping[str, str] = {
    "name": "_name",
    "net": "net",
    "orders": "orders_count",
    "average": "average_order",
    "last_order": "last_order_at",
    "first_order": "first_order_at",
    "created": "created_at",
    "country": "country",
    "rfm": "_rfm_rank",
}
MONEY_SORTS = frozenset({"net", "average"})


class LiveRecords(Protocol):
    """What people wrote and is laid over the published version at once."""

    def tags(self, shop: str) -> Mapping[str, tuple[str, ...]]:
        """Return the tags of everyone who has some, by customer key."""

    def segments(self, shop: str) -> list[Segment]:
        """Return the saved segments."""

    def identity_links(self, shop: str) -> Mapping[str, tuple[str, str]]:
        """Return the keys that people had before (as a guest, say), each with the key it belongs to now and why.

        A separated identity leads to itself; see `regulars.records.system_ports.Aliases`.
        """

    def hidden(self, shop: str) -> Mapping[str, Hidden]:
        """Return everybody who was deleted here, by customer key."""


@runtime_checkable
class Watched(Protocol):
    """Live records that can tell cheaply whether anything was written: tags of many people take long to read."""

    def written(self, shop: str) -> Hashable:
        """Return a value that equals an earlier one only where tags, segments, aliases and hidden people are as then.

        It may also differ for nothing. Ask before reading: what is read then is at least as new as the value. See
        `regulars.records.ports.Records.written`.
        """


@dataclass(frozen=True)
class PeopleQuery:
    """A list of people. Each filter left empty filters nothing; values within one filter are alternatives.

    `segments` are ids of saved segments, `rule` an unsaved one. `page` starts at 1; a page past the end is the last.
    `hidden`: those who were deleted here and nobody else; without it, everybody but them.
    """

    search: str = ""
    rfm_groups: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    rule: Rule | None = None
    sort: str = "net"
    descending: bool = True
    page: int = 1
    page_size: int = 25
    hidden: bool = False


@dataclass(frozen=True)
class Place:
    """Where a person stands in a list: `position` from 1 of `total`, and the keys of the neighbours, None at an end."""

    position: int
    total: int
    before: str | None
    after: str | None


@dataclass(frozen=True)
class PeoplePage:
    """One page of a list. `rows` has the columns of `ROW_COLUMNS` and `tags`; `net` sums all matches, a currency each.

    `total` counts the matches, `everyone` the people of the shop.
    """

    rows: pl.DataFrame
    total: int
    everyone: int
    net: Mapping[str, Decimal]
    page: int
    pages: int


@dataclass(frozen=True)
class Count:
    """How many people a rule or group has, and their net a currency. `sample` is up to ten of them, by net."""

    people: int
    net: Mapping[str, Decimal]
    sample: pl.DataFrame = field(default_factory=pl.DataFrame)


@dataclass(frozen=True)
class Person:
    """One person: `row` has the columns of `CUSTOMERS` and `tags`; `currencies` those of `CUSTOMER_CURRENCIES`.

    `segments` are the ids of the saved segments the person is in now; `hidden` says who deleted the person here, if so.
    """

    row: Mapping[str, Any]
    currencies: pl.DataFrame
    segments: tuple[str, ...]
    hidden: Hidden | None = None
