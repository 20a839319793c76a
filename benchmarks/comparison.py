"""One comparison: how long ours takes and how long the peer takes, in the same run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import psutil

MEGABYTE = 1_000_000

Run = Callable[[int], object]


@dataclass(frozen=True)
class Comparison:
    """What was compared: `ours` and `theirs` are medians in `unit`, lower is better; memory is that of our process."""

    case: str
    what: str
    peer: str
    ours: float
    theirs: float
    memory_mb: float
    unit: str = "ms"

    def as_json(self) -> dict[str, str | float]:
        """Return it as the line that is printed; `ratio` is our speed over the peer's, higher is better."""
        ratio = self.theirs / self.ours if self.ours else 0.0
        return {
            "case": self.case,
            "what": self.what,
            "peer": self.peer,
            "ours": round(self.ours, 2),
            "theirs": round(self.theirs, 2),
            "unit": self.unit,
            "ratio": round(ratio, 2),
            "memory_mb": round(self.memory_mb),
        }


def medians(repeats: int, runs: Mapping[str, Run]) -> dict[str, float]:
    """Return the median time of each run in milliseconds.

    They take turns, so that what else the machine does meanwhile meets all of them; the first turn is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run(turn)
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return {name: median(taken) * 1000 for name, taken in seconds.items()}


def compared(case: str, what: str, repeats: int, ours: Run, peers: Mapping[str, Run]) -> list[Comparison]:
    """Time ours beside each peer, in the same turns."""
    times = medians(repeats, {"": ours, **peers})
    memory = psutil.Process().memory_info().rss / MEGABYTE
    return [Comparison(case, what, peer, times[""], times[peer], memory) for peer in peers]
