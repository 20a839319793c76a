"""A process of its own that writes records to MongoDB and says each acknowledged write on standard output.

`writer_process.py URI NAME`: notes and tags until it is killed, trying again while the server is away.
"""

import itertools
import sys

from pydantic import SecretStr

from regulars.errors import RecordsUnavailable
from regulars.mongo.records import MongoRecords


def say(*words: str) -> None:
    """Write a line that the reader gets at once."""
    sys.stdout.write(f"{' '.join(words)}\n")
    sys.stdout.flush()


def main(uri: str, name: str) -> None:
    """Write and acknowledge."""
    with MongoRecords(SecretStr(uri)) as records:
        say("ready")
        for number in itertools.count():
            try:
                note = records.add_note("s", "woo:1", f"{name} {number}", name)
                say("note", str(note.id), note.text)
                records.add_tag("s", f"{name}:{number}", f"tag {number % 5}", name)
                say("tag", f"{name}:{number}")
            except RecordsUnavailable:
                say("away")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
