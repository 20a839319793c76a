"""The tables of records.db and their schema version. Times are whole microseconds since 1970, UTC."""

import sqlalchemy as sa

SCHEMA_VERSION = 4
METADATA = sa.MetaData()

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
# The versions that an edit replaced; the current one stands in `segments`.
segment_versions = sa.Table(
    "segment_versions",
    METADATA,
    sa.Column("segment_seq", sa.ForeignKey("segments.seq"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("edited_at", sa.Integer),
)
aliases = sa.Table(
    "aliases",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("alias_key", sa.Text, primary_key=True),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
)
# What people decided about who is who, undone ones too. Laid over the aliases, see `links`.
identity_decisions = sa.Table(
    "identity_decisions",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("into", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("undone_at", sa.Integer),
    sa.Column("undone_by", sa.Text),
    sa.Index("identity_decisions_of_shop", "shop", "id"),
    sqlite_autoincrement=True,
)
keys = sa.Table(
    "keys",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
)
# Bulk changes of a tag, and whom each changed, for as long as it can be undone. For a tag that was taken away, author
# and created_at say who had given it and when.
tag_changes = sa.Table(
    "tag_changes",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("folded", sa.Text, nullable=False),
    sa.Column("shown", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("people", sa.Integer, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("undone_at", sa.Integer),
    sa.Index("tag_changes_of_shop", "shop", "id"),
    sqlite_autoincrement=True,
)
tag_change_people = sa.Table(
    "tag_change_people",
    METADATA,
    sa.Column("change_id", sa.ForeignKey("tag_changes.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("customer_key", sa.Text, primary_key=True),
    sa.Column("author", sa.Text),
    sa.Column("created_at", sa.Integer),
    sqlite_with_rowid=False,
)
# People who were deleted here.
hidden = sa.Table(
    "hidden",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("customer_key", sa.Text, primary_key=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
)
events = sa.Table(
    "events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("shop", sa.Text, nullable=False),
    sa.Column("customer_key", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Index("events_of_person", "shop", "customer_key", "id"),
    sqlite_autoincrement=True,
)
syncs = sa.Table(
    "syncs",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", sa.Integer, nullable=False),
    sa.Column("finished_at", sa.Integer, nullable=False),
    sa.Column("customers", sa.Integer, nullable=False),
    sa.Column("orders", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("drift", sa.Text),  # JSON, see `drifts`; null where nothing was compared
)
checks = sa.Table(
    "checks",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("suite", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("run_id", sa.Text),
)
# The hash is of the secret, which is kept nowhere.
tokens = sa.Table(
    "tokens",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("revoked_at", sa.Integer),
    sqlite_autoincrement=True,
)
# What each shop was when it was last accepted, and our webhooks in it as they were last seen.
fingerprints = sa.Table(
    "fingerprints",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("home", sa.Text, nullable=False),
    sa.Column("currency", sa.Text),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("seen_at", sa.Integer, nullable=False),
)
webhooks = sa.Table(
    "webhooks",
    METADATA,
    sa.Column("shop", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("webhook_id", sa.Integer),
    sa.Column("checked_at", sa.Integer, nullable=False),
)
