"""Segments: saved rules with how many they describe, and counting a rule that is not saved."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Response

from regulars import models
from regulars.directory.published import Directory
from regulars.directory.query import Count
from regulars.errors import LaterThanFigures, NothingPublished, RecordInvalid, StaleVersion
from regulars.records.ports import Records
from transforms.days import as_of_for_day
from transforms.rules import Rule, RuleError, named_by, parse, refuse_circle, to_text, todays_values, words
from webhook_receiver.api.asked import Author, HouseGiven, SegmentId, ShopAsked
from webhook_receiver.api.house import House
from webhook_receiver.api.models import row_of
from webhook_receiver.api.problems import NO_DAY, READING, WRITING, FieldInvalid, InUse, documented
from webhook_receiver.api.rules import criteria_of, rule_of
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
    names = _names(house, shop)
    return {"segments": [_segment(segment, counts, names) for segment in house.records.segments(shop)]}


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
    records, rule = _records(house, shop), rule_of(text)
    refuse_circle("", rule, records.segments(shop))  # so that what names nothing is told at the rule's field
    made = records.create_segment(shop, text.name, to_text(rule), author, text.description)
    response.headers["Location"] = f"/api/segments/{made.id}"
    tagged(response, made.version)
    return _segment(made, _counts(house, shop), _names(house, shop))


@router.post("/count", response_model=Counted, responses=documented(*WRITING))
def count(house: HouseGiven, asked: ShopAsked, text: RuleAsked) -> dict[str, Any]:
    """Count the people whom a rule describes now, or described on a past day, without saving it."""
    shop = house.shop(asked.shop)
    rule = rule_of(text)
    directory = house.directory(shop)
    about = directory.manifest()
    as_of = None if text.as_of is None else _instant(text.as_of, about.timezone)
    counted = directory.count(rule) if as_of is None else _count_as_of(directory, rule, as_of)
    some = counted.sample.to_dicts()
    # Who was a member then is another question: the sample names the segments of today alone.
    segments = directory.segments_of([row["customer_key"] for row in some])
    sample = [row_of(shop, row, row["tags"], list(segments[row["customer_key"]])) for row in some]
    return {
        "rule": to_text(rule),
        "criteria": criteria_of(rule),
        "words": words(rule, _names(house, shop)),
        "as_of": as_of or about.as_of,
        "observed": as_of is None,
        "without_past": [] if as_of is None else list(todays_values(rule, house.records.segments(shop))),
        "people": counted.people,
        "net": dict(counted.net),
        "sample": sample,
    }


def _instant(day: str, timezone: str) -> datetime:
    try:
        return as_of_for_day(date.fromisoformat(day), timezone)
    except (ValueError, OverflowError):
        raise FieldInvalid({"as_of": NO_DAY}) from None


def _count_as_of(directory: Directory, rule: Rule, as_of: datetime) -> Count:
    try:
        return directory.count_as_of(rule, as_of)
    except LaterThanFigures as error:
        raise FieldInvalid({"as_of": error.message}) from None


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
    return _segment(segment, counts, _names(house, shop))


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
    records, rule = _records(house, shop), rule_of(text)
    refuse_circle(segment_id, rule, records.segments(shop))
    try:
        edited = records.edit_segment(
            shop,
            segment_id,
            name=text.name,
            rule=to_text(rule),
            author=author,
            expected_version=expected,
            description=text.description,
        )
    except StaleVersion as error:
        raise _stale(house, shop, segment_id, error, text.model_dump(exclude_none=True)) from error
    tagged(response, edited.version)
    return _segment(edited, _counts(house, shop), _names(house, shop))


@router.delete("/{segment_id}", status_code=204, responses=documented(*READING, 403, 409, 428))
def delete(house: HouseGiven, asked: ShopAsked, segment_id: SegmentId, if_match: IfMatch = None) -> Response:
    """Remove a segment. `If-Match` names the version you saw; one that other rules name stays (409)."""
    expected = expected_version(if_match)
    shop = house.shop(asked.shop)
    records = _records(house, shop)
    try:
        records.delete_segment(shop, segment_id, expected)
    except StaleVersion as error:
        raise _stale(house, shop, segment_id, error) from error
    except RecordInvalid as error:
        if names := named_by(segment_id, records.segments(shop)):
            raise InUse(error.message, names) from error
        raise
    return Response(status_code=204)


def _records(house: House, shop: str) -> Records:
    """Return the records; the segments that every shop begins with are there from the first look on."""
    house.directory(shop)
    return house.records


def _stale(
    house: House, shop: str, segment_id: str, error: StaleVersion, yours: dict[str, Any] | None = None
) -> StaleVersion:
    now = house.records.segment(shop, segment_id)
    current = Segment(**_segment(now, _counts(house, shop), _names(house, shop)))
    return StaleVersion(error.message, current=current.model_dump(mode="json"), yours=yours)


def _counts(house: House, shop: str) -> Counts:
    """Return people and net of each segment; none before the first sync."""
    try:
        return house.directory(shop).segment_counts()
    except NothingPublished:
        return {}


def _names(house: House, shop: str) -> dict[str, str]:
    """Return what segments are called by id: rules name them by id."""
    return {segment.id: segment.name for segment in house.records.segments(shop)}


def _segment(segment: models.Segment, counts: Counts, names: Mapping[str, str]) -> dict[str, Any]:
    same = {name: getattr(segment, name) for name in ("id", "shop", "name", "rule", "description", "version")}
    counted = counts.get(segment.id)
    known = counted if isinstance(counted, Count) else None
    rule = _readable(segment.rule)
    return {
        **same,
        "criteria": None if rule is None else criteria_of(rule),
        "words": None if rule is None else words(rule, names),
        "created": segment.created_at,
        "edited": segment.edited_at,
        "people": known.people if known else None,
        "net": dict(known.net) if known else None,
        "error": counted.message if isinstance(counted, RuleError) else None,
    }


def _readable(rule: str) -> Rule | None:
    try:
        return parse(rule)
    except RuleError:
        return None
