"""The one step of a restore that cannot be undone: written down first, so that whoever comes next can finish it.

Everything new lies complete in `.restoring/` before `restore.json` is written; from then on the restore only goes on.
A kill before leaves the data folder as it was, a kill after is finished by the next `regulars restore`; until then
nothing else starts on the folder.
"""

import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from regulars.backup.files import make_folder, write_file
from regulars.backup.layout import INBOX, RECORDS, Manifest, lines
from regulars.backup.unfinished import JOURNAL
from regulars.durable import bring_to_disk
from regulars.errors import BackupError
from regulars.inbox import open_inbox
from regulars.records import open_records
from regulars.settings import Settings

STAGE = ".restoring"


class Switch(BaseModel):
    """What a restore is about to do in a data folder. Paths are relative to it.

    `away` moves what is there, `into` what is new, both as (from, to); `manifest` is what is restored. `aside` names
    the folder that keeps what was there. `mongodb`: records and change rows go to the server.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: Manifest
    away: list[tuple[str, str]]
    into: list[tuple[str, str]]
    aside: str | None
    mongodb: bool


def begun(root: Path) -> Switch | None:
    """Return the restore that was broken off in this data folder, if any. Raises BackupError."""
    path = root / JOURNAL
    try:
        return Switch.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise BackupError(f"{path} cannot be read, so the restore that wrote it cannot go on.") from error


def begin(root: Path, switch: Switch) -> None:
    """Write down what is going to be done, in one step. Raises OSError."""
    written = root / f"{JOURNAL}.new"
    written.unlink(missing_ok=True)
    write_file(written, [switch.model_dump_json(indent=2).encode()])
    written.rename(root / JOURNAL)
    bring_to_disk(root)


def finish(settings: Settings, root: Path, switch: Switch, *, replace: bool) -> None:
    """Do what was written down, as far as it was not done yet; then forget it.

    `replace`: records and change rows on the server give way; on going on they always do, since they may be our own.
    Raises what the stores raise, and OSError; what was done stays, and the next call goes on.
    """
    if switch.mongodb:
        with open_records(settings) as records, open_inbox(settings) as inbox:
            records.load(lines(root / STAGE / RECORDS), replace=replace)
            inbox.load(lines(root / STAGE / INBOX), replace=replace)
    for source, target in switch.away:
        # Where the target is there, it was moved already, and what lies in its old place is new.
        if (root / source).exists() and not (root / target).exists():
            _move(root / source, root / target)
    for source, target in switch.into:
        if (root / source).exists():
            _move(root / source, root / target)
    (root / JOURNAL).unlink()
    bring_to_disk(root)
    shutil.rmtree(root / STAGE, ignore_errors=True)


def give_up(root: Path) -> None:
    """Take back what was written down, where nothing of it was done yet."""
    (root / JOURNAL).unlink(missing_ok=True)
    bring_to_disk(root)
    shutil.rmtree(root / STAGE, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    make_folder(target.parent)
    source.rename(target)
    bring_to_disk(target.parent)
    bring_to_disk(source.parent)
