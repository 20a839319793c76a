"""Every error that Regulars raises on purpose.

One root, one cause a leaf; each knows whether the same call may succeed later::

    RegularsError
    ├── SettingsError            a setting is missing or wrong
    ├── DataFolderError          the data folder cannot be used
    │   ├── FolderInUse          another `regulars up` owns it
    │   ├── NewerSchema          a newer Regulars wrote it
    │   ├── BackupError          a backup cannot be written, read or restored
    │   └── WarehouseBusy        another run held the warehouse longer than the bound     (retry)
    ├── ShopError                the shop's answer, or the lack of one
    │   ├── ShopUnreachable      no connection, time-out, TLS                             (retry)
    │   ├── ShopBusy             429, 503 or another 5xx; may carry `retry_after` seconds  (retry)
    │   ├── ShopRefused          401 or 403: key, secret or rights
    │   ├── ShopNotFound         404: the address is no WooCommerce REST base
    │   │   └── ShopRecordGone   404: the shop has no record of that id
    │   ├── ShopAnswerUnreadable an answer that is not the JSON we asked for
    │   ├── ShopRequestInvalid   400: the shop does not accept what was sent
    │   ├── ShopChanged          another address, currency or time zone than when it was accepted
    │   ├── ShopTooOld           a WooCommerce that cannot be asked for what changed
    │   └── NoAccount            a guest: the shop has nothing to edit
    ├── NothingPublished         no published version of this shop yet
    ├── LaterThanFigures         a day that the published figures do not reach
    ├── NotYetDerived            a field that a version of an earlier release lacks (`regulars.directory.not_derived`)
    ├── ChecksFailed             a blocking check refused the publish
    ├── RecordsError             notes, tags, segments
    │   ├── RecordNotFound
    │   ├── RecordInvalid        empty, too long, not text
    │   ├── StaleVersion         somebody else saved in between
    │   └── RecordsUnavailable   the store cannot be reached or written                    (retry)
    ├── InboxError               change rows
    │   └── InboxUnavailable     disk full, locked, read-only                              (retry)
    ├── DirectoryUnavailable     people and orders cannot be read from their server        (retry)
    └── DagsterError             starting and following runs
        ├── DagsterUnavailable   nothing answers where Dagster should be                   (retry)
        └── RunFailed            a run ended without success

A message says what was wrong, with what, and what would be right; it never holds a secret or personal data.
"""

from collections.abc import Mapping
from typing import Any


class RegularsError(Exception):
    """Root of the tree. `retry` says whether the same call may succeed later without a change."""

    retry: bool = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def sentence(self) -> str:
        """Return the message with its verdict on retrying, as shown to people."""
        verdict = "Trying again may help." if self.retry else ""
        return f"{self.message} {verdict}".strip()


class SettingsError(RegularsError):
    """A setting is missing or wrong."""


class DataFolderError(RegularsError):
    """The data folder cannot be used."""


class FolderInUse(DataFolderError):
    """Another `regulars up` owns the data folder."""


class NewerSchema(DataFolderError):
    """A newer version of Regulars wrote this store."""


class BackupError(DataFolderError):
    """A backup cannot be written, read or restored."""


class WarehouseBusy(DataFolderError):
    """Another run held the shop's warehouse longer than the bound."""

    retry = True


class ShopError(RegularsError):
    """The shop's answer, or the lack of one."""


class ShopUnreachable(ShopError):
    """No connection, a time-out, or a TLS failure. `sent`: the request may have reached the shop all the same."""

    retry = True
    sent: bool = False


class ShopBusy(ShopError):
    """The shop answered `status`: 429, 503 or another 5xx; `retry_after` is in seconds where the shop named it."""

    retry = True

    def __init__(self, message: str, retry_after: float | None = None, status: int = 503) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class ShopRefused(ShopError):
    """The shop answered 401 or 403: `status`; `code` is its own word for the reason, where it gave one."""

    def __init__(self, message: str, status: int = 401, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ShopNotFound(ShopError):
    """The shop answered 404 where its REST API should be."""


class ShopRecordGone(ShopNotFound):
    """The shop answered that it has no record of that id: the only 404 that means a deletion."""


class ShopAnswerUnreadable(ShopError):
    """The shop answered with something that is not the JSON we asked for."""


class ShopRequestInvalid(ShopError):
    """The shop answered 400, or would: it does not accept what was sent.

    `said` is the shop's own sentence, `fields` its words by the field they are about, such as `billing.email`; both
    may repeat what was sent. They are plain text for whoever sent it, and for no log.
    """

    def __init__(self, message: str, *, said: str = "", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.said = said
        self.fields: Mapping[str, str] = fields or {}


class ShopChanged(ShopError):
    """The shop's own address, currency or time zone is not what it was when it was accepted: somebody must decide."""


class ShopTooOld(ShopError):
    """The shop runs a WooCommerce older than Regulars works with."""


class NoAccount(ShopError):
    """A guest: the shop knows the person from orders alone, and has nothing to edit."""


class NothingPublished(RegularsError):
    """No published version of this shop exists yet."""


class LaterThanFigures(RegularsError):
    """Figures were asked for as of a day that the published version does not reach."""


class ChecksFailed(RegularsError):
    """A blocking check refused the publish; the last published version stays."""


class RecordsError(RegularsError):
    """Notes, tags, segments and other things people write."""


class RecordNotFound(RecordsError):
    """No such record."""


class RecordInvalid(RecordsError):
    """The record is empty, too long, or not text."""


class StaleVersion(RecordsError):
    """Somebody else saved this record in between.

    `current` is the record as it is now and `yours` what was to be saved, where whoever raises it knows them.
    """

    def __init__(
        self, message: str, *, current: Mapping[str, Any] | None = None, yours: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.current = current
        self.yours = yours


class RecordsUnavailable(RecordsError):
    """The records store cannot be reached or written."""

    retry = True


class InboxError(RegularsError):
    """Change rows."""


class InboxUnavailable(InboxError):
    """The inbox cannot be written: disk full, locked or read-only."""

    retry = True


class DirectoryUnavailable(RegularsError):
    """The server that people and orders are served from cannot be reached or read."""

    retry = True


class DagsterError(RegularsError):
    """Starting and following runs."""


class DagsterUnavailable(DagsterError):
    """Nothing answers where Dagster should be, or what answers does not have our jobs."""

    retry = True


class RunFailed(DagsterError):
    """A run ended without success; the message is its own sentence where it left one."""
