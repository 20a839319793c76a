"""The records on MongoDB, where MONGODB_URI is set. Guarantees stand in `regulars.records.ports`, collections in `rows`."""

from collections.abc import Callable, Hashable
from datetime import datetime

from pydantic import SecretStr

from regulars.mongo.bulk import MongoBulkTags
from regulars.mongo.decisions import MongoDecisions
from regulars.mongo.history import MongoHistory
from regulars.mongo.identity import MongoIdentity
from regulars.mongo.notes import MongoNotes
from regulars.mongo.people import MongoPeople
from regulars.mongo.portable import MongoPortable
from regulars.mongo.rows import STATE, STATE_ID
from regulars.mongo.segments import MongoSegments
from regulars.mongo.shops import MongoShopStates
from regulars.mongo.tags import MongoTags
from regulars.mongo.tokens import MongoTokens
from regulars.records.given import a_shop
from regulars.records.times import utc_now
from regulars.settings import Settings


class MongoRecords(
    MongoNotes,
    MongoTags,
    MongoBulkTags,
    MongoSegments,
    MongoPeople,
    MongoHistory,
    MongoShopStates,
    MongoTokens,
    MongoDecisions,
    MongoIdentity,
    MongoPortable,
):
    """All records in one database: `MongoRecords(uri)`, or with a `clock` of one's own. See `ports.Records`.

    Raises NewerSchema where a newer Regulars wrote them, RecordsUnavailable where the server does not answer,
    SettingsError where address, login or server cannot do.
    """

    def __init__(self, uri: SecretStr, *, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__(uri, clock=clock)
        try:
            self.finish_loading()
            self.carry_on()
        except BaseException:
            self.close()
            raise

    def change_token(self) -> int:
        """Return the number of the last change that published marts depend on. See `ports.Records`."""
        with self._reading() as reading:
            state = reading[STATE].one(_id=STATE_ID)
            return int(state["change_token"]) if state else 0

    def written(self, shop: str) -> Hashable:
        """Return what differs once something was written. See `ports.Records`."""
        a_shop(shop)
        with self._reading() as reading:
            state = reading[STATE].one(_id=STATE_ID)
        if state is None or state.get("swapping"):
            return object()  # collections change their names under readers until a restore is done
        return int(state["turn"])


def open_mongo_records(settings: Settings) -> MongoRecords:
    """Open the records on the server of MONGODB_URI, creating or migrating them where needed. See `MongoRecords`."""
    return MongoRecords(settings.mongodb_uri or SecretStr(""))
