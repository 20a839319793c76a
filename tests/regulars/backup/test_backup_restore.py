"""What a backup holds comes back, in whatever store; nothing that is there is lost on the way."""

import hashlib
import json
import shutil
from datetime import timedelta

import pytest
from polars.testing import assert_frame_equal

from regulars.backup.make import backup
from regulars.backup.restore import restore
from regulars.directory import open_directory
from regulars.directory.query import PeopleQuery
from regulars.errors import BackupError, RecordsUnavailable
from regulars.inbox import open_inbox
from regulars.paths import DataPaths
from regulars.records import open_records
from tests.regulars.backup.house import NOW, STORES, fill, fill_shop, held, in_database, names_in, settings_of
from tests.regulars.inbox.deliveries import of_order


@pytest.fixture
def place(request, tmp_path):
    """A function that returns the settings of an empty deployment, on the store asked for."""

    def made(store, name):
        uri = in_database(request.getfixturevalue("mongo_uri"), name) if store == "mongodb" else None
        return settings_of(tmp_path / name, uri)

    return made


@pytest.mark.parametrize("into", STORES)
@pytest.mark.parametrize("store", STORES)
def test_a_backup_restores_everything_into_any_store(place, tmp_path, store, into):
    """This is how a deployment survives its disk, and how it moves to MongoDB and back."""
    old, new = place(store, "old"), place(into, "new")
    fill(old)
    fill_shop(old, "west", people=5)
    made = backup(old, tmp_path / "backup", made_at=NOW)
    before = held(old)

    done = restore(new, tmp_path / "backup", replace=False, now=NOW)

    assert held(new) == before == held(old)
    assert (done.manifest, done.aside) == (made, None)
    assert (made.store, made.warehouses, sorted(made.published)) == (store, ["east", "west"], ["east", "west"])
    assert made.records["notes"] == 1 + 2
    with open_inbox(old) as first, open_inbox(new) as second:
        first.commit([of_order(99)])
        second.commit([of_order(99)])
        assert first.last_seqs() == second.last_seqs()


def test_derived_files_stay_out_and_what_is_restored_answers_without_them(place, tmp_path):
    """They are the largest files of a version, and follow from the tables: a backup would be twice its size."""
    old, new = place("sqlite", "old"), place("sqlite", "new")
    fill(old)
    assert list(DataPaths(old.data_dir).published("east").rglob("*.arrow"))
    backup(old, tmp_path / "backup", made_at=NOW)
    restore(new, tmp_path / "backup", replace=False, now=NOW)

    for place_of_files in (tmp_path / "backup", new.data_dir):
        assert not list(place_of_files.rglob("*.arrow"))
    before, after = (open_directory(settings, "east").people(PeopleQuery(search="example")) for settings in (old, new))
    assert after.total == before.total == 3
    assert_frame_equal(after.rows, before.rows)


@pytest.mark.parametrize("store", STORES)
def test_what_is_there_is_refused_then_kept_aside(place, tmp_path, store):
    """The wrong folder must not cost anybody their notes: neither by accident nor with --replace."""
    old, new = place(store, "old"), place(store, "new")
    fill(old)
    fill(new, "north", people=7)
    backup(old, tmp_path / "backup", made_at=NOW)
    before = held(new)

    with pytest.raises(BackupError, match=r"records and change rows and warehouses and published data .*--replace"):
        restore(new, tmp_path / "backup", replace=False, now=NOW)
    assert held(new) == before

    done = restore(new, tmp_path / "backup", replace=True, now=NOW)
    assert held(new) == held(old)
    assert done.aside == new.data_dir / "replaced-20261122T123000Z"
    assert names_in(done.aside) >= {"warehouse", "published"}
    assert DataPaths(done.aside).warehouse("north").exists()

    if store == "mongodb":
        restore(new, done.aside, replace=True, now=NOW + timedelta(hours=1))
        assert held(new) == before
    else:
        assert held(settings_of(done.aside)) == before


def test_stores_that_were_only_opened_are_no_records(place, tmp_path):
    """Whoever looked into an empty app first can still restore without a word about replacing."""
    old, new = place("sqlite", "old"), place("sqlite", "new")
    fill(old)
    backup(old, tmp_path / "backup", made_at=NOW)
    open_records(new).close()

    assert restore(new, tmp_path / "backup", replace=False, now=NOW).aside is None
    assert held(new) == held(old)


def test_a_damaged_file_gives_way_and_is_kept(place, tmp_path):
    """That the records cannot be read is often why somebody restores."""
    old = place("sqlite", "old")
    fill(old)
    backup(old, tmp_path / "backup", made_at=NOW)
    before = held(old)
    DataPaths(old.data_dir).records.write_bytes(b"no database at all" * 100)
    with pytest.raises(RecordsUnavailable, match="restore a backup"):
        open_records(old)

    done = restore(old, tmp_path / "backup", replace=True, now=NOW)

    assert held(old) == before
    assert (done.aside / "records.db").read_bytes() == b"no database at all" * 100


def test_a_backup_says_what_is_in_it(place, tmp_path):
    """An administrator checks a backup with jq and sha256sum, without Regulars."""
    old = place("sqlite", "old")
    fill(old)
    backup(old, tmp_path / "deep" / "backup", made_at=NOW)

    folder = tmp_path / "deep" / "backup"
    said = json.loads((folder / "manifest.json").read_text())
    assert (said["format"], said["made_at"], said["change_rows"]) == (2, "2026-11-22T12:30:00Z", 4)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {*said["files"], "manifest.json"}
    for name, told in said["files"].items():
        content = (folder / name).read_bytes()
        assert told == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_backup_and_restored_files_are_for_their_owner_alone(place, tmp_path):
    """They hold names, addresses and the key that hashes guests."""
    old, new = place("sqlite", "old"), place("sqlite", "new")
    fill(old)
    backup(old, tmp_path / "backup", made_at=NOW)
    restore(new, tmp_path / "backup", replace=False, now=NOW)

    for path in [tmp_path / "backup", *(tmp_path / "backup").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    restored = DataPaths(new.data_dir)
    for path in (
        restored.records,
        restored.inbox,
        restored.warehouse("east"),
        *restored.published("east").rglob("*.p*"),
    ):
        assert path.stat().st_mode & 0o077 == 0, path
    assert not {".restoring", "restore.json"} & names_in(new.data_dir)


def test_a_deployment_without_a_shop_backs_up_too(place, tmp_path):
    """Tags and segments may come before the first sync."""
    old, new = place("sqlite", "old"), place("sqlite", "new")
    with open_records(old) as records:
        records.guest_key()
    made = backup(old, tmp_path / "backup", made_at=NOW)
    assert (made.warehouses, made.published, made.change_rows) == ([], {}, 0)
    restore(new, tmp_path / "backup", replace=False, now=NOW)
    assert held(new) == held(old)


def test_a_version_that_is_pruned_meanwhile_gives_way_to_its_successor(place, tmp_path, monkeypatch):
    """A publish during the backup must neither fail it nor leave half a version in it."""
    from regulars.backup import make

    old = place("sqlite", "old")
    fill(old)
    published = DataPaths(old.data_dir).published("east")
    first = next(path for path in published.iterdir() if path.is_dir())
    real = make.copy_file

    def pruning(source, target):
        if source.parent == first and source.name == "orders.parquet":
            first.rename(published / "20991231T000000Z")
            (published / "CURRENT").write_text("20991231T000000Z\n")
        return real(source, target)

    monkeypatch.setattr(make, "copy_file", pruning)
    made = backup(old, tmp_path / "backup", made_at=NOW)
    assert made.published == {"east": "20991231T000000Z"}
    assert names_in(tmp_path / "backup/published/east") == {"CURRENT", "20991231T000000Z"}
    shutil.rmtree(tmp_path / "backup")
