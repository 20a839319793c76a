"""API tokens on MongoDB; the guarantees stand in `regulars.records.system_ports.Tokens`."""

from regulars.models import ApiToken
from regulars.mongo.client import Document
from regulars.mongo.rows import RecordsStore, Writing
from regulars.records import sentences
from regulars.records.bearer import new_secret, secret_hash
from regulars.records.given import is_id
from regulars.records.texts import NAME_LENGTH, checked
from regulars.records.times import to_instant


class MongoTokens(RecordsStore):
    """API tokens in the collection `tokens`."""

    def add_token(self, name: str) -> tuple[ApiToken, str]:
        """Make a token and return it with its secret. See `system_ports.Tokens`."""
        secret = new_secret()
        row = {
            "name": checked(name, "The name", NAME_LENGTH),
            "hash": secret_hash(secret),
            "created_at": self._now(),
            "revoked_at": None,
        }

        def work(writing: Writing) -> ApiToken:
            new = {"_id": writing.next_id("tokens"), **row}
            writing["tokens"].insert(new)
            return _token(new)

        return self._write(work), secret

    def tokens(self) -> list[ApiToken]:
        """Return all tokens. See `system_ports.Tokens`."""
        with self._reading() as reading:
            return [_token(row) for row in reading["tokens"].all("_id")]

    def revoke_token(self, token_id: int) -> ApiToken:
        """Revoke a token for good. See `system_ports.Tokens`."""
        if not is_id(token_id):
            raise sentences.token_gone()
        now = self._now()

        def work(writing: Writing) -> ApiToken:
            writing["tokens"].set({"revoked_at": now}, _id=token_id, revoked_at=None)
            row = writing["tokens"].one(_id=token_id)
            if row is None:
                raise sentences.token_gone()
            return _token(row)

        return self._write(work)

    def token_of(self, secret: str) -> ApiToken | None:
        """Return the token of that secret. See `system_ports.Tokens`."""
        with self._reading() as reading:
            row = reading["tokens"].one(hash=secret_hash(secret), revoked_at=None)
            return None if row is None else _token(row)


def _token(row: Document) -> ApiToken:
    return ApiToken(
        id=row["_id"],
        name=row["name"],
        created_at=to_instant(row["created_at"]),
        revoked_at=to_instant(row["revoked_at"]),
    )
