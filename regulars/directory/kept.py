"""Answers that are kept for a while, because the same thing is asked again."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Kept(Generic[Answer]):
    """The latest `most` answers, by question. Safe to share between threads; an answer may be worked out twice.

    Unlike functools' cache it holds no method, so that whoever owns it (and a version of a large shop with it) is gone
    from memory with the last reference, not some day.

    Example:
        >>> squares = Kept[int](most=2)
        >>> [squares.get(n, lambda: n * n) for n in (2, 3, 2)]
        [4, 9, 4]
    """

    def __init__(self, most: int) -> None:
        """Keep at most so many answers; the one that was not asked for longest goes first."""
        self._most = most
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Hashable, work_out: Callable[[], Answer]) -> Answer:
        """Return the kept answer, or what `work_out` returns, which is kept from now on. Errors are not kept."""
        with self._lock:
            if question in self._answers:
                self._answers.move_to_end(question)
                return self._answers[question]
        answer = work_out()
        with self._lock:
            self._answers[question] = answer
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
        return answer
