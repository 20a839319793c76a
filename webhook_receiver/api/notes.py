"""Notes and tags on a customer. An edit of a note names the version it was made from; a stale one changes nothing."""

from typing import Any

from fastapi import APIRouter, Response

from regulars import models
from regulars.directory.written import notes_of
from regulars.errors import StaleVersion
from regulars.records.sentences import note_gone, tags_stale
from webhook_receiver.api.asked import Author, CustomerKey, HouseGiven, NoteId, ShopAsked
from webhook_receiver.api.house import House
from webhook_receiver.api.people import exists, find
from webhook_receiver.api.problems import READING, WRITING, documented
from webhook_receiver.api.versions import IfMatch, expected_text, expected_version, of_tags, tagged
from webhook_receiver.api.written_models import Note, Notes, NoteText, NoteVersions, TagList, Tags

router = APIRouter(prefix="/api/customers", tags=["notes and tags"])
ETAG = {"ETag": {"description": "The version, for `If-Match`", "schema": {"type": "string"}}}
LOCATION = {"Location": {"description": "Where it is", "schema": {"type": "string"}}}
EDITING = (*WRITING, 409, 428)


@router.get("/{key}/notes", response_model=Notes, responses=documented(*READING))
def notes(house: HouseGiven, asked: ShopAsked, key: CustomerKey) -> dict[str, Any]:
    """Return the notes on a customer, the newest first."""
    shop = house.shop(asked.shop)
    keys = house.directory(shop).known_as(exists(house, shop, key))
    return {"notes": [_note(note) for note in notes_of(house.records, shop, keys)]}


@router.post(
    "/{key}/notes",
    status_code=201,
    response_model=Note,
    responses={**documented(*WRITING), 201: {"description": "Written", "headers": {**ETAG, **LOCATION}}},
)
def add(
    *, house: HouseGiven, author: Author, asked: ShopAsked, key: CustomerKey, text: NoteText, response: Response
) -> dict[str, Any]:
    """Write a note on a customer."""
    shop = house.shop(asked.shop)
    note = house.records.add_note(shop, exists(house, shop, key), text.text, author)
    response.headers["Location"] = f"/api/customers/{note.customer_key}/notes/{note.id}"
    tagged(response, note.version)
    return _note(note)


@router.get(
    "/{key}/notes/{note_id}",
    response_model=Note,
    responses={**documented(*READING), 200: {"description": "The note", "headers": ETAG}},
)
def read(house: HouseGiven, asked: ShopAsked, key: CustomerKey, note_id: NoteId, response: Response) -> dict[str, Any]:
    """Return one note as it is now."""
    note = _found(house, house.shop(asked.shop), key, note_id)
    tagged(response, note.version)
    return _note(note)


@router.put(
    "/{key}/notes/{note_id}",
    response_model=Note,
    responses={**documented(*EDITING), 200: {"description": "The note as it is now", "headers": ETAG}},
)
def edit(
    *,
    house: HouseGiven,
    author: Author,
    asked: ShopAsked,
    key: CustomerKey,
    note_id: NoteId,
    text: NoteText,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Replace the text of a note. `If-Match` names the version you edit; 409 has both where that is not the last one."""
    expected = expected_version(if_match)
    note = _found(house, house.shop(asked.shop), key, note_id)
    try:
        edited = house.records.edit_note(note.id, text.text, author, expected)
    except StaleVersion as error:
        raise _stale(house, note.id, error, {"text": text.text}) from error
    tagged(response, edited.version)
    return _note(edited)


@router.delete("/{key}/notes/{note_id}", status_code=204, responses=documented(*READING, 403, 409, 428))
def delete(
    house: HouseGiven, asked: ShopAsked, key: CustomerKey, note_id: NoteId, if_match: IfMatch = None
) -> Response:
    """Remove a note and its history for good. `If-Match` names the version you saw."""
    expected = expected_version(if_match)
    note = _found(house, house.shop(asked.shop), key, note_id)
    try:
        house.records.delete_note(note.id, expected)
    except StaleVersion as error:
        raise _stale(house, note.id, error) from error
    return Response(status_code=204)


@router.get("/{key}/notes/{note_id}/history", response_model=NoteVersions, responses=documented(*READING))
def history(house: HouseGiven, asked: ShopAsked, key: CustomerKey, note_id: NoteId) -> dict[str, Any]:
    """Return every version of a note, the first one first."""
    note = _found(house, house.shop(asked.shop), key, note_id)
    return {"versions": [_note(version) for version in house.records.note_history(note.id)]}


@router.get(
    "/{key}/tags",
    response_model=Tags,
    responses={**documented(*READING), 200: {"description": "The tags", "headers": ETAG}},
)
def tags(house: HouseGiven, asked: ShopAsked, key: CustomerKey, response: Response) -> dict[str, Any]:
    """Return a customer's tags."""
    shop = house.shop(asked.shop)
    found = list(find(house, shop, key).person.row["tags"])
    tagged(response, of_tags(found))
    return {"tags": found}


@router.put(
    "/{key}/tags",
    response_model=Tags,
    responses={**documented(*WRITING, 409, 428), 200: {"description": "The tags as they are now", "headers": ETAG}},
)
def set_tags(
    *,
    house: HouseGiven,
    author: Author,
    asked: ShopAsked,
    key: CustomerKey,
    wanted: TagList,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Give a customer exactly these tags. With `If-Match` only where they still have those that you saw."""
    expected = expected_text(if_match)
    shop = house.shop(asked.shop)
    now = exists(house, shop, key)
    try:
        known = None
        if expected is not None:
            # Before the tags as they are shown: what is written after this read fails the write below.
            known = house.records.tags_of(shop, now)
            if expected != of_tags(find(house, shop, now).person.row["tags"]):
                raise tags_stale()
        written = house.records.set_tags(shop, now, wanted.tags, author, expected=known)
    except StaleVersion as error:
        current = list(find(house, shop, key).person.row["tags"])
        raise StaleVersion(error.message, current={"tags": current}, yours={"tags": wanted.tags}) from error
    for earlier in house.directory(shop).known_as(now)[1:]:
        if house.records.tags_of(shop, earlier):
            house.records.set_tags(shop, earlier, (), author)
    tagged(response, of_tags(written))
    return {"tags": list(written)}


def _found(house: House, shop: str, key: str, note_id: int) -> models.Note:
    """Return a note if it is on this customer. Raises RecordNotFound."""
    note = house.records.note(note_id)
    if note.shop != shop or note.customer_key not in house.directory(shop).known_as(key):
        raise note_gone()
    return note


def _stale(house: House, note_id: int, error: StaleVersion, yours: dict[str, Any] | None = None) -> StaleVersion:
    current = Note(**_note(house.records.note(note_id))).model_dump(mode="json")
    return StaleVersion(error.message, current=current, yours=yours)


def _note(note: models.Note) -> dict[str, Any]:
    same = {name: getattr(note, name) for name in ("id", "text", "author", "version")}
    return {"key": note.customer_key, "created": note.created_at, "edited": note.edited_at, **same}
