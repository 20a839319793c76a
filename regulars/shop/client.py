"""The WooCommerce REST client (wc/v3): signed requests, bounded answers, bounded patience, several threads at once.

Reads are retried while the shop is busy or away; writes never, since a shop that did not answer may have obeyed.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NewConnectionError

from regulars.errors import ShopAnswerUnreadable, ShopBusy, ShopError
from regulars.models import ShopConfig
from regulars.shop.answers import LARGEST_BYTES, error_of, json_of, unreachable
from regulars.shop.exchange import Answer, Exchange
from regulars.shop.index import ShopIndex, index_from
from regulars.shop.limits import Limiter, Turn, patiently
from regulars.shop.port import Item, Page, Params, pages_of
from regulars.shop.trust import untrusted

PER_PAGE: Final = 100
API: Final = "/wp-json/wc/v3/"
INDEX: Final = "/wp-json/"
TIMEOUT: Final = (10.0, 90.0)
PATIENCE: Final = 75.0
FIRST_PATIENCE: Final = 8.0
OVERLOADED: Final = frozenset({429, 502, 503, 504})
_NUMBER: Final = re.compile(r"\d+")


class ShopClient:
    """Reads and writes one shop; see `regulars.shop.port.ShopReader` for what each read guarantees.

    `patience` bounds in seconds how long a read is tried again, `sleep` is how it waits (tests pass their own).
    Threads may share a client: all keep to one limiter.
    """

    def __init__(
        self,
        shop: ShopConfig,
        *,
        patience: float = PATIENCE,
        timeout: tuple[float, float] = TIMEOUT,
        largest_bytes: int = LARGEST_BYTES,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._shop = shop
        self._host = urlsplit(shop.url).netloc
        self._exchange = Exchange(shop, timeout=timeout, largest_bytes=largest_bytes)
        self._limiter = Limiter(shop.requests_per_minute, most_at_once=shop.most_at_once, sleep=sleep)
        self._patience, self._sleep = patience, sleep
        self._lock = threading.Lock()
        self._sent = 0

    @property
    def requests_sent(self) -> int:
        """How many requests have been sent so far, retries among them."""
        return self._sent

    @property
    def most_at_once(self) -> int:
        """How many requests at a time are of use at most."""
        return self._limiter.most_at_once

    @property
    def at_once(self) -> int:
        """How many requests at a time are of use now, as far as the shop has shown."""
        return self._limiter.at_once

    def close(self) -> None:
        """Give the connections back."""
        self._exchange.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def index(self) -> ShopIndex:
        """Return what the shop says about itself, without a key. Raises ShopNotFound where no WooCommerce answers."""
        fields = {"_fields": "name,url,home,gmt_offset,timezone_string,namespaces"}
        answer = self._read("GET", INDEX, fields, signed=False)
        return index_from(
            self._json(answer, INDEX),
            server_now=answer.shop_now,
            asked_at=answer.asked_at,
            answered_at=answer.answered_at,
            timezone=self._shop.timezone,
        )

    def speaks_plainly(self) -> bool:
        """Return whether a WordPress answers that has plain permalinks, under which keys are never accepted."""
        try:
            answer = self._json(self._read("GET", "/", {"rest_route": "/", "_fields": "namespaces"}, signed=False), "/")
        except ShopError:
            return False
        return isinstance(answer, dict) and "namespaces" in answer

    def page(self, path: str, params: Params, page: int = 1, *, patience: float | None = None) -> Page:
        """Return one page of the listing at `path` ("orders"), 100 rows unless `params` has `per_page`.

        `patience` bounds in seconds how long this read is tried again, where it should be less than for others.
        """
        answer = self._read("GET", API + path, {"per_page": PER_PAGE, **params, "page": page}, patience=patience)
        items = self._json(answer, API + path)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise ShopAnswerUnreadable(f"The shop's answer to {API + path} is JSON, but no list of records.")
        total, total_pages = self._totals(answer, path)
        if page == 1 and total_pages == 0 and items:
            raise ShopAnswerUnreadable(f"The shop's answer to {API + path} holds records and says that there are none.")
        return Page(items, page, total, total_pages, answer.asked_at, answer.shop_now)

    def pages(self, path: str, params: Params) -> Iterator[Page]:
        """Yield all pages of a listing, in order."""
        return pages_of(self, path, params)

    def get_by_ids(
        self, path: str, ids: Iterable[int], params: Params, *, patience: float | None = None
    ) -> Iterator[Page]:
        """Yield pages with the records of `ids` that the shop has, 100 ids a request; `patience` as for `page`."""
        wanted = sorted(set(ids))
        for start in range(0, len(wanted), PER_PAGE):
            batch = ",".join(str(number) for number in wanted[start : start + PER_PAGE])
            yield self.page(path, {**params, "include": batch}, patience=patience)

    def head_total(self, path: str, params: Params, *, patience: float | None = None) -> int:
        """Return how many records a listing has, without reading them; `patience` as for `page`."""
        return self._totals(self._read("HEAD", API + path, {"per_page": 1, **params}, patience=patience), path)[0]

    def get(self, path: str, *, patience: float | None = None) -> Page:
        """Return one record, as a page of one; `patience` as for `page`. Raises ShopRecordGone where there is none."""
        answer = self._read("GET", API + path, {}, patience=patience)
        return Page([self._record(answer, path)], 1, 1, 1, answer.asked_at, answer.shop_now)

    def post(self, path: str, body: Item) -> Item:
        """Create a record and return it as the shop made it. Never retried: the caller decides on a ShopUnreachable."""
        return self._record(self._send("POST", API + path, {}, body), path)

    def put(self, path: str, body: Item) -> Item:
        """Change a record and return it as the shop has it now. Never retried."""
        return self._record(self._send("PUT", API + path, {}, body), path)

    def _record(self, answer: Answer, path: str) -> Item:
        record = self._json(answer, API + path)
        if not isinstance(record, dict):
            raise ShopAnswerUnreadable(f"The shop's answer to {API + path} is JSON, but no record.")
        return record

    def _json(self, answer: Answer, path: str) -> Any:
        return json_of(answer.body, path=path, content_type=answer.headers.get("Content-Type", ""))

    def _totals(self, answer: Answer, path: str) -> tuple[int, int]:
        try:
            return int(answer.headers["X-WP-Total"]), int(answer.headers["X-WP-TotalPages"])
        except (KeyError, ValueError):
            raise ShopAnswerUnreadable(
                f"The shop's answer to {API + path} does not say how many pages there are (X-WP-TotalPages); "
                "a cache or proxy in front of the shop may drop that header."
            ) from None

    def _read(
        self, method: str, path: str, params: Params, *, signed: bool = True, patience: float | None = None
    ) -> Answer:
        bound = self._patience if patience is None else min(patience, self._patience)
        queued = 0.0

        def once() -> Answer:
            nonlocal queued
            with self._limiter.turn(f"{method} {_NUMBER.sub('0', path)}") as turn:
                queued += turn.waited
                return self._attempt(turn, method, path, params, None, signed=signed)

        unreachable = None if self._exchange.answered else FIRST_PATIENCE
        loop = patiently(bound, unreachable=unreachable, sleep=self._sleep, queued=lambda: queued)
        answer: Answer = loop(once)
        return answer

    def _send(self, method: str, path: str, params: Params, body: Item) -> Answer:
        """Send one request that changes something, once."""
        with self._limiter.turn(method) as turn:
            return self._attempt(turn, method, path, params, body, signed=True)

    def _attempt(
        self, turn: Turn, method: str, path: str, params: Params, body: Item | None, *, signed: bool
    ) -> Answer:
        """Send one request. Raised outside the `except`, so that no trace shows the signed address."""
        with self._lock:
            self._sent += 1
        try:
            answer = self._exchange.ask(method, path, params, body, signed=signed)
            error: ShopError | None = error_of(
                answer.status,
                answer.headers,
                answer.body,
                path=path,
                now=answer.answered_at,
                writing=method in ("POST", "PUT"),
            )
        except requests.exceptions.SSLError as cause:
            error = untrusted(cause, self._host)
        except requests.exceptions.Timeout as cause:
            turn.said_busy()
            sent = not isinstance(cause, requests.exceptions.ConnectTimeout)
            error = unreachable("no answer in time", self._host, sent=sent)
        except requests.exceptions.ConnectionError as cause:
            error = unreachable("no connection, or it was dropped", self._host, sent=not _never_connected(cause))
        except (requests.exceptions.RequestException, OSError) as cause:
            error = unreachable(f"the connection failed ({type(cause).__name__})", self._host, sent=True)
        if isinstance(error, ShopBusy) and error.status in OVERLOADED:
            turn.said_busy(error.retry_after)
        if error is not None:
            raise error
        turn.answered = True
        return answer


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Return whether the request cannot have reached anybody: no connection came about."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)
