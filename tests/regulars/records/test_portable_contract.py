"""What every store guarantees of its records as rows: complete, equal, checked, and for any other store."""

import json

import pytest

from regulars.errors import RecordInvalid, RecordsError
from regulars.records.portable import TABLES
from tests.regulars.records.builders import a_segment, everything


def rows_of(records):
    """Return the dump as it would be read from a file."""
    return [json.loads(json.dumps(row)) for row in records.dump()]


def test_a_dump_holds_rows_of_every_table(records):
    """A table that is forgotten here is lost with the next restore."""
    everything(records)
    rows = rows_of(records)
    assert {row["table"] for row in rows} == set(TABLES)
    assert all(row.keys() - {"table"} == TABLES[row["table"]].columns.keys() for row in rows)


def test_an_empty_store_dumps_its_token_alone(records):
    """So that whoever restores can tell empty from full."""
    assert rows_of(records) == [{"table": "change_token", "token": 0}]


def test_another_store_takes_over_everything(records, other):
    """A backup restores, and a deployment moves between SQLite and MongoDB, without losing a word."""
    secret = everything(records)
    rows = rows_of(records)
    assert other.load(iter(rows)) == len(rows)
    assert rows_of(other) == rows
    for read in (
        lambda store: store.notes("s", "woo:1"),
        lambda store: store.tags("s"),
        lambda store: store.segments("s"),
        lambda store: store.segment_history("s", "big-spenders"),
        lambda store: store.events("s", "woo:1"),
        lambda store: store.hidden("s"),
        lambda store: store.aliases("s"),
        lambda store: store.identity_decisions("s"),
        lambda store: store.tag_changes("s"),
        lambda store: store.syncs("s"),
        lambda store: store.syncs("t"),
        lambda store: store.fingerprint("s"),
        lambda store: store.webhooks("s"),
        lambda store: store.checks("s"),
        lambda store: store.guest_key(),
        lambda store: store.token_of(secret),
        lambda store: store.change_token(),
    ):
        assert read(other) == read(records) is not None


def test_rows_of_an_earlier_version_are_taken_over(records, other):
    """A backup outlives the version that made it: it lacks what came later, and nothing else."""
    everything(records)
    new = rows_of(records)
    old = [
        {name: value for name, value in row.items() if name != "drift"}
        for row in new
        if row["table"] not in ("fingerprints", "webhooks", "identity_decisions")
    ]
    old = [row for row in old if row.get("kind") != "reconcile" and row.get("name") != "identity_decisions"]
    other.load(old)
    assert [sync.drift for sync in other.syncs("s")] == [None]
    assert [row for row in new if row in old] == [row for row in rows_of(other) if row["table"] != "syncs"]


def test_ids_go_on_where_they_were(records, other):
    """Even the id of a note that was deleted before the dump must not lead to another one."""
    everything(records)
    gone = records.add_note("s", "woo:1", "gone", "ana")
    records.delete_note(gone.id, 1)
    last_event = records.events("s", "woo:1")[0].id
    other.load(rows_of(records))
    assert other.add_note("s", "woo:1", "new", "ana").id > gone.id
    assert other.add_event("s", "woo:1", "edited", "ana").id > last_event
    assert other.tag_people("s", ["woo:1"], "new", "ana").id > records.tag_changes("s")[0].id
    assert other.separate("s", "guest:new", "ana").id > records.identity_decisions("s")[0].id
    assert other.add_token("new")[0].id > records.tokens()[-1].id
    assert a_segment(other, "Last").id == other.segments("s")[-1].id == "last"
    assert a_segment(other, "Deleted").id == "deleted-2"


def test_changes_of_tags_can_be_undone_after_a_move(records, other):
    """The undo button is there after a restore, too."""
    change = records.tag_people("s", ["woo:1", "woo:2"], "vip", "ana")
    other.load(rows_of(records))
    other.undo_tag_change("s", change.id, "ana")
    assert other.tags("s") == {}


def test_a_store_with_records_takes_nothing_over(records, other):
    """Two deployments mixed in one store could never be told apart again."""
    everything(records)
    other.add_note("s", "woo:1", "mine", "ana")
    before = rows_of(other)
    with pytest.raises(RecordsError, match="has records already"):
        other.load(rows_of(records))
    assert rows_of(other) == before


def test_a_replaced_store_holds_the_rows_alone(records, other):
    """Nothing of before may remain: not a tag, not an id."""
    everything(records)
    for number in range(9):
        other.add_note("s", f"woo:{number}", "mine", "ana")
        other.add_tag("s", f"woo:{number}", f"mine {number}", "ana")
    rows = rows_of(records)
    other.load(rows, replace=True)
    assert rows_of(other) == rows


def spoiled():
    """Yield a name and a function that spoils the rows of a full dump."""

    def one(table, /, **changed):
        def spoil(rows):
            index = next(i for i, row in enumerate(rows) if row["table"] == table)
            rows[index] = {**rows[index], **changed}

        return spoil

    def without(table):
        return lambda rows: rows.__setitem__(slice(None), [row for row in rows if row["table"] != table])

    yield "no table", one("notes", table=None)
    yield "unknown table", one("notes", table="schema_version")
    yield "further column", one("notes", further=1)
    yield "text for a number", one("notes", id="1")
    yield "flag for a number", one("notes", version=True)
    yield "null where none may be", one("notes", text=None)
    yield "NUL", one("notes", text="a\0")
    yield "object", one("notes", text={"$ne": None})
    yield "huge number", one("notes", id=2**63)
    yield "time beyond the calendar", one("notes", created_at=2**62)
    yield "no base64", one("tokens", hash="é")
    yield "unknown kind", one("events", kind="dropped")
    yield "unknown kind of a decision", one("identity_decisions", kind="guessed")
    yield "drift of no kind", one("syncs", drift='[{"object":"order","kind":"colour","before":1,"after":0}]')
    yield "drift that is no JSON", one("syncs", drift="[")
    yield "unknown state of a webhook", one("webhooks", status="gone")
    yield "missing parents", without("notes")
    yield "same key twice", lambda rows: rows.insert(-1, rows[-1])
    yield "tables mixed up", lambda rows: rows.append(rows[0])
    yield "no row", lambda rows: rows.append("row")


@pytest.mark.parametrize("spoil", [pytest.param(spoil, id=name) for name, spoil in spoiled()])
def test_rows_of_no_dump_are_refused_as_a_whole(records, other, spoil):
    """A spoiled backup must leave the store as it was, also where most of it was fine."""
    everything(records)
    other.add_note("s", "woo:1", "mine", "ana")
    before = rows_of(other)
    rows = rows_of(records)
    spoil(rows)
    with pytest.raises(RecordInvalid, match="dump of records") as caught:
        other.load(rows, replace=True)
    assert "two\nlines" not in caught.value.sentence()
    assert rows_of(other) == before


def test_a_dump_is_of_one_moment(records, open_again):
    """Somebody writes while the backup runs: it holds all of that write or nothing of it."""
    records.set_tags("s", "woo:1", ["before"], "ana")
    rows = records.dump()
    first = next(rows)
    open_again().set_tags("s", "woo:1", ["after"], "ana")
    tables = [first, *rows]
    assert [row["shown"] for row in tables if row["table"] == "tags"] == ["before"]
    assert [row["folded"] for row in tables if row["table"] == "person_tags"] == ["before"]
