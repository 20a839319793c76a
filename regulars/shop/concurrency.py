"""How many requests at once do a shop good: found by climbing while more of them bring more answers.

WooCommerce answers on the few cores of its host: beyond them more requests at once bring no more answers, only longer
waits for everybody who shops there. So the level rises only while throughput rises with it, and falls at a sign of
overload. The method is the hill climbing by which .NET sizes its thread pool (Hellerstein, Morrison, Eilebrecht,
"Optimizing concurrency levels in the .NET ThreadPool", 2008), with TCP's slow start to find the region and its
halving on overload (Jacobson 1988; Chiu and Jain 1989). Latency alone, as in TCP Vegas, was not chosen: how long a page
takes differs by listing and by depth, and a baseline of one misleads in the next.

Nothing here reads a clock or waits: `regulars.shop.limits` feeds it.
"""

from dataclasses import dataclass
from typing import Final

WORTH: Final = 0.4
BUSY: Final = 0.75
SHORTEST_REST: Final = 4
LONGEST_REST: Final = 32
SHIFTED: Final = 1.6


@dataclass(frozen=True)
class Level:
    """What was measured at `at` requests at once: answers a second, and the seconds that one took."""

    at: int
    rate: float
    seconds: float


class Climber:
    """The level, between 1 and `most`; `limit` is the present one, `epoch` grows with each halving.

    Feed it one `answered` for each answer, and `overloaded` for each refusal or time-out that speaks of overload.
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self.limit = 1
        self.epoch = 0
        self._base: Level | None = None
        self._ceiling: int | None = None
        self._climbing = True
        self._rest = self._pause = 0
        self._downwards = False
        self._begin("")

    def _begin(self, kind: str) -> None:
        """Begin to measure anew."""
        self._kind, self._count, self._weight, self._seconds = kind, 0, 0.0, 0.0

    def answered(self, kind: str, at_once: float, seconds: float) -> None:
        """Take in an answer that took `seconds`, with `at_once` requests under way meanwhile on average, itself included.

        `kind` tells requests apart that cost the shop differently. Answers that came while we asked for less than we
        might say nothing about the level and are passed over.
        """
        if kind != self._kind:
            self._begin(kind)
            self._base = None
        if not BUSY * self.limit <= at_once <= self.limit + 0.5 or seconds <= 0.0:
            return
        self._count += 1
        self._weight += at_once
        self._seconds += seconds
        fine = self._base is not None and abs(self._base.at - self.limit) == 1
        if self._count >= max(3, (3 if fine else 2) * self.limit):
            level = Level(self.limit, self._weight / self._seconds, self._seconds / self._count)
            self._begin(kind)
            self._measured(level)

    def overloaded(self, epoch: int) -> None:
        """Halve, for a request that was sent in `epoch`: those sent before the last halving say nothing new."""
        if epoch != self.epoch:
            return
        self.epoch += 1
        self.limit = max(1, self.limit // 2)
        self._base, self._climbing, self._ceiling = None, False, None
        self._rest, self._downwards = SHORTEST_REST, False
        self._pause = 2 * SHORTEST_REST
        self._begin(self._kind)

    def _measured(self, level: Level) -> None:
        if self._base is None or self._base.at == level.at:
            self._standing(level)
        elif level.at > self._base.at:
            self._above(self._base, level)
        else:
            self._below(self._base, level)

    def _standing(self, level: Level) -> None:
        """Measured where we stand: rest a while, then try another level. A change of pace ends the rest."""
        before, self._base = self._base, level
        if self._climbing:
            self._climb()
        elif before is not None and level.seconds > SHIFTED * before.seconds:
            self._try(down=True)
        elif before is not None and level.seconds * SHIFTED < before.seconds:
            self._try(down=False)
        elif self._rest > 0:
            self._rest -= 1
        else:
            self._try(down=self._downwards)
            self._downwards = not self._downwards

    def _try(self, *, down: bool) -> None:
        if down or self.limit == self._most:
            self.limit = max(1, self.limit - 1)
        else:
            self.limit += 1

    def _above(self, base: Level, level: Level) -> None:
        if _worth(base, level):
            self._base, self._climbing = level, True
            self._pause = 0
            self._climb()
        else:
            self._ceiling = level.at
            between = (base.at + level.at) // 2
            if self._climbing and between > base.at:
                self.limit = between
            else:
                self._settle(base)

    def _below(self, base: Level, level: Level) -> None:
        if _worth(level, base):
            self._settle(base)
        else:
            self._pause = 0
            self._settle(level)

    def _climb(self) -> None:
        """Go on upwards by doubling, below what was found to bring nothing; settle at the top."""
        assert self._base is not None
        top = self._most if self._ceiling is None else self._ceiling - 1
        if self._base.at >= top:
            self._settle(self._base)
        else:
            self.limit = min(2 * self._base.at, top)

    def _settle(self, level: Level) -> None:
        """Stay, the longer the oftener nothing better was found."""
        self.limit, self._base = level.at, level
        self._climbing, self._ceiling = False, None
        self._pause = min(max(SHORTEST_REST, 2 * self._pause), LONGEST_REST)
        self._rest = self._pause


def _worth(low: Level, high: Level) -> bool:
    """Return whether the higher level brings enough: at least `WORTH` of what perfect scaling would."""
    return high.rate >= low.rate * (1.0 + WORTH * (high.at / low.at - 1.0))
