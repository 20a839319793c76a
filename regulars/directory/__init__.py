"""Read people and orders: what is published, with live records laid over it."""

from typing import TYPE_CHECKING

from regulars.paths import DataPaths
from regulars.settings import Settings

if TYPE_CHECKING:
    from regulars.directory.published import Directory
    from regulars.directory.query import LiveRecords


def open_directory(settings: Settings, shop: str, records: "LiveRecords | None" = None) -> "Directory":
    """Return the directory of a shop; `records` are the live tags, segments and hidden people to lay over it, if any.

    With MONGODB_URI people and orders are read from that server, else from the published files. Nothing is opened
    before the first call. Raises SettingsError where MONGODB_URI cannot be read.
    """
    folder = DataPaths(settings.data_dir).published(shop)
    if settings.mongodb_uri is not None:
        from regulars.mongo.directory import MongoDirectory  # noqa: PLC0415 - a driver that most never need

        return MongoDirectory(settings.mongodb_uri, folder, shop=shop, records=records)
    from regulars.directory.published import Directory  # noqa: PLC0415 - keeps whoever reads a manifest alone light

    return Directory(folder, shop=shop, records=records)
