"""Records: what people and the system write and nobody can fetch again."""

from regulars.paths import DataPaths
from regulars.records.ports import Records
from regulars.records.sql import SqlRecords
from regulars.settings import Settings


def open_records(settings: Settings) -> Records:
    """Open the records of these settings, creating or migrating them where needed. Close them, or use `with`.

    They lie in MongoDB where the settings name one, else in SQLite. Raises NewerSchema, RecordsUnavailable, and
    SettingsError for an address of MongoDB that cannot be used.
    """
    if settings.mongodb_uri is not None:
        from regulars.mongo.records import open_mongo_records  # noqa: PLC0415 - who has no MongoDB loads no driver

        return open_mongo_records(settings)
    return SqlRecords(DataPaths(settings.data_dir).records)
