"""Reading a request's body within limits of size, time and memory: the server itself sets none."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

# A large order's body is some 100 KB. The limit leaves room for hundreds of lines with long meta data.
BODY_LIMIT = 5 * 1024 * 1024
BODY_SECONDS = 15.0
ALL_BODIES_LIMIT = 64 * 1024 * 1024


class BodyReader:
    """Reads bodies, and bounds the memory of all that are being read at one time.

    Callers are not known yet while their body is read (the signature is over the body), so anybody may send one.
    """

    def __init__(self, limit: int = BODY_LIMIT) -> None:
        """Refuse bodies of more than `limit` bytes."""
        self.limit = limit
        self._held = 0

    @contextmanager
    def reading(self) -> Iterator["_Reading"]:
        """Vend a reader for one request; its bytes count as held until the block ends."""
        reading = _Reading(self)
        try:
            yield reading
        finally:
            self._held -= reading.size

    def _hold(self, size: int) -> None:
        if self._held + size > ALL_BODIES_LIMIT:
            raise HTTPException(503, "Too many large bodies at once. Try again.")
        self._held += size


class _Reading:
    def __init__(self, owner: BodyReader) -> None:
        self._owner = owner
        self.size = 0

    async def read(self, request: Request) -> bytes:
        """Return the raw body. Raises HTTPException: 413 too large, 408 too slow, 400 cut short, 503 no memory."""
        declared = request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self._owner.limit:
            raise self._too_large()
        chunks = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    self._take(len(chunk))
                    chunks += chunk
        except TimeoutError:
            raise HTTPException(408, "The body took too long.") from None
        except ClientDisconnect:
            raise HTTPException(400, "The body ended early.") from None
        return bytes(chunks)

    def _take(self, size: int) -> None:
        if self.size + size > self._owner.limit:
            raise self._too_large()
        self._owner._hold(size)  # noqa: SLF001 - one class in two parts
        self.size += size

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The body is larger than {self._owner.limit} bytes.")
