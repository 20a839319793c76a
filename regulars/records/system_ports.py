"""What the rest of Regulars may ask of the records that the system writes; the guarantees of `ports` hold here too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from regulars.models import ApiToken, CheckResult, Fingerprint, IdentityDecision, SyncRun, WebhookState


class History(Protocol):
    """How syncs and checks ended, so that screens need no Dagster to tell."""

    def add_sync(self, run: SyncRun) -> None:
        """Record how a sync ended; one run id has one entry, the last one written.

        Keeps the newest 500 a shop, and the last one that compared whatever its age.
        """
        ...

    def syncs(self, shop: str, limit: int = 50) -> list[SyncRun]:
        """Return the shop's syncs, the last to end first; of two that ended at once, by run id."""
        ...

    def last_compared(self, shop: str) -> SyncRun | None:
        """Return the last sync to end that says how the copy differed from the shop (`drift`), None where none did."""
        ...

    def set_checks(self, shop: str, suite: str, results: Sequence[CheckResult]) -> None:
        """Replace the results of a suite by those of its last run; of two with one name the last counts."""
        ...

    def checks(self, shop: str) -> list[CheckResult]:
        """Return the last results of all suites, by suite and name."""
        ...


class ShopStates(Protocol):
    """What is known of each shop beside its data, so that screens need not ask the shop to tell."""

    def fingerprint(self, shop: str) -> Fingerprint | None:
        """Return what the shop was when it was last accepted, None where it was never seen."""
        ...

    def set_fingerprint(self, shop: str, fingerprint: Fingerprint) -> None:
        """Accept the shop as it is now."""
        ...

    def webhooks(self, shop: str) -> list[WebhookState]:
        """Return our webhooks in the shop as they were last seen, by topic; empty where nobody looked yet."""
        ...

    def set_webhooks(self, shop: str, states: Sequence[WebhookState]) -> None:
        """Replace what is known of the shop's webhooks; of two of one topic the last counts."""
        ...


class Tokens(Protocol):
    """Bearer tokens of the API. Only a hash is kept, so that nobody can read a token out of the store."""

    def add_token(self, name: str) -> tuple[ApiToken, str]:
        """Make a token and return it with its secret (256 bits, shown this once). Names have 1 to 80 characters."""
        ...

    def tokens(self) -> list[ApiToken]:
        """Return all tokens, the revoked ones too, in the order in which they were made."""
        ...

    def revoke_token(self, token_id: int) -> ApiToken:
        """Revoke a token for good; revoking twice changes nothing. Raises RecordNotFound."""
        ...

    def token_of(self, secret: str) -> ApiToken | None:
        """Return the token of that secret, None where there is none or it was revoked."""
        ...


class Aliases(Protocol):
    """Keys that people had before: `alias -> customer key`, so that what hung on an old key stays theirs.

    A run records them (`add_aliases`) and people decide (`merge_people`, `separate`); what a person decided wins. Notes
    and tags stay under the key they were written under, so that an undone decision leaves everything as it was.
    """

    def add_aliases(self, shop: str, aliases: Mapping[str, str]) -> int:
        """Record all of `aliases`, return how many were new or changed. Raises RecordInvalid where they go in a circle."""
        ...

    def aliases(self, shop: str) -> dict[str, str]:
        """Return the shop's aliases: the recorded ones, decisions in force laid over; a chain is not shortened.

        A merge adds an alias or takes a recorded one's place; a separated identity has none.
        """
        ...

    def identity_links(self, shop: str) -> dict[str, tuple[str, str]]:
        """Return whom each alias leads to and why, by alias: what `aliases` returns, and the separated identities.

        Why: 'registered' (a run recorded it), 'merged', or 'separated', where the key is the identity itself: nothing
        may give it to anybody else. A recorded alias that would close a circle with merges is left out.
        """
        ...

    def identity_stamp(self, shop: str) -> str:
        """Return a text that differs once `identity_links` does: whoever knows the links need not read all of them."""
        ...

    def merge_people(self, shop: str, key: str, into: str, author: str) -> IdentityDecision:
        """Decide that `key` is the same person as `into`, from now on known as `into`; writes an event for both.

        A key that is an alias means the end of its chain, which is what the decision names: so no merge closes a
        circle. Of a separated identity the newer decision counts. Raises RecordInvalid where the two are one already.
        """
        ...

    def separate(self, shop: str, identity: str, author: str, *, of: str | None = None) -> IdentityDecision:
        """Decide that `identity` is a person of its own; writes an event for it and for the person it was part of.

        `of` is that person, where no alias tells: rules may have joined them. Raises RecordInvalid where that was
        decided already.
        """
        ...

    def undo_identity_decision(self, shop: str, decision_id: int, author: str) -> IdentityDecision:
        """Undo a decision; aliases are then as if it had never been. Raises RecordNotFound, and StaleVersion where undone.

        Writes events: 'separated' for the two of a merge, 'rejoined' for a separated identity and whose it is again.
        Raises RecordInvalid where the decisions that hold then go in a circle.
        """
        ...

    def identity_decisions(self, shop: str) -> list[IdentityDecision]:
        """Return all decisions of the shop, undone ones too, the newest first."""
        ...


class Keys(Protocol):
    """Keys that are made here and kept with the records, because nobody could make them again."""

    def guest_key(self) -> tuple[str, bytes]:
        """Return the id and the 32 bytes that hash guests' e-mail addresses; made on first use, the same ever after."""
        ...


Row = dict[str, Any]


class Portable(Protocol):
    """The records as rows that any store can take: how backups are made, and how a deployment changes its store.

    A row is `{"table": name, ...columns}` of JSON values alone: times are whole microseconds since 1970 UTC, bytes are
    base64. `regulars.records.portable` names tables and columns. Both adapters write the same rows for the same records,
    in the same order: tables as listed there, rows by the columns that tell them apart.
    """

    def dump(self) -> Iterator[Row]:
        """Yield everything, as of one moment. The change token is first, and is there in an empty store too."""
        ...

    def load(self, rows: Iterable[Row], *, replace: bool = False) -> int:
        """Take over rows into a store that has none, wholly or not at all; return how many.

        With `replace`, what the store had is removed in the same step. Raises RecordInvalid for rows that are not of
        `dump`, RecordsError where the store is not empty. Ids go on after the highest one ever given.
        """
        ...
