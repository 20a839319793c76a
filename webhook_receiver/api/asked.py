"""The parameters that routes share: which shop, which page, which customer; unknown ones are refused."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from regulars.inbox.delivery import LARGEST_ID
from regulars.records.texts import KEY_LENGTH
from regulars.settings import Settings
from webhook_receiver.api.house import House
from webhook_receiver.api.models import EXAMPLE_KEY, Pagination
from webhook_receiver.api.problems import FieldInvalid

LONGEST_WAIT = 600
FURTHEST_PAGE = 1_000_000_000
# The server takes an address of 64 KiB; a character may take 12 bytes there, and all filters fit into one.
LONGEST_RULE = 2_000
MOST_VALUES = 20

CustomerKey = Annotated[
    str, Path(min_length=1, max_length=KEY_LENGTH, examples=[EXAMPLE_KEY], description="A key of the past leads on")
]
NoteId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
SegmentId = Annotated[str, Path(min_length=1, max_length=KEY_LENGTH, examples=["vip"])]
Word = Annotated[str, Field(min_length=1, max_length=60)]
ShopName = Annotated[
    str | None, Field(min_length=1, max_length=40, description="Which shop; needed only where there are several")
]
RfmGroup = Literal[
    "Champions",
    "Loyal",
    "Potential loyalists",
    "New",
    "Promising",
    "Need attention",
    "About to sleep",
    "At risk",
    "Can't lose",
    "Hibernating",
    "Lost",
]
Sort = Literal[
    "name",
    "-name",
    "net",
    "-net",
    "orders",
    "-orders",
    "average",
    "-average",
    "last_order",
    "-last_order",
    "first_order",
    "-first_order",
    "created",
    "-created",
    "country",
    "-country",
    "rfm",
    "-rfm",
]


class OfShop(BaseModel):
    """Parameters of what belongs to one shop."""

    model_config = ConfigDict(extra="forbid")

    shop: ShopName = None


class OfPage(OfShop):
    """Parameters of a list in pages."""

    page: int = Field(1, ge=1, le=FURTHEST_PAGE, description="From 1; a page past the end is empty")
    limit: int | None = Field(
        None, ge=1, le=1000, description="Rows a page: REGULARS_PAGE_SIZE unless given, at most REGULARS_PAGE_SIZE_MAX"
    )


class OfList(OfPage):
    """Parameters of the list of customers. Of one filter any value may hold, of several filters all."""

    search: str = Field("", max_length=200, description="Name, e-mail, company, phone or order number")
    segment: list[Word] = Field([], max_length=MOST_VALUES, description="Ids of saved segments")
    rfm: list[RfmGroup] = Field([], max_length=11, description="RFM groups")
    tag: list[Word] = Field([], max_length=MOST_VALUES, description="Tags")
    rule: str = Field(
        "", max_length=LONGEST_RULE, description="An unsaved rule, such as: orders_count >= 3. Save a longer one first"
    )
    hidden: bool = Field(False, description="Those who were deleted here, instead of everybody else")  # noqa: FBT003
    sort: Sort = Field(
        "-net",
        description="A column, ascending; with a minus before it descending: `-last_order` is the newest order first. "
        "Who has no value comes last either way.",
    )


class OfSync(OfShop):
    """Parameters of a sync."""

    full: bool = Field(False, description="Read everything again, not only what changed")  # noqa: FBT003
    reconcile: bool = Field(False, description="Compare everything with the shop, and mend what differs")  # noqa: FBT003
    wait: int = Field(120, ge=0, le=LONGEST_WAIT, description="Seconds to wait for the end before answering 202")


ShopAsked = Annotated[OfShop, Query()]
PageAsked = Annotated[OfPage, Query()]
ListAsked = Annotated[OfList, Query()]
SyncAsked = Annotated[OfSync, Query()]


def house_of(request: Request) -> House:
    """Return what the routes share."""
    house: House = request.app.state.house
    return house


def author_of(request: Request) -> str:
    """Return in whose name the caller writes: the token's, or the configured one for local callers."""
    author: str = request.state.author
    return author


HouseGiven = Annotated[House, Depends(house_of)]
Author = Annotated[str, Depends(author_of)]


def limit_of(settings: Settings, asked: OfPage) -> int:
    """Return the rows a page. Raises FieldInvalid above the configured maximum."""
    if asked.limit is None:
        return min(settings.page_size, settings.page_size_max)
    if asked.limit > settings.page_size_max:
        raise FieldInvalid({"limit": f"At most {settings.page_size_max} rows a page (REGULARS_PAGE_SIZE_MAX)."})
    return asked.limit


def paged(asked: OfPage, limit: int, total: int) -> tuple[Pagination, slice]:
    """Return the pagination of a list of `total` rows, and which of them are on the page that was asked for."""
    pages = max(1, -(-total // limit))
    start = (asked.page - 1) * limit
    return Pagination(page=asked.page, limit=limit, total=total, pages=pages), slice(start, start + limit)


def known_parameters(*names: str) -> Any:
    """Return a dependency that refuses query parameters other than these: for routes without a model of them."""

    def check(request: Request) -> None:
        unknown = {name: "There is no such parameter." for name in request.query_params if name not in names}
        if unknown:
            raise FieldInvalid(unknown)

    return Depends(check)


async def no_body(request: Request) -> None:
    """Refuse a body where none is read: what it asks for would be passed over silently. An empty object is none."""
    sent = await request.body()
    if sent and orjson.loads(sent):
        raise FieldInvalid({"body": "Nothing is read from a body here; parameters stand in the address."})
