"""API tokens on SQLite; the guarantees stand in `system_ports.Tokens`."""

from typing import Any

import sqlalchemy as sa

from regulars.models import ApiToken
from regulars.records import sentences
from regulars.records.bearer import new_secret, secret_hash
from regulars.records.given import is_id
from regulars.records.store import SqlStore
from regulars.records.tables import tokens as token_table
from regulars.records.texts import NAME_LENGTH, checked
from regulars.records.times import to_instant


class SqlTokens(SqlStore):
    """API tokens in one SQLite file."""

    def add_token(self, name: str) -> tuple[ApiToken, str]:
        """Make a token and return it with its secret. See `system_ports.Tokens`."""
        secret = new_secret()
        row = {"name": checked(name, "The name", NAME_LENGTH), "hash": secret_hash(secret), "created_at": self._now()}
        with self._writing() as connection:
            made = connection.execute(sa.insert(token_table).values(row).returning(token_table)).one()
            return _token(made), secret

    def tokens(self) -> list[ApiToken]:
        """Return all tokens. See `system_ports.Tokens`."""
        with self._reading() as connection:
            return [_token(row) for row in connection.execute(sa.select(token_table).order_by(token_table.c.id))]

    def revoke_token(self, token_id: int) -> ApiToken:
        """Revoke a token for good. See `system_ports.Tokens`."""
        if not is_id(token_id):
            raise sentences.token_gone()
        mine = token_table.c.id == token_id
        with self._writing() as connection:
            valid = token_table.c.revoked_at.is_(None)
            connection.execute(sa.update(token_table).where(mine, valid).values(revoked_at=self._now()))
            row = connection.execute(sa.select(token_table).where(mine)).one_or_none()
            if row is None:
                raise sentences.token_gone()
            return _token(row)

    def token_of(self, secret: str) -> ApiToken | None:
        """Return the token of that secret. See `system_ports.Tokens`."""
        valid = token_table.c.hash == secret_hash(secret), token_table.c.revoked_at.is_(None)
        with self._reading() as connection:
            row = connection.execute(sa.select(token_table).where(*valid)).one_or_none()
            return None if row is None else _token(row)


def _token(row: sa.Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id, name=row.name, created_at=to_instant(row.created_at), revoked_at=to_instant(row.revoked_at)
    )
