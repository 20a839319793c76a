"""What may come in at all: a bounded body of strict JSON, and text that is text, before anything reads it.

JSON that two readers understand differently is refused: repeated keys, NaN and Infinity (also as 1e999), nesting without
end, bytes that are no UTF-8. NUL and lone surrogates are no text anywhere, in bodies and in addresses.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webhook_receiver.api.problems import of_status
from webhook_receiver.body import BodyReader

LARGEST_BODY: Final = 1024 * 1024
DEEPEST: Final = 32
TEXT: Final = "Text must be Unicode without NUL and without broken characters."


class StrictBodies:
    """Reads each body within its bounds, checks it, and hands it on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._bodies = BodyReader(LARGEST_BODY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400, 408, 413, 415 or 422 where the body or the address is not as it should be."""
        request = Request(scope, receive)
        with self._bodies.reading() as reading:
            try:
                _check_address(scope)
                body = await reading.read(request)
                if body:
                    _check_type(request)
                    _check(body)
            except HTTPException as error:
                refused = of_status(error.status_code, error.detail, request.url.path)
                await refused(scope, receive, send)
                return
            await self._app(scope, _replay(body, receive), send)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _check_address(scope: Scope) -> None:
    if b"%00" in scope["query_string"] or "\0" in scope["path"]:
        raise HTTPException(422, TEXT)


def _check_type(request: Request) -> None:
    given = request.headers.getlist("content-type")
    kind, _, parameters = (given[0] if len(given) == 1 else "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise HTTPException(415, "Send JSON: Content-Type: application/json.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(415, "Send the JSON as it is, not compressed.")


def _check(body: bytes) -> None:
    """Raise HTTPException 400 for what is not strict JSON, 422 for texts that are none."""
    try:
        parsed = json.loads(
            body.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_no_number, parse_float=_finite
        )
    except RecursionError:
        raise HTTPException(400, f"The JSON is nested more than {DEEPEST} levels deep.") from None
    except UnicodeDecodeError:
        raise HTTPException(400, "The body is not UTF-8.") from None
    except ValueError as error:  # JSONDecodeError among them, whose message quotes nothing
        raise HTTPException(400, f"The body is not JSON: {error}.") from None
    level: list[Any] = [parsed]
    for _ in range(DEEPEST + 1):
        if not level:
            return
        level = [part for value in level for part in _parts(value)]
    raise HTTPException(400, f"The JSON is nested more than {DEEPEST} levels deep.")


def _parts(value: Any) -> Iterable[Any]:
    """Return what is one level down; names in an object are looked at as texts."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, list):
        return value
    if isinstance(value, str) and ("\0" in value or not _encodes(value)):
        raise HTTPException(422, TEXT)
    return ()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(_name: str) -> None:
    raise ValueError("NaN and Infinity are no numbers in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number
