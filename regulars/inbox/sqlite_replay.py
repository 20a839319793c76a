"""Replaying the embedded inbox: what dead letters say under today's rules, and the newest rows once more. See `sqlite`."""

from collections.abc import Iterator, Sequence
from typing import Any

from regulars.inbox.rows import COLUMNS, understood_again

SELECT_WHOLE = f"SELECT {', '.join(COLUMNS)} FROM change_rows"  # noqa: S608 - no data
INSERT = f"INSERT INTO change_rows ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
DEAD = "SELECT seq FROM change_rows WHERE shop = ? AND reason IS NOT NULL ORDER BY seq"
NEWEST = "SELECT max(seq) FROM change_rows WHERE shop = ? AND reason IS NULL GROUP BY resource, resource_id ORDER BY max(seq)"
# Once more, unless a newer row of the object came meanwhile.
QUEUE_AGAIN = (
    f"INSERT INTO change_rows ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM change_rows AS old "  # noqa: S608
    "WHERE seq = ? AND NOT EXISTS (SELECT 1 FROM change_rows AS new WHERE new.shop = old.shop "
    "AND new.resource = old.resource AND new.resource_id = old.resource_id AND new.seq > old.seq)"
)
# Rows in one transaction of a replay: the receiver gets its turn in between.
AT_ONCE = 200


def portions(seqs: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield the rows of each transaction of a replay."""
    return (seqs[start : start + AT_ONCE] for start in range(0, len(seqs), AT_ONCE))


def reread(connection: Any, seqs: Sequence[int]) -> list[str | None]:
    """Read these dead letters again; return why each stays one, None for what is a change row now."""
    reasons: list[str | None] = []
    for seq in seqs:
        for row in connection.execute(f"{SELECT_WHOLE} WHERE seq = ? AND reason IS NOT NULL", (seq,)).fetchall():
            values, reason = understood_again(row)
            if reason is None:
                connection.execute("DELETE FROM change_rows WHERE seq = ?", (seq,))
                connection.execute(INSERT, values)
            else:
                connection.execute("UPDATE change_rows SET reason = ? WHERE seq = ?", (reason, seq))
            reasons.append(reason)
    return reasons


def copy_newest(connection: Any, seqs: Sequence[int]) -> int:
    """Store these rows once more under new numbers, but for those that a newer one follows; return how many."""
    return sum(int(connection.execute(QUEUE_AGAIN, (seq,)).rowcount) for seq in seqs)
