"""A process of its own that writes records and says each acknowledged write on standard output.

`writer_process.py FILE NAME COUNT`: COUNT notes, tags and aliases under the name; COUNT 0 writes notes until killed.
"""

import itertools
import sys
from pathlib import Path

from regulars.records.sql import SqlRecords


def say(*words: str) -> None:
    """Write a line that the reader gets at once."""
    sys.stdout.write(f"{' '.join(words)}\n")
    sys.stdout.flush()


def main(path: str, name: str, count: int) -> None:
    """Write and acknowledge."""
    with SqlRecords(Path(path)) as records:
        say("ready", records.guest_key()[1].hex())
        sys.stdin.readline()
        for number in range(count) if count else itertools.count():
            note = records.add_note("s", "woo:1", f"{name} {number}", name)
            if count:
                records.add_tag("s", f"woo:{number}", f"{name} {number % 5}", name)
                records.add_aliases("s", {f"{name}:{number}": f"woo:{number}"})
            say(str(note.id), note.text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
