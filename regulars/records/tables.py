"""The tables of records.db and their schema version. Times are whole microseconds since 1970, UTC."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

SCHEMA_VERSION = 1
# What turns version n into n + 1. Each runs inside the one transaction that also writes the new version.
MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
METADATA = sa.MetaData()


def to_micros(instant: datetime) -> int:
    """Return `instant` as stored."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def to_instant(micros: int | None) -> datetime | None:
    """Return a stored instant, in UTC."""
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


schema_version = sa.Table(
    "schema_version",
    METADATA,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
# The one row grows with each change that published marts depend on.
change_token = sa.Table(
    "change_token",
    METADATA,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
    sa.Column("token", sa.Integer, nullable=False),
)
notes = sa.Table(
    "notes",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("edited_at", sa.Integer),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("notes_of_person", "shop", "customer_key", "id"),
    sqlite_autoincrement=True,  # an id is never used twice, even after the newest note was deleted
)
# The versions that an edit replaced; the current one stands in `notes`.
note_versions = sa.Table(
    "note_versions",
    METADATA,
    sa.Column("note_id", sa.ForeignKey("notes.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("edited_at", sa.Integer),
)
# How a tag is shown in a shop: as it was first written.
tags = sa.Table(
    "tags",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("folded", sa.Text, primary_key=True),
    sa.Column("shown", sa.Text, nullable=False),
)
person_tags = sa.Table(
    "person_tags",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("customer_key", sa.Text, primary_key=True),
    sa.Column("folded", sa.Text, primary_key=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(["shop", "folded"], ["tags.shop", "tags.folded"]),
    sa.Index("people_of_tag", "shop", "folded"),
)
# Shops whose starting segments were given.
shops = sa.Table(
    "shops",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("created_at", sa.Integer, nullable=False),
)
# A deleted segment keeps its row, so that its id stays taken.
segments = sa.Table(
    "segments",
    METADATA,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("edited_at", sa.Integer),
    sa.Column("deleted_at", sa.Integer),
    sa.Column("version", sa.Integer, nullable=False),
    sa.UniqueConstraint("shop", "id"),
)
aliases = sa.Table(
    "aliases",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("alias_key", sa.Text, primary_key=True),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
)
keys = sa.Table(
    "keys",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
)
