"""The records on SQLite, in `records.db`: the embedded default. Guarantees stand in `ports`, the file in `store`."""

from collections.abc import Hashable

from regulars.records import changes
from regulars.records.given import a_shop
from regulars.records.sql_bulk import SqlBulkTags
from regulars.records.sql_decisions import SqlDecisions
from regulars.records.sql_history import SqlHistory
from regulars.records.sql_identity import SqlIdentity
from regulars.records.sql_notes import SqlNotes
from regulars.records.sql_people import SqlPeople
from regulars.records.sql_portable import SqlPortable
from regulars.records.sql_segments import SqlSegments
from regulars.records.sql_shops import SqlShopStates
from regulars.records.sql_tags import SqlTags
from regulars.records.sql_tokens import SqlTokens


class SqlRecords(
    SqlNotes,
    SqlTags,
    SqlBulkTags,
    SqlSegments,
    SqlPeople,
    SqlHistory,
    SqlShopStates,
    SqlTokens,
    SqlDecisions,
    SqlIdentity,
    SqlPortable,
):
    """All records in one SQLite file: `SqlRecords(path)`, or with a `clock` of one's own. See `ports.Records`.

    Raises NewerSchema where a newer Regulars wrote the file, RecordsUnavailable where it cannot be opened.
    """

    def change_token(self) -> int:
        """Return the number of the last change that published marts depend on. See `ports.Records`."""
        with self._reading() as connection:
            return changes.token(connection)

    def written(self, shop: str) -> Hashable:
        """Return what differs once something was written. See `ports.Records`."""
        a_shop(shop)
        return self._written()
