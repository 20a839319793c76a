"""A backup or a restore is killed at any step: nothing is lost, nothing half-done passes for whole."""

import os
import shutil
import signal
import traceback
from pathlib import Path

import pytest
from rich.console import Console

from regulars.backup.make import backup
from regulars.backup.restore import restore
from regulars.errors import BackupError
from regulars.up import deployment_of
from tests.regulars.backup.house import NOW, fill, held, in_database, names_in, settings_of

ALL = 10_000


def run(action, settings, folder, steps):
    """Do it in a process that kills itself after so many steps; return how many it took, None where it was killed.

    A step is a file or a folder that is brought to disk, or moved.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(_counting(action, settings, folder, steps))
        except BaseException:  # noqa: BLE001 - told by the parent
            said = traceback.format_exc()
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert killed or said.isdigit(), said
    return None if killed else int(said)


def _counting(action, settings, folder, steps):
    left = [steps]

    def counted(real):
        def step(*arguments):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        return step

    os.fsync, Path.rename = counted(os.fsync), counted(Path.rename)
    if action == "backup":
        backup(settings, folder, made_at=NOW)
    else:
        restore(settings, folder, replace=True, now=NOW)
    return steps - left[0]


def spread(total, samples):
    """Return the steps to be killed at: so many, the last ones among them."""
    return sorted({*range(0, total, max(1, total // samples)), *range(max(0, total - 6), total)})


def killed_backups(tmp_path, samples):
    """Kill backups at many steps; each leaves nothing that passes for one, and the next is whole."""
    old = settings_of(tmp_path / "old")
    fill(old)
    before = held(old)
    total = run("backup", old, tmp_path / "whole", ALL)
    for steps in spread(total, samples):
        target = tmp_path / f"killed-{steps}"
        assert run("backup", old, target, steps) is None
        if target.exists():  # only the last name of all was not yet on disk
            assert steps == total - 1
            shutil.rmtree(target)
        backup(old, target, made_at=NOW)
        assert [name for name in names_in(tmp_path) if name.startswith(".")] == [], "the dead one's folder is removed"
        assert held(old) == before
    new = settings_of(tmp_path / "new")
    restore(new, target, replace=False, now=NOW)
    assert held(new) == before


def killed_restores(tmp_path, samples, uri=None):
    """Kill restores at many steps, over a deployment in use; each ends as if it had not been, or goes on when asked."""
    source = settings_of(tmp_path / "source")
    fill(source)
    backup(source, tmp_path / "backup", made_at=NOW)
    wanted = held(source)
    first = place(tmp_path, "first", uri)
    total = run("restore", first, tmp_path / "backup", ALL)
    outcomes = set()
    for steps in spread(total, samples):
        settings = place(tmp_path, f"at{steps}", uri)
        before = held(settings)
        assert run("restore", settings, tmp_path / "backup", steps) is None
        if (settings.data_dir / "restore.json").exists():
            with pytest.raises(BackupError, match="broken off"):
                deployment_of(settings, Console())
            with pytest.raises(BackupError, match="broken off"):
                backup(settings, tmp_path / "never", made_at=NOW)
            outcomes.add("went on")
        elif held(settings) == before:
            outcomes.add("untouched")
        else:
            outcomes.add("done")
            assert held(settings) == wanted
        done = restore(settings, tmp_path / "backup", replace=True, now=NOW)
        assert held(settings) == wanted
        assert not {".restoring", "restore.json"} & names_in(settings.data_dir)
        assert done.aside is not None
        assert done.aside.is_dir()
    assert outcomes >= {"untouched", "went on"}


def place(tmp_path, name, uri):
    """Return a deployment in use, which a restore is to replace."""
    settings = settings_of(tmp_path / name, in_database(uri, name) if uri else None)
    template = settings_of(tmp_path / "template")
    if uri:
        fill(settings, "north", people=4)
        return settings
    if not template.data_dir.exists():
        fill(template, "north", people=4)
    shutil.copytree(template.data_dir, settings.data_dir)
    return settings


def test_a_killed_backup_leaves_no_half_one(tmp_path):
    """Whoever restores must not find a folder that looks complete; the next backup clears up."""
    killed_backups(tmp_path, samples=8)


def test_a_killed_restore_is_undone_or_goes_on(tmp_path):
    """A power cut in the middle must not cost both what was there and what was restored."""
    killed_restores(tmp_path, samples=8)


@pytest.mark.deep
def test_a_killed_restore_into_mongodb_is_undone_or_goes_on(tmp_path, mongo_uri):
    """Files and server change together or not at all, though no transaction spans both."""
    killed_restores(tmp_path, 4, mongo_uri)


@pytest.mark.deep
@pytest.mark.parametrize("kill", [killed_backups, killed_restores])
def test_every_step_is_killed(tmp_path, kill):
    """Each of them."""
    kill(tmp_path, ALL)


@pytest.mark.deep
def test_every_step_into_mongodb_is_killed(tmp_path, mongo_uri):
    """Each of them."""
    killed_restores(tmp_path, ALL, mongo_uri)
