"""What people write, as the API takes and gives it as JSON: notes, tags, segments; see `models`."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from transforms.rules import MAX_TEXT
from webhook_receiver.api.models import Answer, Asked, CustomerRow, Net
from webhook_receiver.api.problems import DAY_PATTERN


class Note(Answer):
    """An internal note. `author` wrote this version."""

    id: int
    key: str
    text: str
    author: str
    created: datetime
    edited: datetime | None
    version: int


class Notes(Answer):
    """Notes on a customer, the newest first."""

    notes: list[Note]


class NoteVersions(Answer):
    """Every version of a note, the first one first."""

    versions: list[Note]


class NoteText(Asked):
    """The text of a note: 1 to 10,000 characters."""

    text: Annotated[str, Field(min_length=1, max_length=20_000, examples=["Asked for an invoice by post."])]


class TagList(Asked):
    """Tags: up to 50, each of 1 to 40 characters; case and white space make no difference between two."""

    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]


class Tags(Answer):
    """The tags of a customer, alphabetically."""

    tags: list[str]


class Segment(Answer):
    """A saved rule with how many it describes now, and their net by currency.

    Both are null before the first sync, and where `error` says why the rule cannot be read.
    """

    id: str
    shop: str
    name: str
    rule: str = Field(examples=["orders_count >= 5 and last_order within 365 days"])
    criteria: dict[str, Any] | None = Field(description="The rule as a criteria object; null where none can say it")
    words: str | None = Field(description="The rule as a phrase")
    description: str
    created: datetime
    edited: datetime | None
    version: int
    people: int | None
    net: Net | None
    error: str | None = None


class Segments(Answer):
    """The saved segments, in the order in which they were made."""

    segments: list[Segment]


RuleText = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT, examples=["orders_count >= 3 and total_spent >= 200"])
]


CriteriaAsked = Annotated[
    dict[str, Any] | None,
    Field(
        description="In place of `rule`: `orders_count` and `total_spent` with `min` or `max`, `last_order_date` and "
        "`created_date` with `days_ago`; all that are given hold",
        examples=[{"orders_count": {"min": 3}, "last_order_date": {"days_ago": 90}}],
    ),
]


class RuleGiven(Asked):
    """A rule as text, or a criteria object: one of the two."""

    rule: RuleText | None = None
    criteria: CriteriaAsked = None


class SegmentText(RuleGiven):
    """A segment as people write it."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Loyal in Bonn"])]
    description: Annotated[str, Field(max_length=1000)] = ""


class RuleAsked(RuleGiven):
    """A rule that need not be saved."""

    as_of: Annotated[
        str | None,
        Field(
            pattern=DAY_PATTERN,
            examples=["2026-01-31"],
            description="Count as of 00:00 of this day in the shop's time zone, reconstructed from what is known now",
        ),
    ] = None


class Counted(Answer):
    """How many a rule describes, their net by currency, and up to ten of them, by net.

    `observed` is false where the answer was reconstructed for a past day: orders known now and before that day,
    with today's values of what `without_past` names.
    """

    rule: str = Field(description="The rule in its canonical text")
    criteria: dict[str, Any] | None = Field(description="The rule as a criteria object; null where none can say it")
    words: str
    as_of: datetime = Field(description="The exclusive instant that ages count from")
    observed: bool = Field(description="True for now; false for a past day, which is reconstructed")
    without_past: list[str] = Field(description="What a past day's answer takes from today, in words")
    people: int
    net: Net
    sample: list[CustomerRow]


class RuleField(Answer):
    """A field of the rule language, or a term in the brackets of `orders(…)` and `bought(…)`.

    `together` is true for terms that are asked of all that remains, such as `count`; fields have false.
    """

    name: str
    type: str = Field(examples=["money"], description="int, money, number, text, date, bool or list")
    unit: str
    label: str
    help: str
    operators: list[str]
    has_past: bool = Field(description="False: as of a past day, today's value is compared")
    together: bool
    values: list[str] | list[int] = Field(description="All that there are; empty where the shop decides")


class RuleFields(Answer):
    """What rules can ask: of the person, of each order or all of them, of what was bought."""

    fields: list[RuleField]
    orders: list[RuleField]
    bought: list[RuleField]
