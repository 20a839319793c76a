"""What people write, as the API takes and gives it as JSON: notes, tags, segments; see `models`."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from transforms.rule_tree import MAX_TEXT
from webhook_receiver.api.models import Answer, Asked, CustomerRow, Net


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


class SegmentText(Asked):
    """A segment as people write it."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Loyal in Bonn"])]
    rule: RuleText
    description: Annotated[str, Field(max_length=1000)] = ""


class RuleAsked(Asked):
    """A rule that need not be saved."""

    rule: RuleText


class Counted(Answer):
    """How many a rule describes now, their net by currency, and up to ten of them, by net."""

    rule: str = Field(description="The rule in its canonical text")
    words: str
    people: int
    net: Net
    sample: list[CustomerRow]
