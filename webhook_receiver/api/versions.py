"""`ETag` and `If-Match`: an edit names the version it was made from, so that nobody's work is lost silently."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated

from fastapi import Header
from starlette.exceptions import HTTPException
from starlette.responses import Response

from regulars.records.texts import folded

_TAG = re.compile(r'(?:W/)?"([0-9a-f]{1,64})"')
NO_VERSION = 0  # versions start at 1

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The `ETag` of the version you edit, quotes and all",
        max_length=100,
        examples=['"1"'],
    ),
]


def etag(version: int | str) -> str:
    """Return the entity tag of a version."""
    return f'"{version}"'


def tagged(response: Response, version: int | str) -> None:
    """Put the entity tag on an answer."""
    response.headers["ETag"] = etag(version)


def expected_version(if_match: str | None) -> int:
    """Return the version that an edit was made from; one that never was for a tag that is not ours.

    Raises HTTPException 428 where it is missing, or is no single entity tag (`*` names no version).
    """
    found = expected_text(if_match)
    if found is None:
        raise _missing()
    return int(found) if found.isdecimal() and len(found) < 10 else NO_VERSION


def expected_text(if_match: str | None) -> str | None:
    """Return what stands in the entity tag, None where none was sent. Raises HTTPException 428 for anything else."""
    if if_match is None:
        return None
    match = _TAG.fullmatch(if_match.strip())
    if match is None:
        raise _missing()
    return match[1]


def _missing() -> HTTPException:
    return HTTPException(
        428, 'Name the version that you edit: If-Match with the ETag of your last answer, such as "1".'
    )


def of_tags(tags: Iterable[str]) -> str:
    """Return the version of a person's tags."""
    return sha256("\n".join(sorted(map(folded, tags))).encode()).hexdigest()[:32]
