"""`regulars backup` and `regulars restore`."""

# ruff: noqa: PLC0415 - each command imports what it needs, so that --help answers at once

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regulars.commands.answers import Json, print_json, say
from regulars.stopping import stoppable

if TYPE_CHECKING:
    from regulars.backup.layout import Manifest

COUNTED = ("notes", "segments", "person_tags", "hidden", "tokens")
WORDS = ("notes", "segments", "tags given", "hidden people", "API tokens")

Target = Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write; it must not be there yet.")]
Source = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backup.")]
Replace = Annotated[bool, typer.Option("--replace", help="Move aside what is there, and restore in its place.")]


def backup(target: Target, json: Json = False) -> None:
    """Write everything that could not be fetched again into a new folder. Nothing has to stop for it."""
    with stoppable():
        from regulars.backup.make import backup as make
        from regulars.settings import load_settings

        manifest = make(load_settings(), target, made_at=datetime.now(UTC))
    if json:
        print_json({"backup": str(target.absolute()), **_told(manifest)})
    else:
        say(f"Backed up to {target.absolute()}: {_in_words(manifest)}.")
        say("It holds personal data and keys: keep it where only you can read it.")


def restore(source: Source, replace: Replace = False, json: Json = False) -> None:
    """Restore a backup, into SQLite or MongoDB, wherever it is from. Nothing may run on the data folder."""
    with stoppable():
        from regulars.backup.restore import restore as put_back
        from regulars.settings import load_settings

        done = put_back(load_settings(), source, replace=replace, now=datetime.now(UTC))
    if json:
        print_json({"aside": str(done.aside) if done.aside else None, **_told(done.manifest)})
    else:
        say(f"Restored the backup of {done.manifest.made_at:%Y-%m-%d %H:%M} UTC: {_in_words(done.manifest)}.")
        if done.aside:
            say(f"What was there before is kept in {done.aside}: delete it once you do not need it.")


def _told(manifest: "Manifest") -> dict[str, Any]:
    return {
        **manifest.model_dump(mode="json", exclude={"files"}),
        "bytes": sum(f.bytes for f in manifest.files.values()),
    }


def _in_words(manifest: "Manifest") -> str:
    counts = [f"{word} {manifest.records.get(name, 0):,}" for name, word in zip(COUNTED, WORDS, strict=True)]
    shops = ", ".join(sorted({*manifest.warehouses, *manifest.published})) or "none"
    return f"{', '.join(counts)}, change rows {manifest.change_rows:,}; shops: {shops}"
