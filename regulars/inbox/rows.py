"""Change rows as stores keep them and as backups carry them: the same columns everywhere."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from regulars.errors import InboxError
from regulars.inbox.delivery import LARGEST_ID, Delivery, read_content
from regulars.inbox.port import KEEP, LIST_BYTES, Row
from regulars.models import ChangeRow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ROWS = "change_rows"
STATE = "inbox"

# What a row is made of, besides `seq`. received_at: microseconds since 1970, UTC. body_sha256 tells repeats.
COLUMNS = (
    "shop",
    "topic",
    "resource",
    "resource_id",
    "received_at",
    "body",
    "body_sha256",
    "webhook_id",
    "delivery_id",
    "reason",
)
# What reading calls ask for, in the order that `change_row` takes.
READ = (
    "seq",
    "shop",
    "topic",
    "resource",
    "resource_id",
    "received_at",
    "body",
    "reason",
    "webhook_id",
    "delivery_id",
)
# What tells a repeat, besides the endpoint and the body: only where a row has both of them.
KEY = ("delivery_id", "body_sha256", "webhook_id", "shop", "topic")

Sized = Annotated[int, Field(ge=-LARGEST_ID, le=LARGEST_ID)]
Seq = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class _Carried(BaseModel):
    """One row of a backup, its bytes decoded."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    seq: Seq
    shop: str
    topic: str
    resource: str
    resource_id: Sized
    received_at: Sized
    body: bytes
    body_sha256: bytes
    webhook_id: str | None
    delivery_id: str | None
    reason: str | None


def to_microseconds(instant: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970, as stored."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def oldest_kept(now: datetime, newest: int) -> int:
    """Return the `received_at` of the oldest rows that stay where the newest is of `newest`. See `Inbox.prune`."""
    return min(to_microseconds(now), newest) - KEEP // timedelta(microseconds=1)


def values_of(delivery: Delivery) -> tuple[Any, ...]:
    """Return what is stored of a delivery, in the order of `COLUMNS`."""
    content = delivery.content
    return (
        delivery.shop,
        delivery.topic,
        content.resource,
        content.resource_id,
        to_microseconds(delivery.received_at),
        delivery.body,
        content.body_sha256,
        delivery.webhook_id,
        delivery.delivery_id,
        content.reason,
    )


def understood_again(values: Sequence[Any]) -> tuple[tuple[Any, ...], str | None]:
    """Return a row's values (in the order of `COLUMNS`) as today's rules read its body, and why they cannot, if so."""
    row = dict(zip(COLUMNS, values, strict=True))
    content = read_content(row["topic"], row["body"])
    row |= {"resource": content.resource, "resource_id": content.resource_id, "reason": content.reason}
    return tuple(row[name] for name in COLUMNS), content.reason


def change_row(values: Iterable[Any]) -> ChangeRow:
    """Return the row whose stored values are these, in the order of `READ`."""
    seq, shop, topic, resource, resource_id, received_at, body, reason, webhook_id, delivery_id = values
    return ChangeRow(
        seq=seq,
        shop=shop,
        topic=topic,
        resource=resource,
        resource_id=resource_id,
        received_at=EPOCH + timedelta(microseconds=received_at),
        body=body,
        reason=reason,
        webhook_id=webhook_id,
        delivery_id=delivery_id,
    )


def bounded(rows: Iterable[ChangeRow]) -> list[ChangeRow]:
    """Return the first of `rows`, up to and including the one whose body reaches `LIST_BYTES` in all."""
    taken: list[ChangeRow] = []
    size = 0
    for row in rows:
        taken.append(row)
        size += len(row.body)
        if size >= LIST_BYTES:
            break
    return taken


def state_row(last_seq: int) -> Row:
    """Return the portable row that tells the highest `seq` ever used."""
    return {"table": STATE, "last_seq": last_seq}


def portable(seq: int, values: Iterable[Any]) -> Row:
    """Return the portable row of what is stored under `seq`, `values` in the order of `COLUMNS`."""
    row = {"table": ROWS, "seq": seq, **dict(zip(COLUMNS, values, strict=True))}
    return row | {name: b64encode(row[name]).decode() for name in ("body", "body_sha256")}


def carried(rows: Iterable[Row]) -> Iterator[tuple[int, tuple[Any, ...] | None]]:
    """Yield `seq` and values (in the order of `COLUMNS`) of each portable row; the state row has None for values.

    Raises InboxError for what is not of `dump`. Nothing out of a row is repeated in it.
    """
    for row in rows:
        match row:
            case {"table": "inbox", "last_seq": int(seq), **rest} if not rest and 0 <= seq <= LARGEST_ID:
                yield seq, None
            case {"table": "change_rows", "body": str(body), "body_sha256": str(digest), **rest}:
                yield _decoded({**rest, "body": body, "body_sha256": digest})
            case _:
                raise InboxError("This is not a backup of an inbox: a row of it is of no table of ours.")


def _decoded(row: Row) -> tuple[int, tuple[Any, ...]]:
    try:
        decoded = {name: b64decode(row[name], validate=True) for name in ("body", "body_sha256")}
        kept = _Carried.model_validate({**row, **decoded})
    except ValidationError as error:
        names = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
        raise InboxError(f"This is not a backup of an inbox: a change row is wrong in {names}.") from None
    except ValueError:  # not base64
        raise InboxError("This is not a backup of an inbox: the bytes of a change row cannot be read.") from None
    return kept.seq, tuple(getattr(kept, name) for name in COLUMNS)
