"""Records: what people and the system write and nobody can fetch again."""

from regulars.paths import DataPaths
from regulars.records.sql import SqlRecords
from regulars.settings import Settings


def open_records(settings: Settings) -> SqlRecords:
    """Open the records of these settings, creating or migrating them where needed. Close them, or use `with`.

    Raises NewerSchema, RecordsUnavailable.
    """
    return SqlRecords(DataPaths(settings.data_dir).records)
