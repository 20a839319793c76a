"""Whether a restore was broken off in a data folder. Light: every start asks."""

from pathlib import Path

from regulars.errors import BackupError

JOURNAL = "restore.json"


def refuse_half_restored(root: Path) -> None:
    """Refuse a data folder that a restore has begun to change and not finished. Raises BackupError."""
    if (root / JOURNAL).exists():
        raise BackupError(
            f"A restore into {root} was broken off: run `regulars restore` with that backup once more, it goes on where "
            "it was."
        )
