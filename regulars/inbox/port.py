"""What may be asked of an inbox: one Protocol, whose docstrings are the guarantees.

A change row is one verified delivery of the shop (or the shop's answer to an edit of ours). Every adapter keeps these,
and one suite of tests holds each adapter to them:

* *Durable*: when `commit` returns, its rows survive a kill of every process and a loss of power.
* *Ordered*: `seq` grows by commit order, also where several processes write at once, and is never used twice. Whoever
  saw row N has seen, or will never see, every row before N: "everything after seq N" misses nothing. Gaps are allowed.
* *Current*: a reading call sees every row whose `commit` had returned before it began.
* Rows with a `reason` are dead letters: they are counted, and never handed to a sync.

All calls raise InboxUnavailable where the store cannot be reached, read or written, and NewerSchema where a newer
version of Regulars wrote it. The next call tries anew: nothing has to be restarted. Where nothing was ever received,
reading calls answer empty and make no store. An inbox may be shared between threads.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from regulars.inbox.delivery import Delivery, Outcome
from regulars.models import ChangeRow

KEEP = timedelta(days=30)
PRUNE_AT_ONCE = 5000
# Five thousand bodies of the largest size would not fit into memory: lists of rows end early, at so many bytes.
LIST_BYTES = 64 * 1024 * 1024

Row = dict[str, Any]


@dataclass(frozen=True)
class ReadAgain:
    """What became of dead letters: how many are change rows now, and how many stay what they were, by reason."""

    understood: int = 0
    left: Mapping[str, int] = field(default_factory=dict)


class Inbox(Protocol):
    """The change rows of all shops."""

    def pending(self, shop: str, after_seq: int, limit: int = 5000) -> list[ChangeRow]:
        """Return the shop's rows after `after_seq` in the order of their commit, at most `limit`, no dead letters.

        A list of large bodies ends early, at 64 MiB, but never empty while a row waits: ask again with the last `seq`
        until the answer is empty.
        """
        ...

    def changes_of(self, shop: str, resource: str, resource_id: int, after_seq: int) -> list[ChangeRow]:
        """Return the rows of one `order` or `customer` after `after_seq`, oldest first, no dead letters."""
        ...

    def last_seq(self, shop: str) -> int:
        """Return the `seq` of the newest row that a sync of the shop would get, 0 if none."""
        ...

    def last_seqs(self) -> dict[str, int]:
        """Return what `last_seq` says of each shop that has rows."""
        ...

    def waiting(self, shop: str, after_seq: int) -> int:
        """Return how many of the shop's rows after `after_seq` a sync would get."""
        ...

    def dead_letters(self, shop: str, limit: int = 100) -> list[ChangeRow]:
        """Return the shop's latest dead letters, the newest first. Ends early as `pending` does.

        Each has the topic and the ids that the shop gave it, when it came, its body, and why it is one.
        """
        ...

    def dead_letter_count(self, shop: str) -> int:
        """Return how many signed deliveries of the shop could not be understood."""
        ...

    def commit(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        """Store a batch in its order and return what became of each: "processed", "duplicate" or "ignored".

        Where it raises, nothing counts as stored, and nothing is; only a store that breaks off in the very moment may
        keep the first ones of the batch. Commit it again then: what is there is told as a duplicate.

        "ignored" is a dead letter: it is stored. A duplicate is not, for it says nothing new:

        * some row has the same shop, topic, webhook id, delivery id and body, whatever came after it; or
        * the newest row of that object has the same topic and the same body, and the body is dated.

        A delivery id alone tells nothing: the shop makes it from webhook and second. So bare `{"id": 5}` bodies of
        deletions are duplicates within a second at most: an order can be trashed, restored in silence, and trashed again.
        """
        ...

    def read_again(self, shop: str) -> ReadAgain:
        """Read every dead letter of the shop with today's rules, and return what became of them.

        What is understood now is a change row from then on, under a new number (numbers grow by commit order, and a sync
        may have gone past the old one), with the instant at which it was received: what a sync read since then is newer.
        The dead letter goes in the same step or right after it: whoever is killed loses nothing, and a second call at
        worst makes a row once more, which merges into the same. The others stay under their numbers, with today's reason.
        """
        ...

    def queue_again(self, shop: str) -> int:
        """Put the newest row of each of the shop's objects once more at the end of the queue; return how many.

        For a warehouse that was lost or set back: its next sync asks for each of them again. The copies have numbers of
        their own and are otherwise equal, the instant of receipt included; what was there stays. Dead letters are left
        out, and so is an object of which a row came meanwhile. Done in portions; a second call after a kill is harmless.
        """
        ...

    def probe(self) -> None:
        """Return if rows can be stored, found out by a write."""
        ...

    def prune(self, now: datetime) -> int:
        """Drop rows older than 30 days, at most `PRUNE_AT_ONCE`, and return how many: fewer means that none is left.

        Age is told against the newest row, not against `now` alone: a clock that jumps ahead drops nothing.
        """
        ...

    def dump(self) -> Iterator[Row]:
        """Yield everything, as of one moment, as rows of JSON values that any adapter can `load`.

        A row is `{"table": name, ...columns}`; times are whole microseconds since 1970 UTC, bytes are base64. The first
        one tells the highest `seq` ever used.
        """
        ...

    def load(self, rows: Iterable[Row], *, replace: bool = False) -> int:
        """Take over the rows of `dump` into an inbox that has none, wholly or not at all; return how many.

        With `replace`, what the inbox had is removed in the same step. `seq` goes on after the highest one ever used in
        either. Raises InboxError for rows that are not of `dump`, and, without `replace`, where the inbox is not empty.
        """
        ...

    def close(self) -> None:
        """Let go of the store; further calls open it again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
