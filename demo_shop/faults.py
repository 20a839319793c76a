"""Faults to switch on: what hosts, plugins and updates do to a shop's answers. Bodies follow the recordings."""

import json
import threading
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "maintenance", "fatal", "warning", "bom", "rate_limited", "html", "login",
    "drop", "reset", "reset_after", "slow", "slow_body",
]  # fmt: skip
KINDS: tuple[str, ...] = get_args(Kind)

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
LOGIN = (
    b"<!DOCTYPE html>\n<html><head><title>Checking your browser</title></head><body>One moment, please.</body></html>\n"
)
BAD_GATEWAY = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>502 Bad Gateway</body>\r\n</html>\r\n"


@dataclass(slots=True)
class Fault:
    """One fault and the requests it still waits for; ``times`` None strikes until it is taken away."""

    kind: Kind
    times: int | None
    path: str
    method: str | None
    skip: int
    retry_after: int
    seconds: float


@dataclass(slots=True)
class Load:
    """How long answers take: ``latency`` seconds each, and ``work`` seconds of one of ``cores`` processors.

    With work, answers wait for a processor: beyond as many requests as cores, latency grows with each further one, as on
    a real host. ``slowdown`` is the share by which each request under way makes every other one's work longer.
    """

    latency: float = 0.0
    cores: int = 0
    work: float = 0.0
    slowdown: float = 0.0


@dataclass(slots=True)
class Faults:
    """The faults of a shop. Matching requests use them up one at a time, in the order they were added."""

    pending: list[Fault] = field(default_factory=list)
    load: Load = field(default_factory=Load)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _free_at: list[float] = field(default_factory=list, repr=False)

    def add(
        self,
        kind: Kind,
        *,
        times: int | None = 1,
        path: str = "",
        method: str | None = None,
        skip: int = 0,
        retry_after: int = 600,
        seconds: float = 5.0,
    ) -> None:
        """Make the next ``times`` requests whose path contains ``path`` fail, after letting ``skip`` pass.

        ``maintenance``: 503 JSON with ``Retry-After``; ``rate_limited``: 429 with ``Retry-After``; ``fatal``: 500
        with HTML in its JSON; ``html``: a host's 502 page; ``login``: 200 with a page of HTML in place of the answer;
        ``warning`` and ``bom``: the right answer behind HTML or a byte-order mark; ``drop``: the connection ends in the
        middle of the answer; ``reset``: it is reset before the shop has done anything; ``reset_after``: the shop does what
        it was asked and the connection is reset before the answer; ``slow``: the right answer after ``seconds``;
        ``slow_body``: its body comes in ten pieces over ``seconds``. With ``times`` None until :meth:`clear`.

        Raises ``ValueError`` for another kind.
        """
        if kind not in KINDS:
            raise ValueError(f"{kind} is no kind of fault; known are {', '.join(KINDS)}.")
        with self._lock:
            self.pending.append(Fault(kind, times, path, method, skip, retry_after, seconds))

    def clear(self) -> None:
        """Take all faults away, and make answers quick again."""
        with self._lock:
            self.pending.clear()
            self.load = Load()

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault for this request, if one is due, and use it up."""
        if not self.pending:
            return None
        with self._lock:
            for fault in self.pending:
                if fault.path not in path or fault.method not in (None, method):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.pending.remove(fault)
                return fault
        return None

    def delay(self, now: float) -> float:
        """Return how many seconds a request that arrives at ``now`` (monotonic) takes, and book the processor for it."""
        load = self.load
        if not (load.work and load.cores):
            return load.latency
        with self._lock:
            under_way = [at for at in self._free_at if at > now]
            work = load.work * (1 + load.slowdown * len(under_way))
            # Finished at the time when, of those under way, all but cores - 1 are done.
            busy = sorted(under_way)
            start = busy[-load.cores] if len(busy) >= load.cores else now
            self._free_at = [*under_way, start + work]
            return start + work - now + load.latency
