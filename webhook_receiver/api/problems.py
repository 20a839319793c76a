"""Errors as `application/problem+json` (RFC 9457): one table from what went wrong to the status and type of the answer.

`detail` is a sentence for people. `fields` says what is wrong with which field; a stale edit carries `current` (the
record as it is now) and `yours` (what was sent), so that nothing typed is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from regulars import errors
from regulars.directory.not_derived import NotYetDerived
from transforms.rules import RuleError

MEDIA_TYPE = "application/problem+json"
FIELD_LENGTH = 100
PROXY_PARTS = frozenset({"body", "query", "path", "header"})


class Problem(BaseModel):
    """What went wrong. `type` is an address that explains the kind of problem; `instance` is the path that was asked."""

    type: str = Field(examples=["/docs#invalid"])
    title: str = Field(examples=["What was sent is not right"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["limit: At most 200 rows a page (REGULARS_PAGE_SIZE_MAX)."])
    instance: str = Field(examples=["/api/customers"])
    fields: dict[str, str] | None = Field(None, description="What is wrong, by field")
    position: int | None = Field(None, description="Where in a rule's text, counted from 0")
    expected: str | None = Field(None, description="What would be right there")
    named_by: list[str] | None = Field(None, description="The segments whose rules name this one")
    current: dict[str, Any] | None = Field(None, description="The record as it is now, where an edit was stale")
    yours: dict[str, Any] | None = Field(None, description="What you sent, where an edit was stale")


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its status, the last part of its type, its title."""

    status: int
    name: str
    title: str


class InUse(Exception):
    """What is to be deleted is named by others; `names` are these."""

    def __init__(self, message: str, names: Sequence[str]) -> None:
        super().__init__(message)
        self.message = message
        self.names = list(names)


DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
NO_DAY = "This is no day; write one as 2026-01-31."
INVALID = Kind(422, "invalid", "What was sent is not right")
UNAVAILABLE = Kind(503, "unavailable", "Something this needs is away")
SHOP_AWAY = Kind(502, "shop", "The shop did not do it")
KINDS: tuple[tuple[type[Exception], Kind], ...] = (
    (errors.StaleVersion, Kind(409, "stale", "Somebody else saved in between")),
    (errors.RecordNotFound, Kind(404, "not-found", "There is no such thing")),
    (errors.ShopRecordGone, Kind(404, "not-found", "There is no such thing")),
    (errors.RecordInvalid, INVALID),
    (errors.ShopRequestInvalid, INVALID),
    (NotYetDerived, Kind(503, "not-derived", "The next sync works this out")),
    (RuleError, INVALID),
    (InUse, Kind(409, "in-use", "The rule of another segment names this one")),
    (errors.NoAccount, Kind(409, "no-account", "A guest has no account in the shop")),
    (errors.NothingPublished, Kind(503, "nothing-published", "Nothing is published yet")),
    (errors.ShopBusy, Kind(503, "shop-busy", "The shop cannot answer now")),
    (errors.ShopError, SHOP_AWAY),
    (errors.RunFailed, Kind(502, "sync-failed", "The sync failed")),
    (errors.ChecksFailed, Kind(502, "sync-failed", "The sync failed")),
    (errors.RegularsError, UNAVAILABLE),
)
UNCERTAIN = Kind(504, "uncertain", "The shop may have done it")
BY_STATUS = {
    400: Kind(400, "malformed", "This is not JSON as it should be"),
    401: Kind(401, "unauthorized", "A token is needed"),
    403: Kind(403, "foreign-origin", "Another site may not write here"),
    404: Kind(404, "not-found", "There is no such thing"),
    405: Kind(405, "method", "This address does not take this method"),
    408: Kind(408, "slow", "The request took too long to arrive"),
    413: Kind(413, "too-large", "The body is too large"),
    415: Kind(415, "media-type", "JSON is needed"),
    422: INVALID,
    428: Kind(428, "precondition", "The version you edit must be named"),
    500: Kind(500, "unforeseen", "Something went wrong here"),
    503: UNAVAILABLE,
}
SENTENCES = {404: "There is nothing at this address.", 405: "This address does not take this method."}


class FieldInvalid(Exception):
    """A field or parameter is not right; `fields` says what, by name."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(fields))
        self.fields = fields


def kind_of(error: Exception) -> Kind:
    """Return the kind of problem that an error of ours is."""
    if isinstance(error, errors.ShopUnreachable) and error.sent and not error.retry:
        return UNCERTAIN
    return next(kind for cause, kind in KINDS if isinstance(error, cause))


def answer(
    kind: Kind, detail: str, instance: str, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """Return a problem as the answer; of `more`, what is empty is left out."""
    told = {"type": f"/docs#{kind.name}", "title": kind.title, "status": kind.status, "detail": detail}
    body = {**told, "instance": instance, **{name: value for name, value in more.items() if value or value == 0}}
    content = orjson.dumps(jsonable_encoder(body))
    return Response(content, kind.status, dict(headers or {}), media_type=MEDIA_TYPE)


def of_status(status: int, detail: str, instance: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the problem that a bare status stands for."""
    kind = BY_STATUS.get(status) or Kind(status, "http", HTTPStatus(status).phrase)
    return answer(kind, detail, instance, headers)


def install(app: FastAPI) -> None:
    """Make every error an answer of this module's kind."""
    app.add_exception_handler(errors.RegularsError, _on_ours)
    app.add_exception_handler(RuleError, _on_rule)
    app.add_exception_handler(InUse, _on_use)
    app.add_exception_handler(FieldInvalid, _on_field)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.RegularsError)
    after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(round(after))} if after else {}
    kind = kind_of(error)
    detail = error.sentence()
    if isinstance(error, errors.ShopRequestInvalid) and error.said:
        detail = f"The shop says: {error.said}"
    return answer(
        kind,
        detail,
        request.url.path,
        headers,
        fields=dict(getattr(error, "fields", {})),
        current=getattr(error, "current", None),
        yours=getattr(error, "yours", None),
    )


async def _on_rule(request: Request, error: Exception) -> Response:
    assert isinstance(error, RuleError)
    where: dict[str, Any] = {"position": error.position, "expected": error.expected}
    return answer(INVALID, error.message, request.url.path, fields={"rule": error.message}, **where)


async def _on_use(request: Request, error: Exception) -> Response:
    assert isinstance(error, InUse)
    return answer(kind_of(error), error.message, request.url.path, named_by=error.names)


async def _on_field(request: Request, error: Exception) -> Response:
    assert isinstance(error, FieldInvalid)
    return _invalid(request, error.fields)


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = {_field(fault["loc"]): _sentence(fault) for fault in error.errors()}
    return _invalid(request, faults)


def _invalid(request: Request, faults: Mapping[str, str]) -> Response:
    detail = " ".join(f"{name}: {sentence}" for name, sentence in faults.items())
    return answer(INVALID, detail[:1000], request.url.path, fields=faults)


def _field(where: tuple[Any, ...]) -> str:
    """Return the name of a field; what callers invent as one is cut, so that answers stay small."""
    parts = where[1:] if where and where[0] in PROXY_PARTS and len(where) > 1 else where
    return ".".join(str(part) for part in parts)[:FIELD_LENGTH]


def _sentence(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "There is no such field."
    given: Mapping[str, Any] = fault.get("ctx", {})
    if fault["type"] == "string_too_long":
        return f"This takes at most {given['max_length']:,} characters."
    if fault["type"] == "string_pattern_mismatch" and given["pattern"] == DAY_PATTERN:
        return NO_DAY
    text = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    plain = error.detail == HTTPStatus(error.status_code).phrase
    detail = SENTENCES.get(error.status_code, error.detail) if plain else error.detail
    return of_status(error.status_code, detail, request.url.path, error.headers)


DOCUMENTED = {
    400: "The body is not JSON as it should be.",
    401: "The caller is not local and names no valid token.",
    403: "A page of another site tries to write.",
    404: "There is no such customer, note, segment or decision.",
    408: "The body took too long to arrive.",
    409: "Somebody else saved in between: `current` and `yours` hold both. Or others name it: `named_by` says which.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not JSON.",
    422: "A field or parameter is not right: `fields` says which and why.",
    428: "`If-Match` is missing.",
    502: "The shop, or the sync, refused: `detail` has its sentence.",
    503: "Something this needs is away: `detail` says what.",
    504: "The shop did not answer, and may have obeyed: `detail` says how to find out.",
}
READING = (401, 404, 422, 503)
WRITING = (400, 401, 403, 404, 408, 413, 415, 422, 503)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that can answer with these problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": DOCUMENTED[status], "content": content} for status in sorted(set(statuses))}
