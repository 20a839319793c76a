"""Faults to switch on: what hosts, plugins and updates do to a shop's answers. Bodies follow the recordings."""

import json
import threading
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["maintenance", "fatal", "warning", "bom", "rate_limited", "drop", "slow", "html"]

WARNING = (
    b"<br />\n<b>Warning</b>:  Undefined variable $x in "
    b"<b>/var/www/html/wp-content/plugins/some/plugin.php</b> on line <b>12</b><br />\n"
)
BOM = b"\xef\xbb\xbf"
MAINTENANCE = json.dumps(
    {
        "code": "wp_die",
        "message": "Briefly unavailable for scheduled maintenance. Check back in a minute.",
        "data": {"status": 503},
        "additional_errors": [],
    }
).encode()
FATAL = json.dumps(
    {
        "code": "internal_server_error",
        "message": "<p>There has been a critical error on this website.</p><p><a href="
        '"https://wordpress.org/documentation/article/faq-troubleshooting/">'
        "Learn more about troubleshooting WordPress.</a></p>",
        "data": {
            "status": 500,
            "error": {
                "type": 1,
                "message": "Uncaught Error: Call to undefined function broken() in "
                "/var/www/html/wp-content/plugins/some/plugin.php:5",
                "file": "/var/www/html/wp-content/plugins/some/plugin.php",
                "line": 5,
            },
        },
        "additional_errors": [],
    }
).encode()
RATE_LIMITED = json.dumps(
    {"code": "too_many_requests", "message": "Too many requests.", "data": {"status": 429}}
).encode()
BAD_GATEWAY = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>502 Bad Gateway</body>\r\n</html>\r\n"


@dataclass(slots=True)
class Fault:
    """One fault and the requests it still waits for."""

    kind: Kind
    times: int
    path: str
    method: str | None
    skip: int
    retry_after: int
    seconds: float


@dataclass(slots=True)
class Faults:
    """The faults of a shop. Matching requests use them up one at a time, in the order they were added."""

    pending: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(
        self,
        kind: Kind,
        *,
        times: int = 1,
        path: str = "",
        method: str | None = None,
        skip: int = 0,
        retry_after: int = 600,
        seconds: float = 5.0,
    ) -> None:
        """Make the next ``times`` requests whose path contains ``path`` fail, after letting ``skip`` pass.

        ``maintenance``: 503 JSON with ``Retry-After``; ``rate_limited``: 429 with ``Retry-After``; ``fatal``: 500
        with HTML in its JSON; ``html``: a host's 502 page; ``warning`` and ``bom``: the right answer behind HTML or
        a byte-order mark; ``drop``: the connection breaks in the middle of the answer; ``slow``: the right answer
        after ``seconds``.
        """
        with self._lock:
            self.pending.append(Fault(kind, times, path, method, skip, retry_after, seconds))

    def clear(self) -> None:
        """Take all faults away."""
        with self._lock:
            self.pending.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault for this request, if one is due, and use it up."""
        with self._lock:
            for fault in self.pending:
                if fault.path not in path or fault.method not in (None, method):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.pending.remove(fault)
                return fault
        return None
