"""What only MongoDB's records have to show: work in steps, loads beside, indexes for every question, many writers."""

import threading

import pytest
from pydantic import SecretStr

from regulars.errors import RecordInvalid, RecordsUnavailable
from regulars.mongo import bulk_steps, rows
from regulars.mongo.records import MongoRecords
from regulars.mongo.rows import PART, STATE
from regulars.mongo.schema import VERSIONS
from regulars.records.sql import SqlRecords
from tests.regulars.records.builders import a_sync

PEOPLE = [f"woo:{number:03}" for number in range(95)]


@pytest.fixture
def few_at_once(monkeypatch):
    """Let ten people be many, so that jobs have steps."""
    for module in (rows, bulk_steps):
        monkeypatch.setattr(module, "AT_ONCE", 10)
    monkeypatch.setattr(rows.chunks, "__defaults__", (10,))


@pytest.fixture
def records(mongo_uri):
    """Empty records."""
    with MongoRecords(SecretStr(mongo_uri)) as store:
        yield store


def break_off(monkeypatch, records, steps):
    """Let the process die, so to speak, after some steps of a job."""
    done, step = [], bulk_steps.step

    def dies(writing, job):
        if len(done) == steps:
            raise KeyboardInterrupt
        done.append(job)
        return step(writing, job)

    monkeypatch.setattr("regulars.mongo.bulk.step", dies)


def act(records, kind):
    """Do what the tests break off: change the tags of all PEOPLE."""
    return {
        "add": lambda: records.tag_people("s", PEOPLE, "new", "ana"),
        "remove": lambda: records.untag_people("s", PEOPLE, "old", "ana"),
        "undo": lambda: records.undo_tag_change("s", 1, "ana"),
        "merge": lambda: records.rename_tag("s", "old", "both", "ana"),
    }[kind]()


def prepared(records):
    """Give all PEOPLE one tag, and some of them another one."""
    records.tag_people("s", PEOPLE, "old", "ana")
    records.tag_people("s", PEOPLE[:30], "both", "ben")


def outcome(records):
    """Return what is there, times aside."""
    times = {"at", "created_at", "undone_at"}
    return [{name: row[name] for name in row if name not in times} for row in records.dump()]


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize("kind", ["add", "remove", "undo", "merge"])
def test_a_job_that_was_broken_off_is_carried_on_by_whoever_opens_next(mongo_uri, tmp_path, monkeypatch, kind, steps):
    """Half a bulk change can neither be undone nor told from a whole one; it must not stay."""
    with SqlRecords(tmp_path / "records.db") as expected:
        prepared(expected)
        act(expected, kind)
        whole = outcome(expected)
    with MongoRecords(SecretStr(mongo_uri)) as records:
        prepared(records)
        with monkeypatch.context() as patch:
            break_off(patch, records, steps)
            with pytest.raises(KeyboardInterrupt):
                act(records, kind)
        assert outcome(records) != whole
    with MongoRecords(SecretStr(mongo_uri)) as again:
        assert outcome(again) == whole


def test_the_next_change_of_many_carries_on_first(records, few_at_once, monkeypatch):
    """A process that lives on after the server was away must not build on half a change."""
    with monkeypatch.context() as patch:
        break_off(patch, records, 2)
        with pytest.raises(KeyboardInterrupt):
            records.tag_people("s", PEOPLE, "one", "ana")
    records.tag_people("s", PEOPLE[:1], "two", "ana")
    assert records.tag_counts("s") == {"one": len(PEOPLE), "two": 1}
    assert [change.people for change in records.tag_changes("s")] == [1, len(PEOPLE)]


def test_dumped_numbers_are_pythons_own(records):
    """A time of the driver's own number type took the check of a row minutes: `in range` counts up to it."""
    prepared(records)
    numbers = [value for row in records.dump() for value in row.values() if isinstance(value, int)]
    assert {type(number) for number in numbers} == {int}
    assert max(numbers) > 2**32


def test_a_load_that_breaks_off_leaves_everything_as_it_was(records, few_at_once):
    """A restore of a damaged backup must not cost the records that are there."""
    prepared(records)
    note = records.add_note("s", "woo:1", "kept", "ana")
    before = list(records.dump())

    def damaged():
        yield from before[: len(before) // 2]
        yield {"table": "notes", "id": "broken"}

    with pytest.raises(RecordInvalid):
        records.load(damaged(), replace=True)
    assert list(records.dump()) == before
    assert records.notes("s", "woo:1") == [note]
    assert not [name for name in records._database.list_collection_names() if name.endswith("_loading")]


def test_a_load_that_dies_while_names_change_is_completed_by_whoever_opens_next(mongo_uri, tmp_path, monkeypatch):
    """Between the first new name and the last the records are neither the old nor the new ones."""
    with SqlRecords(tmp_path / "records.db") as source:
        prepared(source)
        source.add_note("s", "woo:1", "x", "ana")
        wanted = list(source.dump())
    with MongoRecords(SecretStr(mongo_uri)) as records:
        records.add_note("s", "woo:1", "old", "ana")
        with monkeypatch.context() as patch:
            patch.setattr(MongoRecords, "finish_loading", lambda self: None)
            records.load(iter(wanted), replace=True)
        records._database["tags_loading"].rename("tags", dropTarget=True)
        with pytest.raises(RecordsUnavailable, match="restored"):
            records.add_note("s", "woo:1", "lost?", "ana")
    with MongoRecords(SecretStr(mongo_uri)) as again:
        assert list(again.dump()) == wanted
        assert again.add_note("s", "woo:1", "y", "ana").id == 2


def test_writers_at_once_get_ids_of_their_own_in_the_order_of_writing(mongo_uri):
    """App, API and Dagster write at once; each waits for its turn, and nobody's note is lost or doubled."""
    said = []

    def write(name):
        with MongoRecords(SecretStr(mongo_uri)) as records:
            for number in range(15):
                note = records.add_note("s", "woo:1", f"{name} {number}", name)
                records.add_tag("s", f"woo:{number}", name, name)
                records.add_aliases("s", {f"{name}:{number}": f"woo:{number}"})
                said.append((note.id, note.text))

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ana", "ben", "cem")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    with MongoRecords(SecretStr(mongo_uri)) as records:
        notes = records.notes("s", "woo:1")
        assert sorted((note.id, note.text) for note in notes) == sorted(said)
        assert [note.id for note in notes] == list(range(45, 0, -1))
        assert {len(tags) for tags in records.tags("s").values()} == {3}
        assert (len(records.aliases("s")), records.change_token()) == (45, 45)


def test_no_question_scans_a_collection(records, mongod, mongo_uri):
    """Lists stay fast at a million people; a scan is not seen before."""
    profile = mongod.admin()
    with profile as client:
        database = client[mongo_uri.rsplit("/", 1)[1]]
        prepared(records)
        note = records.add_note("s", PEOPLE[0], "x", "ana")
        records.edit_note(note.id, "y", "ana", 1)
        database.command("profile", 2)
        for _ in records.notes("s", PEOPLE[0]), records.note(note.id), records.note_history(note.id):
            pass
        records.keys_with_notes("s")
        records.tags_of("s", PEOPLE[0])
        records.tags("s")
        records.tag_counts("s")
        records.tag_people("s", PEOPLE, "third", "ana")
        records.untag_people("s", PEOPLE, "third", "ana")
        records.rename_tag("s", "old", "both", "ana")
        records.tag_changes("s")
        records.events("s", PEOPLE[0])
        records.hide("s", PEOPLE[0], "ana")
        records.hidden("s")
        records.segments("s")
        records.aliases("s")
        records.syncs("s")
        records.checks("s")
        records.token_of("x")
        database.command("profile", 0)
        asked = list(database["system.profile"].find({"ns": {"$ne": f"{database.name}.system.profile"}}))
        scans = {f"{row['ns']} {row['op']}" for row in asked if row.get("planSummary", "").startswith("COLLSCAN")}
        assert len(asked) > 30
        # Empty but for what is under way, and small: jobs and the state.
        assert {scan.split()[0].rsplit(".", 1)[1] for scan in scans} <= {"tag_jobs", STATE}


def test_syncs_of_the_first_version_are_read_as_compared_with_nothing(mongo_uri):
    """Whoever had Regulars before drift was counted keeps the history, and a backup of it stays whole."""
    with MongoRecords(SecretStr(mongo_uri)) as records:
        records.add_sync(a_sync())
        records._database["syncs"].update_many({}, {"$unset": {"drift": ""}})
        for name in ("fingerprints", "webhooks", "identity_decisions"):
            records._database.drop_collection(name)
        records._database[VERSIONS].update_one({"_id": "records"}, {"$set": {"version": 1}})
    with MongoRecords(SecretStr(mongo_uri)) as records:
        assert records.syncs("s") == [a_sync()]
        assert [row["drift"] for row in records.dump() if row["table"] == "syncs"] == [None]
        records.set_webhooks("s", [])
        assert records._database[VERSIONS].find_one({"_id": "records"})["version"] == PART.version == 3
        records.merge_people("s", "woo:1", "woo:2", "ana")
        assert records.aliases("s") == {"woo:1": "woo:2"}
        assert records._database["syncs_v1"].count_documents({}) == 1
