"""Change rows: what verified webhooks said, and which of it may be believed.

A webhook's body is the record as it was when the shop got round to sending it, or an error object under a valid
signature; `precedence` says when it applies. In every doubt the record is read again by its id. A deletion is always
asked back. What became of each change row is written into the ledger `raw.applied_changes`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from pipelines.woocommerce.fetching import Followed
from pipelines.woocommerce.follow import Follower
from pipelines.woocommerce.known import Known, KnownRow
from pipelines.woocommerce.precedence import believed
from pipelines.woocommerce.progress import Applied, Batch, How, Mark
from pipelines.woocommerce.rows import WEBHOOK, Row, gmt, is_id, row_of
from pipelines.woocommerce.shapes import is_whole
from regulars.models import ChangeRow
from regulars.shop.port import Item

TABLES: Final = {"order": "orders", "customer": "customers"}
TOGETHER: Final = 500


@dataclass
class Plan:
    """What becomes of change rows: bodies that apply, by table, and ids to read again, by table.

    `taken` has the `seq` of each change row whose body applies.
    """

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    fetch: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    taken: set[int] = field(default_factory=set)


def plan(changes: Iterable[ChangeRow], known: Known, shop_now: datetime) -> Plan:
    """Decide on each record that `changes` tell of. `shop_now` is the shop's clock; what lies beyond it is not believed."""
    made = Plan()
    by_record: dict[str, dict[int, list[ChangeRow]]] = {table: defaultdict(list) for table in TABLES.values()}
    for change in changes:
        if change.resource in TABLES and is_id(change.resource_id):
            by_record[TABLES[change.resource]][change.resource_id].append(change)
    for table, records in by_record.items():
        held = known.rows(table, records)
        entombed = known.entombed(table, records)
        for number, rows in records.items():
            told = _told(table, rows, held.get(number), shop_now, entombed=number in entombed)
            if told is None:
                made.fetch[table].add(number)
            else:
                made.rows[table].append(told[1])
                made.taken.add(told[0].seq)
    return made


def _told(
    table: str, changes: Sequence[ChangeRow], held: KnownRow | None, shop_now: datetime, *, entombed: bool
) -> tuple[ChangeRow, Row] | None:
    """Return the newest of `changes` of one record with its raw row, or None where only the shop can tell."""
    if any(change.topic.endswith(".deleted") for change in changes):  # also before others: deliveries change places
        return None
    told: list[tuple[datetime, ChangeRow, Item]] = []
    for change in changes:
        item = _item(table, change)
        modified = gmt(item.get("date_modified_gmt")) if item else None
        if item is None or modified is None:
            return None
        told.append((modified, change, item))
    newest, change, item = max(told, key=lambda one: one[0])
    if any(modified == newest and other.body != change.body for modified, other, _ in told):
        return None
    applies = believed(held, entombed=entombed, modified=newest, received_at=change.received_at, shop_now=shop_now)
    return (change, row_of(table, item, observed_at=change.received_at, observed_by=WEBHOOK)) if applies else None


def _item(table: str, change: ChangeRow) -> Item | None:
    """Return the record in a change row's body, or None where it holds another one, a part, an error, or no JSON."""
    try:
        item = orjson.loads(change.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(item, dict) or not is_id(item.get("id")) or item["id"] != change.resource_id:
        return None
    return item if is_whole(table, item) else None


def merge_changes(
    changes: Sequence[ChangeRow],
    mark: Mark,
    known: Known,
    follower: Follower,
    *,
    shop_now: datetime,
    clock: Callable[[], datetime],
) -> Iterator[Batch]:
    """Yield what the change rows after `mark` amount to, with the records that they point to.

    Each batch asks to be committed before the next is decided, since that one compares with what is held then. A record
    that the shop cannot show is passed over, so that it holds up no other.
    """
    news = sorted((change for change in changes if change.seq > mark.change_seq), key=lambda change: change.seq)
    for start in range(0, len(news), TOGETHER):
        part = news[start : start + TOGETHER]
        made = plan(part, known, shop_now)
        found = Followed()
        for table, rows in made.rows.items():
            found.add(table, rows)
        for table, ids in made.fetch.items():
            found.merge(follower.fetch(table, ids, announced=True))
        found.merge(follower.orders(found.rows.get("orders", []), every_account=False))
        mark = mark.model_copy(update={"change_seq": part[-1].seq})
        now = clock()
        applied = [Applied(change.seq, now, _how(change, made, follower)) for change in part]
        yield Batch(mark, found.rows, found.gone, applied, flush=True)


def _how(change: ChangeRow, made: Plan, follower: Follower) -> How:
    """Return what became of a change row."""
    if change.seq in made.taken:
        return "body"
    record = (TABLES.get(change.resource, ""), change.resource_id)
    asked = record[1] in made.fetch.get(record[0], ())
    return "fetched" if asked and record not in follower.unreadable else "skipped"
