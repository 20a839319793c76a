"""Who is who, as the API takes and gives it as JSON; see `models`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from regulars.models import DecisionKind
from regulars.records.texts import KEY_LENGTH
from webhook_receiver.api.models import EXAMPLE_KEY, Answer, Asked, CustomerRow, Pagination

GivenKey = Annotated[str, Field(min_length=1, max_length=KEY_LENGTH)]


class Identity(Answer):
    """One thing a customer is made of: an account, a guest's e-mail, a guest order without one.

    `orders` counts those of every status. `waits`: a decision made since the last run changes this with the next one.
    """

    identity: str = Field(examples=[EXAMPLE_KEY])
    email: str | None = Field(description="The address as it is compared")
    orders: int
    first_order: datetime | None
    last_order: datetime | None
    link: str = Field(description="Why it belongs to the customer, in a word", examples=["account e-mail"])
    why: str = Field(description="The same as a sentence")
    decision: int | None = Field(description="Id of the decision about it that is in force; undo it to change that")
    waits: bool


class Identities(Answer):
    """What a customer is made of, most orders first."""

    key: str
    identities: list[Identity]


class Decision(Answer):
    """What somebody decided about who is who. It holds until it is undone.

    "merged": `identity`, with all that is theirs, belongs to `into`. "separated": `identity` is a customer of its own.
    `waits`: figures follow with the next run, mostly within a minute.
    """

    id: int
    kind: DecisionKind
    identity: str
    into: str
    author: str
    at: datetime
    undone_at: datetime | None
    undone_by: str | None
    waits: bool


class Decisions(Answer):
    """Decisions on who is who, undone ones too, the newest first."""

    decisions: list[Decision]
    pagination: Pagination


class Review(Answer):
    """An e-mail address that strangers share, so that who uses it was not merged.

    `reason`: "accounts" (several log in with it) or "names" (orders under it bear several last names).
    """

    email: str
    reason: Literal["accounts", "names"]
    customers: list[CustomerRow] = Field(description="Up to 20 of those who use it")
    people: int = Field(description="How many use it")
    orders: int = Field(description="Guest orders under the address")
    last_order: datetime | None


class Reviews(Answer):
    """Shared addresses that nobody decided on, most orders first."""

    reviews: list[Review]
    pagination: Pagination


class MergeAsked(Asked):
    """Whom to merge a customer with."""

    other: GivenKey = Field(alias="with", examples=["guest:5f1c…"], description="The key of the other customer")


class SeparateAsked(Asked):
    """What to separate from a customer."""

    identity: GivenKey = Field(examples=["guest:5f1c…"], description="One of the customer's identities")
