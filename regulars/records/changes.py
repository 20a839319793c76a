"""The number that tells whether published marts are older than the records they depend on."""

import sqlalchemy as sa

from regulars.records.tables import change_token, segments


def touch(connection: sa.Connection) -> None:
    """Let the token grow, in the transaction of the change itself."""
    connection.execute(sa.update(change_token).values(token=change_token.c.token + 1))


def token(connection: sa.Connection) -> int:
    """Return the token."""
    return int(connection.scalar(sa.select(change_token.c.token)) or 0)


def tags_matter(connection: sa.Connection, shop: str) -> bool:
    """Return whether a segment of the shop asks for tags. May say yes for a rule that only has the word in a text."""
    asks = sa.select(segments.c.seq).where(
        segments.c.shop == shop, segments.c.deleted_at.is_(None), segments.c.rule.contains("tags ")
    )
    return connection.execute(asks.limit(1)).first() is not None
