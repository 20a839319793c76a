"""A large shop that does nothing but list: fast enough for a hundred thousand orders, and it counts what it is asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.regulars.shop.scripted_shop import Asked, Said, scripted

API = "/wp-json/wc/v3/"
INDEX = (
    b'{"name": "Large", "url": "%(url)b", "home": "%(url)b", "gmt_offset": "0", "timezone_string": "Europe/Berlin",'
    b' "namespaces": ["wc/v3"]}'
)
ORDER = (
    b'{"id": %d, "status": "completed", "customer_id": 0, "total": "10.00", "currency": "EUR", "refunds": [],'
    b' "date_created_gmt": "2026-01-01T00:00:00", "date_modified_gmt": "2026-01-01T00:00:00", "billing": {"email": ""}}'
)
ROW = b'{"id": %d, "date_modified_gmt": null, "role": "customer", "status": "publish"}'


@dataclass
class Listed:
    """How many records it has, and what it was asked. `reached` is set once it was asked `goal` times in all."""

    sizes: dict[str, int]
    asked: int = 0
    goal: int | None = None
    reached: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kill_at(self, more: int) -> None:
        """Set `reached` after so many more requests."""
        with self._lock:
            self.reached.clear()
            self.goal = self.asked + more

    def answer(self, asked: Asked) -> Said:
        """Answer one request."""
        with self._lock:
            self.asked += 1
            if self.goal is not None and self.asked >= self.goal:
                self.reached.set()
        if not asked.path.startswith(API):
            return Said(200, INDEX % {b"url": self.url.encode()}, {"Content-Type": "application/json"})
        path, query = asked.path.removeprefix(API), asked.query
        size = 0 if query.get("status") == "trash" or "modified_after" in query else self.sizes.get(path, 0)
        each, page = int(query.get("per_page", 10)), int(query.get("page", 1))
        ids = range(1 + (page - 1) * each, 1 + min(size, page * each))
        form = ORDER if path == "orders" else ROW
        body = b"[%b]" % b",".join(form % number for number in ids)
        counts = {"X-WP-Total": str(size), "X-WP-TotalPages": str(-(-size // each))}
        return Said(200, body, {"Content-Type": "application/json", **counts})


@contextmanager
def listed_shop(**sizes: int) -> Iterator[Listed]:
    """Serve a shop with so many `orders`, `customers`, `products`."""
    shop = Listed(sizes)
    with scripted(shop.answer) as (url, _):
        shop.url = url
        yield shop
