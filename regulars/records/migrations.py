"""How an older records.db becomes one of this version.

Each step turns version n into n + 1, inside the one transaction that also writes the new version. Its statements are
frozen: they say what that version was, whatever `tables` says today.
"""

from collections.abc import Callable, Mapping

import sqlalchemy as sa

_V2 = (
    """CREATE TABLE segment_versions (
        segment_seq INTEGER NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL, rule TEXT NOT NULL,
        description TEXT NOT NULL, author TEXT NOT NULL, edited_at INTEGER,
        PRIMARY KEY (segment_seq, version), FOREIGN KEY(segment_seq) REFERENCES segments (seq)
    )""",
    """CREATE TABLE tag_changes (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, folded TEXT NOT NULL, shown TEXT NOT NULL,
        action TEXT NOT NULL, people INTEGER NOT NULL, author TEXT NOT NULL, at INTEGER NOT NULL, undone_at INTEGER
    )""",
    "CREATE INDEX tag_changes_of_shop ON tag_changes (shop, id)",
    """CREATE TABLE tag_change_people (
        change_id INTEGER NOT NULL, customer_key TEXT NOT NULL, author TEXT, created_at INTEGER,
        PRIMARY KEY (change_id, customer_key),
        FOREIGN KEY(change_id) REFERENCES tag_changes (id) ON DELETE CASCADE
    ) WITHOUT ROWID""",
    """CREATE TABLE hidden (
        shop TEXT NOT NULL, customer_key TEXT NOT NULL, author TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (shop, customer_key)
    )""",
    """CREATE TABLE events (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, customer_key TEXT NOT NULL,
        at INTEGER NOT NULL, author TEXT NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL
    )""",
    "CREATE INDEX events_of_person ON events (shop, customer_key, id)",
    """CREATE TABLE syncs (
        shop TEXT NOT NULL, run_id TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL,
        started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, customers INTEGER NOT NULL, orders INTEGER NOT NULL,
        seconds FLOAT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (shop, run_id)
    )""",
    """CREATE TABLE checks (
        shop TEXT NOT NULL, suite TEXT NOT NULL, name TEXT NOT NULL, passed BOOLEAN NOT NULL, detail TEXT NOT NULL,
        at INTEGER NOT NULL, run_id TEXT, PRIMARY KEY (shop, suite, name)
    )""",
    """CREATE TABLE tokens (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, hash BLOB NOT NULL,
        created_at INTEGER NOT NULL, revoked_at INTEGER, UNIQUE (hash)
    )""",
)


_V3 = (
    "ALTER TABLE syncs ADD COLUMN drift TEXT",
    """CREATE TABLE fingerprints (
        shop TEXT NOT NULL, home TEXT NOT NULL, currency TEXT, timezone TEXT NOT NULL, seen_at INTEGER NOT NULL,
        PRIMARY KEY (shop)
    )""",
    """CREATE TABLE webhooks (
        shop TEXT NOT NULL, topic TEXT NOT NULL, status TEXT NOT NULL, webhook_id INTEGER, checked_at INTEGER NOT NULL,
        PRIMARY KEY (shop, topic)
    )""",
)

_V4 = (
    """CREATE TABLE identity_decisions (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, shop TEXT NOT NULL, kind TEXT NOT NULL, identity TEXT NOT NULL,
        "into" TEXT NOT NULL, author TEXT NOT NULL, at INTEGER NOT NULL, undone_at INTEGER, undone_by TEXT
    )""",
    "CREATE INDEX identity_decisions_of_shop ON identity_decisions (shop, id)",
)


def _to_2(connection: sa.Connection) -> None:
    """Bring segment history, bulk changes of tags, hidden people, events, syncs, checks and tokens."""
    for statement in _V2:
        connection.exec_driver_sql(statement)


def _to_3(connection: sa.Connection) -> None:
    """Bring the drift that a sync found, fingerprints of shops and the states of webhooks."""
    for statement in _V3:
        connection.exec_driver_sql(statement)


def _to_4(connection: sa.Connection) -> None:
    """Bring decisions on who is who."""
    for statement in _V4:
        connection.exec_driver_sql(statement)


MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {1: _to_2, 2: _to_3, 3: _to_4}
