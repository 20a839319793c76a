"""The inbox of change rows: everything that shops told us and that waits to be merged, or was.

`open_inbox(settings)` gives the one that is configured; `port` says what may be asked of it.
"""

from regulars.inbox.delivery import TOPICS as TOPICS
from regulars.inbox.port import Inbox
from regulars.paths import DataPaths
from regulars.settings import Settings


def open_inbox(settings: Settings) -> Inbox:
    """Return the inbox of these settings; nothing is opened before the first call. Close it, or use `with`.

    With MONGODB_URI it is on that server, else in a file of the data folder. Raises SettingsError where MONGODB_URI
    cannot be read.
    """
    if settings.mongodb_uri is not None:
        from regulars.mongo.inbox import open_mongo_inbox  # noqa: PLC0415 - a driver that most receivers never need

        return open_mongo_inbox(settings)
    from regulars.inbox.sqlite import SqliteInbox  # noqa: PLC0415 - as above, the other way round

    return SqliteInbox(DataPaths(settings.data_dir).inbox)
