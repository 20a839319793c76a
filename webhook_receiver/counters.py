"""What this process did since it started, counted for `GET /metrics`: plain numbers, nothing about anybody."""

import threading
from collections import Counter
from collections.abc import Mapping


class Counters:
    """Counts by name and label. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, what: str) -> None:
        """Count one."""
        with self._lock:
            self._counts[what] += 1

    def counts(self) -> Mapping[str, int]:
        """Return what was counted so far."""
        with self._lock:
            return dict(self._counts)


# Deliveries by outcome: processed, duplicate, ignored (kept as dead letters), refused (401), failed (not stored: 503).
DELIVERIES = Counters()
