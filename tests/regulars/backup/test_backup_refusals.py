"""What a backup or a restore refuses, in one sentence, leaving everything as it was."""

import json
import resource
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from regulars.backup.layout import MANIFEST, read_manifest
from regulars.backup.make import backup
from regulars.backup.restore import restore
from regulars.errors import BackupError, FolderInUse, NewerSchema, RegularsError, WarehouseBusy
from regulars.paths import DataPaths
from regulars.up import owned
from tests.e2e.running import BIN, Place
from tests.regulars.backup.house import NOW, fill, held, names_in, settings_of

SPOILED = ("records.jsonl", "inbox.jsonl", "warehouse/east.duckdb", "published/east/CURRENT", "manifest.json")


@pytest.fixture
def old(tmp_path):
    """A deployment that holds something of everything."""
    settings = settings_of(tmp_path / "old")
    fill(settings)
    return settings


@pytest.fixture
def made(old, tmp_path):
    """Its backup."""
    backup(old, tmp_path / "backup", made_at=NOW)
    return tmp_path / "backup"


def refused(settings, source, error=BackupError):
    """Restore, which must be refused and leave no trace; return the sentence."""
    before = names_in(settings.data_dir)
    with pytest.raises(error) as caught:
        restore(settings, source, replace=False, now=NOW)
    assert names_in(settings.data_dir) - before <= {"up.lock", "warehouse"}
    return caught.value.sentence()


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_byte_is_found_before_anything_is_touched(made, tmp_path, name):
    """Disks rot; half a backup restored over nothing would pass for a whole one."""
    content = bytearray((made / name).read_bytes())
    content[len(content) // 2] ^= 1
    (made / name).write_bytes(content)
    assert f"{made / name} is damaged" in refused(settings_of(tmp_path / "new"), made)


@pytest.mark.parametrize("name", SPOILED)
def test_a_missing_or_short_file_is_found(made, tmp_path, name):
    """A copy that was broken off looks like a backup, too."""
    content = (made / name).read_bytes()
    (made / name).write_bytes(content[:-1])
    if name != "manifest.json":  # its last byte is a line's end
        assert "is damaged or missing" in refused(settings_of(tmp_path / "new"), made)
    (made / name).unlink()
    assert str(made) in refused(settings_of(tmp_path / "new"), made)


def signed(made, change):
    """Write the manifest anew, with a sum that is right, after a change: somebody meant it."""
    manifest = read_manifest(made)
    files = dict(manifest.files)
    change(files)
    (made / MANIFEST).write_bytes(manifest.model_copy(update={"files": files}).to_json())


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/cron.d/evil", "warehouse/../../x.duckdb", "published/east/CURRENT/../x", "records.db"]
)
def test_a_backup_writes_nowhere_but_in_its_places(made, tmp_path, name):
    """A backup may come from anybody; its names must not lead out of the data folder."""
    signed(made, lambda files: files.update({name: files["records.jsonl"]}))
    assert "names files that no backup has" in refused(settings_of(tmp_path / "new"), made)


def test_rows_of_no_dump_are_refused_though_their_sum_is_right(made, tmp_path):
    """A sum proves that nothing rotted, not that the rows can be taken."""
    (made / "records.jsonl").write_text('{"table":"notes","id":"x"}\n')
    from regulars.backup.files import Sum
    from regulars.backup.layout import _sum_of

    told = _sum_of(made / "records.jsonl")
    assert isinstance(told, Sum)
    signed(made, lambda files: files.update({"records.jsonl": told}))
    assert "not of a dump of records" in refused(settings_of(tmp_path / "new"), made)


def test_a_newer_backup_is_refused_by_name(made, tmp_path):
    """An older Regulars must say that it is too old, not that the backup is broken."""
    said = json.loads((made / MANIFEST).read_text())
    (made / MANIFEST).write_text(json.dumps({**said, "format": 99, "more": 1}))
    assert "newer Regulars" in refused(settings_of(tmp_path / "new"), made, NewerSchema)


def test_what_is_no_backup_is_said(tmp_path):
    """The commonest mistake is a wrong folder."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    new = settings_of(tmp_path / "new")
    assert "has no manifest.json" in refused(new, tmp_path / "nowhere")
    assert "has no manifest.json" in refused(new, tmp_path / "empty")
    assert "is no folder" in refused(new, tmp_path / "file")


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_a_backup_overwrites_nothing(old, tmp_path, kind):
    """Yesterday's backup may be the only good one."""
    target = tmp_path / "target"
    {"folder": target.mkdir, "file": target.touch, "dangling link": lambda: target.symlink_to("nowhere")}[kind]()
    with pytest.raises(BackupError, match="is there already"):
        backup(old, target, made_at=NOW)
    assert names_in(tmp_path) == {"old", "target"}


def test_nothing_to_back_up_is_said(tmp_path):
    """A typing error in REGULARS_DATA must not end in an empty backup that looks fine."""
    with pytest.raises(BackupError, match="nothing to back up"):
        backup(settings_of(tmp_path / "nowhere"), tmp_path / "backup", made_at=NOW)
    assert names_in(tmp_path) == set()


def test_a_running_deployment_is_not_restored_into(old, made, tmp_path):
    """Its processes would go on writing into files that are gone."""
    before = held(old)
    with owned(old.data_dir), pytest.raises(FolderInUse):
        restore(old, made, replace=True, now=NOW)
    with FileLock(DataPaths(old.data_dir).warehouse_lock("east")):
        with pytest.raises(WarehouseBusy, match="sync of 'east'"):
            restore(old, made, replace=True, now=NOW)
        with pytest.raises(WarehouseBusy, match="back up after it"):
            backup(old, tmp_path / "second", made_at=NOW, patience=0.05)
    assert held(old) == before
    assert names_in(tmp_path) == {"old", "backup"}
    assert not any(name.startswith("replaced") for name in names_in(old.data_dir))


def limited(size: int, *arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that cannot write files larger than `size`, which is how a full disk looks to it."""
    place = Place(data.parent / "place", REGULARS_DATA=str(data))
    return subprocess.run(
        [str(BIN / "regulars"), *arguments],
        env=place.environment,
        cwd=place.folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_full_disk_ends_in_a_sentence_and_leaves_nothing(old, made, tmp_path):
    """The backup must not fill the disk with its own half; the restore must not have touched what was there."""
    before = held(old)
    done = limited(150_000, "backup", str(tmp_path / "second"), data=old.data_dir)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1), done.stderr
    assert "cannot be written: File too large" in done.stderr
    done = limited(150_000, "restore", str(made), "--replace", data=old.data_dir)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1), done.stderr
    assert "cannot be restored into" in done.stderr
    assert held(old) == before
    assert names_in(tmp_path) == {"old", "backup", "place"}
    assert not {".restoring", "restore.json"} & names_in(old.data_dir)


def test_every_refusal_is_an_error_of_ours():
    """The command turns those into one sentence; anything else would be a traceback."""
    assert issubclass(BackupError, RegularsError)
