"""Change rows: what verified webhooks said, and which of it may be believed.

A webhook's body is the record as it was when the shop got round to sending it: late, out of order, twice, or an error
object under a valid signature. It applies only where it is strictly newer than what we hold; in every doubt the record
is read again by its id, since a read cannot be older than the question. A deletion is always asked back.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from pipelines.woocommerce.follow import Followed, Follower
from pipelines.woocommerce.known import Known, KnownRow
from pipelines.woocommerce.progress import Batch, Mark
from pipelines.woocommerce.rows import WEBHOOK, Row, gmt, is_id, row_of
from regulars.models import ChangeRow
from regulars.shop.port import Item

TABLES: Final = {"order": "orders", "customer": "customers"}
TOGETHER: Final = 500


@dataclass
class Plan:
    """What becomes of change rows: bodies that apply, by table, and ids to read again, by table."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    fetch: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


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
            row = None if number in entombed else _believed(table, rows, held.get(number), shop_now)
            if row is None:
                made.fetch[table].add(number)
            else:
                made.rows[table].append(row)
    return made


def _believed(table: str, changes: Sequence[ChangeRow], held: KnownRow | None, shop_now: datetime) -> Row | None:
    """Return the raw row that `changes` of one record amount to, or None where only the shop can tell."""
    if any(change.topic.endswith(".deleted") for change in changes):  # also before others: deliveries change places
        return None
    told: list[tuple[datetime, ChangeRow, Item]] = []
    for change in changes:
        item = _item(table, change)
        modified = gmt(item.get("date_modified_gmt")) if item else None
        if item is None or modified is None or modified > shop_now:
            return None
        told.append((modified, change, item))
    newest, change, item = max(told, key=lambda one: one[0])
    if any(modified == newest and other.body != change.body for modified, other, _ in told):
        return None
    if held and (held.modified_at is None or newest <= held.modified_at or change.received_at <= held.observed_at):
        return None
    return row_of(table, item, observed_at=change.received_at, observed_by=WEBHOOK)


def _item(table: str, change: ChangeRow) -> Item | None:
    """Return the record in a change row's body, or None where it holds another one, an error, or no JSON."""
    try:
        item = orjson.loads(change.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(item, dict) or not is_id(item.get("id")) or item["id"] != change.resource_id:
        return None
    if table == "orders" and not (isinstance(item.get("status"), str) and isinstance(item.get("refunds"), list)):
        return None
    return item


def merge_changes(
    changes: Sequence[ChangeRow], mark: Mark, known: Known, follower: Follower, shop_now: datetime
) -> Iterator[Batch]:
    """Yield what the change rows after `mark` amount to, with the records that they point to.

    Each batch asks to be committed before the next is decided, since that one compares with what is held then.
    """
    news = sorted((change for change in changes if change.seq > mark.change_seq), key=lambda change: change.seq)
    for start in range(0, len(news), TOGETHER):
        part = news[start : start + TOGETHER]
        made = plan(part, known, shop_now)
        found = Followed()
        for table, rows in made.rows.items():
            found.add(table, rows)
        for table, ids in made.fetch.items():
            found.merge(follower.fetch(table, ids))
        found.merge(follower.orders(found.rows.get("orders", []), every_account=False))
        mark = mark.model_copy(update={"change_seq": part[-1].seq})
        yield Batch(mark, found.rows, found.gone, flush=True)
