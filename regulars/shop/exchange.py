"""One request and its answer on the wire: connections, the key, certificates, bounds on size and time. Nothing is retried.

Redirects are not followed: they would carry the key to another place.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import requests

from regulars.errors import SettingsError, ShopAnswerUnreadable
from regulars.models import ShopConfig
from regulars.shop.answers import http_date
from regulars.shop.auth import hush, shop_auth
from regulars.shop.port import Item, Params

LONGEST_ANSWER: Final = 300.0
_CHUNK: Final = 256 * 1024


class Answer:
    """One answer: status, headers, the whole body, and the two clocks beside it."""

    def __init__(self, response: requests.Response, body: bytes, asked_at: datetime) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.body = body
        self.asked_at = asked_at
        self.answered_at = datetime.now(UTC)
        self.shop_now = http_date(response.headers.get("Date")) or self.answered_at


class Exchange:
    """Asks one shop, each request once. Threads may share it: each request has a session to itself while it lasts.

    `timeout` bounds in seconds the connection and each wait for more of the answer, `largest_bytes` its body. `answered`
    says whether the shop has ever answered. Raises SettingsError where the shop's `ca_file` is no file.
    """

    def __init__(self, shop: ShopConfig, *, timeout: tuple[float, float], largest_bytes: int) -> None:
        hush()
        self._url = shop.url
        self._auth = shop_auth(shop)
        if shop.ca_file and not shop.ca_file.is_file():
            raise SettingsError(
                f"REGULARS_CA_FILE, or ca_file of the shop {shop.name!r}, names {shop.ca_file}: no file."
            )
        self._verify: str | bool = str(shop.ca_file) if shop.ca_file else True
        self._timeout, self._largest = timeout, largest_bytes
        self._lock = threading.Lock()
        self._idle: list[requests.Session] = []
        self.answered = False

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def ask(self, method: str, path: str, params: Params, body: Item | None, *, signed: bool) -> Answer:
        """Send a request and return the whole answer, whatever its status.

        Raises what `requests` does, and OSError; ShopAnswerUnreadable for an answer that is too large.
        """
        asked_at = datetime.now(UTC)
        with (
            self._session() as session,
            session.request(
                method,
                self._url + path,
                params={name: str(value) for name, value in params.items()},
                json=body,
                auth=self._auth if signed else _unsigned,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            self.answered = True
            return Answer(response, self._bounded(response, path), asked_at)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        """Lend a session that nobody else uses meanwhile; the one that was given back last has the warmest connection."""
        with self._lock:
            session = self._idle.pop() if self._idle else None
        if session is None:
            session = requests.Session()
            session.headers.update({"User-Agent": "Regulars", "Accept": "application/json"})
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def _bounded(self, response: requests.Response, path: str) -> bytes:
        parts: list[bytes] = []
        size, deadline = 0, time.monotonic() + LONGEST_ANSWER
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > self._largest:
                raise ShopAnswerUnreadable(f"The shop's answer to {path} is larger than {self._largest:,} bytes.")
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout
            parts.append(part)
        return b"".join(parts)


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from looking for a password in the user's netrc file."""
    return request
