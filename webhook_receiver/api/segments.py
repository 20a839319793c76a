"""Segments: saved rules with how many they describe, and counting a rule that is not saved."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response

from regulars import models
from regulars.directory.query import Count
from regulars.errors import NothingPublished, StaleVersion
from regulars.records.ports import Records
from transforms.rules import RuleError, parse, to_text, words
from webhook_receiver.api.asked import Author, HouseGiven, SegmentId, ShopAsked
from webhook_receiver.api.house import House
from webhook_receiver.api.models import row_of
from webhook_receiver.api.problems import READING, WRITING, documented
from webhook_receiver.api.versions import IfMatch, expected_version, tagged
from webhook_receiver.api.written_models import Counted, RuleAsked, Segment, Segments, SegmentText

router = APIRouter(prefix="/api/segments", tags=["segments"])
ETAG = {"ETag": {"description": "The version, for `If-Match`", "schema": {"type": "string"}}}
LOCATION = {"Location": {"description": "Where it is", "schema": {"type": "string"}}}
Counts = Mapping[str, Count | RuleError]


@router.get("", response_model=Segments, responses=documented(401, 422, 503))
def list_segments(house: HouseGiven, asked: ShopAsked) -> dict[str, Any]:
    """Return the saved segments with people and net."""
    shop = house.shop(asked.shop)
    counts = _counts(house, shop)
    return {"segments": [_segment(segment, counts) for segment in house.records.segments(shop)]}


@router.post(
    "",
    status_code=201,
    response_model=Segment,
    responses={**documented(*WRITING), 201: {"description": "Saved", "headers": {**ETAG, **LOCATION}}},
)
def create(
    house: HouseGiven, author: Author, asked: ShopAsked, text: SegmentText, response: Response
) -> dict[str, Any]:
    """Save a new segment. Its id is made from the name and never changes."""
    shop = house.shop(asked.shop)
    parse(text.rule)  # so that a rule that cannot be read is told at its field
    made = _records(house, shop).create_segment(shop, text.name, text.rule, author, text.description)
    response.headers["Location"] = f"/api/segments/{made.id}"
    tagged(response, made.version)
    return _segment(made, _counts(house, shop))


@router.post("/count", response_model=Counted, responses=documented(*WRITING))
def count(house: HouseGiven, asked: ShopAsked, text: RuleAsked) -> dict[str, Any]:
    """Count the people whom a rule describes now, without saving it."""
    shop = house.shop(asked.shop)
    rule = parse(text.rule)
    directory = house.directory(shop)
    counted = directory.count(rule)
    some = counted.sample.to_dicts()
    segments = directory.segments_of([row["customer_key"] for row in some])
    sample = [row_of(shop, row, row["tags"], list(segments[row["customer_key"]])) for row in some]
    return {
        "rule": to_text(rule),
        "words": words(rule),
        "people": counted.people,
        "net": dict(counted.net),
        "sample": sample,
    }


@router.get(
    "/{segment_id}",
    response_model=Segment,
    responses={**documented(*READING), 200: {"description": "The segment", "headers": ETAG}},
)
def read(house: HouseGiven, asked: ShopAsked, segment_id: SegmentId, response: Response) -> dict[str, Any]:
    """Return one segment."""
    shop = house.shop(asked.shop)
    counts = _counts(house, shop)
    segment = _records(house, shop).segment(shop, segment_id)
    tagged(response, segment.version)
    return _segment(segment, counts)


@router.put(
    "/{segment_id}",
    response_model=Segment,
    responses={
        **documented(*WRITING, 409, 428),
        200: {"description": "The segment as it is now", "headers": ETAG},
    },
)
def edit(
    *,
    house: HouseGiven,
    author: Author,
    asked: ShopAsked,
    segment_id: SegmentId,
    text: SegmentText,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Replace name, rule and description. `If-Match` names the version you edit; 409 has both where that is stale."""
    expected = expected_version(if_match)
    shop = house.shop(asked.shop)
    parse(text.rule)
    try:
        edited = _records(house, shop).edit_segment(
            shop,
            segment_id,
            name=text.name,
            rule=text.rule,
            author=author,
            expected_version=expected,
            description=text.description,
        )
    except StaleVersion as error:
        raise _stale(house, shop, segment_id, error, text.model_dump()) from error
    tagged(response, edited.version)
    return _segment(edited, _counts(house, shop))


@router.delete("/{segment_id}", status_code=204, responses=documented(*READING, 403, 409, 428))
def delete(house: HouseGiven, asked: ShopAsked, segment_id: SegmentId, if_match: IfMatch = None) -> Response:
    """Remove a segment. `If-Match` names the version you saw."""
    expected = expected_version(if_match)
    shop = house.shop(asked.shop)
    try:
        _records(house, shop).delete_segment(shop, segment_id, expected)
    except StaleVersion as error:
        raise _stale(house, shop, segment_id, error) from error
    return Response(status_code=204)


def _records(house: House, shop: str) -> Records:
    """Return the records; the segments that every shop begins with are there from the first look on."""
    house.directory(shop)
    return house.records


def _stale(
    house: House, shop: str, segment_id: str, error: StaleVersion, yours: dict[str, Any] | None = None
) -> StaleVersion:
    current = Segment(**_segment(house.records.segment(shop, segment_id), _counts(house, shop)))
    return StaleVersion(error.message, current=current.model_dump(mode="json"), yours=yours)


def _counts(house: House, shop: str) -> Counts:
    """Return people and net of each segment; none before the first sync."""
    try:
        return house.directory(shop).segment_counts()
    except NothingPublished:
        return {}


def _segment(segment: models.Segment, counts: Counts) -> dict[str, Any]:
    same = {name: getattr(segment, name) for name in ("id", "shop", "name", "rule", "description", "version")}
    counted = counts.get(segment.id)
    known = counted if isinstance(counted, Count) else None
    return {
        **same,
        "words": _words(segment.rule),
        "created": segment.created_at,
        "edited": segment.edited_at,
        "people": known.people if known else None,
        "net": dict(known.net) if known else None,
        "error": counted.message if isinstance(counted, RuleError) else None,
    }


def _words(rule: str) -> str | None:
    try:
        return words(parse(rule))
    except RuleError:
        return None
