"""The rows by which records travel between stores: tables, columns, and the check of each row. See `system_ports.Portable`.

Every adapter dumps exactly these tables in this order, and reads rows through `read_rows`, so that nothing gets into a
store that a dump could not have held.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from regulars.models import DecisionKind, EventKind, SyncKind, WebhookStatus
from regulars.records import drifts, sentences
from regulars.records.texts import is_text

TIMES = range(-62_135_596_800_000_000, 253_402_300_800_000_000)  # the years 1 to 9999
_INTEGERS = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Table:
    """One table of a dump.

    `columns` are names and kinds (`text`, `integer`, `time`, `real`, `flag`, `bytes`, `drift`; with `?` they may be
    null). `key` tells rows apart and orders them. `parent` is (columns here, table, columns there) that must have come
    before. `later` are columns that dumps of earlier versions lack; they are null then.
    """

    columns: Mapping[str, str]
    key: tuple[str, ...]
    parent: tuple[tuple[str, ...], str, tuple[str, ...]] | None = None
    later: frozenset[str] = frozenset()


def _table(key: str, parent: tuple[str, str, str] | None = None, later: str = "", /, **columns: str) -> Table:
    family = (tuple(parent[0].split()), parent[1], tuple(parent[2].split())) if parent else None
    return Table(columns, tuple(key.split()), family, frozenset(later.split()))


# change_token has one row. counters: the last id ever given of what has ids, also where its record is gone; no row where
# none was given. note_versions and segment_versions hold versions that were replaced. tag_change_people holds whom a
# bulk change that was not undone changed; for a tag taken away, with who had given it and when.
TABLES: Mapping[str, Table] = {
    "change_token": _table("token", token="integer"),  # noqa: S106 - a kind of column
    "counters": _table("name", name="text", last="integer"),
    "keys": _table("name", name="text", key_id="text", secret="bytes", created_at="time"),  # noqa: S106
    "shops": _table("shop", shop="text", created_at="time"),
    "tokens": _table("id", id="integer", name="text", hash="bytes", created_at="time", revoked_at="time?"),
    "tags": _table("shop folded", shop="text", folded="text", shown="text"),
    "person_tags": _table(
        "shop customer_key folded",
        ("shop folded", "tags", "shop folded"),
        shop="text",
        customer_key="text",
        folded="text",
        author="text",
        created_at="time",
    ),
    "tag_changes": _table(
        "id",
        id="integer",
        shop="text",
        folded="text",
        shown="text",
        action="text",
        people="integer",
        author="text",
        at="time",
        undone_at="time?",
    ),
    "tag_change_people": _table(
        "change_id customer_key",
        ("change_id", "tag_changes", "id"),
        change_id="integer",
        customer_key="text",
        author="text?",
        created_at="time?",
    ),
    "notes": _table(
        "id",
        id="integer",
        shop="text",
        customer_key="text",
        text="text",
        author="text",
        created_at="time",
        edited_at="time?",
        version="integer",
    ),
    "note_versions": _table(
        "note_id version",
        ("note_id", "notes", "id"),
        note_id="integer",
        version="integer",
        text="text",
        author="text",
        edited_at="time?",
    ),
    "segments": _table(
        "seq",
        seq="integer",
        shop="text",
        id="text",
        name="text",
        rule="text",
        description="text",
        author="text",
        created_at="time",
        edited_at="time?",
        deleted_at="time?",
        version="integer",
    ),
    "segment_versions": _table(
        "segment_seq version",
        ("segment_seq", "segments", "seq"),
        segment_seq="integer",
        version="integer",
        name="text",
        rule="text",
        description="text",
        author="text",
        edited_at="time?",
    ),
    "aliases": _table("shop alias_key", shop="text", alias_key="text", customer_key="text", created_at="time"),
    "identity_decisions": _table(
        "id",
        id="integer",
        shop="text",
        kind="text",
        identity="text",
        into="text",
        author="text",
        at="time",
        undone_at="time?",
        undone_by="text?",
    ),
    "hidden": _table("shop customer_key", shop="text", customer_key="text", author="text", at="time"),
    "events": _table(
        "id", id="integer", shop="text", customer_key="text", at="time", author="text", kind="text", detail="text"
    ),
    "syncs": _table(
        "shop run_id",
        None,
        "drift",
        shop="text",
        run_id="text",
        kind="text",
        status="text",
        started_at="time",
        finished_at="time",
        customers="integer",
        orders="integer",
        seconds="real",
        message="text",
        drift="drift?",
    ),
    "checks": _table(
        "shop suite name",
        shop="text",
        suite="text",
        name="text",
        passed="flag",
        detail="text",
        at="time",
        run_id="text?",
    ),
    "fingerprints": _table("shop", shop="text", home="text", currency="text?", timezone="text", seen_at="time"),
    "webhooks": _table(
        "shop topic", shop="text", topic="text", status="text", webhook_id="integer?", checked_at="time"
    ),
}
COUNTED = ("events", "identity_decisions", "notes", "tag_changes", "tokens")
_WORDS: Mapping[tuple[str, str], frozenset[str]] = {
    ("counters", "name"): frozenset(COUNTED),
    ("tag_changes", "action"): frozenset({"add", "remove"}),
    ("events", "kind"): frozenset(get_args(EventKind)),
    ("identity_decisions", "kind"): frozenset(get_args(DecisionKind)),
    ("syncs", "kind"): frozenset(get_args(SyncKind)),
    ("syncs", "status"): frozenset({"success", "failure"}),
    ("webhooks", "status"): frozenset(get_args(WebhookStatus)),
}


def to_row(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a table's columns as a store has them: bytes become base64, further columns stay out."""
    row: dict[str, Any] = {"table": table}
    for name, kind in TABLES[table].columns.items():
        value = values[name]
        row[name] = b64encode(value).decode() if kind == "bytes" else value
    return row


def read_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield table and columns of each row, bytes as bytes. Raises RecordInvalid at the first that no dump holds.

    Checked are tables, columns, types, words, parents, and that tables come in order. That two rows of one table do not
    share a key is the store's to see.
    """
    order = list(TABLES)
    parents: dict[str, set[tuple[Any, ...]]] = {table.parent[1]: set() for table in TABLES.values() if table.parent}
    last = 0
    for number, row in enumerate(rows, 1):
        name = row.get("table") if isinstance(row, Mapping) else None
        if not isinstance(name, str) or name not in TABLES:
            raise sentences.not_of_dump(number, "its table is unknown")
        if order.index(name) < last:
            raise sentences.not_of_dump(number, f"a row of {name} comes too late")
        last = order.index(name)
        table = TABLES[name]
        if row.keys() - {"table"} | table.later != table.columns.keys():
            raise sentences.not_of_dump(number, f"{name} has other columns")
        values = {column: _value(number, name, column, kind, row.get(column)) for column, kind in table.columns.items()}
        if table.parent is not None:
            here, parent, _ = table.parent
            if tuple(values[column] for column in here) not in parents[parent]:
                raise sentences.not_of_dump(number, f"what it belongs to in {parent} is missing")
        if name in parents:
            parents[name].add(tuple(values[column] for column in _told_by(name)))
        yield name, values


def _told_by(parent: str) -> tuple[str, ...]:
    return next(table.parent[2] for table in TABLES.values() if table.parent and table.parent[1] == parent)


def _value(number: int, table: str, column: str, kind: str, value: object) -> Any:
    if value is None and kind.endswith("?"):
        return None
    try:
        read = _KINDS[kind.rstrip("?")](value)
    except ValueError:
        raise sentences.not_of_dump(number, f"{table}.{column} is not {kind}") from None
    words = _WORDS.get((table, column))
    if words is not None and read not in words:
        raise sentences.not_of_dump(number, f"{table}.{column} is none of the words it can be")
    return read


def _text(value: object) -> str:
    if not is_text(value):
        raise ValueError
    return str(value)


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in _INTEGERS:
        raise ValueError
    return value


def _time(value: object) -> int:
    if _integer(value) not in TIMES:
        raise ValueError
    return _integer(value)


def _real(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError  # noqa: TRY004 - one error for whatever is no such value
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004
    return value


def _drift(value: object) -> str:
    return drifts.checked(_text(value))


def _bytes(value: object) -> bytes:
    return b64decode(_text(value), validate=True)  # what is no base64 raises a ValueError of its own


_KINDS: Mapping[str, Callable[[object], Any]] = {
    "text": _text,
    "integer": _integer,
    "time": _time,
    "real": _real,
    "flag": _flag,
    "bytes": _bytes,
    "drift": _drift,
}
