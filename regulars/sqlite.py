"""The SQLite that our files are opened with: `sqlite`, and whether WAL is safe with it.

Up to and including 3.51.2, Debian's among them, SQLite can corrupt a file in WAL mode when two processes reset the log at
once. The package `pysqlite3` brings a mended one; where there is none for this system, files do without WAL.
"""

from typing import Any, Final

try:
    from pysqlite3 import dbapi2
except ModuleNotFoundError:  # no wheel for this system
    import sqlite3 as dbapi2

sqlite: Any = dbapi2
WAL_SAFE: Final = (3, 51, 3)


def journal_mode() -> str:
    """Return the journal mode to open files in, as SQLite names it: "wal" where that is safe, else "delete"."""
    return "wal" if sqlite.sqlite_version_info >= WAL_SAFE else "delete"
