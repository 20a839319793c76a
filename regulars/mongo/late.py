"""A store that opens while its server is away: receivers, screens and syncs have to come up without."""

import threading

from pydantic import SecretStr
from pymongo.database import Database

from regulars.errors import RegularsError
from regulars.mongo.client import Connection, Document
from regulars.mongo.schema import Part, prepare
from regulars.mongo.store import MongoStore


class LateStore(MongoStore):
    """A part of the database that is made ready by the first call that needs it.

    Unlike its parent it asks nothing of the server when it is made; until the server answers, each call raises what the
    parent would raise at once. Raises SettingsError where the address cannot be read.
    """

    def __init__(self, uri: SecretStr, part: Part, unavailable: type[RegularsError]) -> None:
        self._connection = Connection(uri)
        self._unavailable = unavailable
        self._open = False
        self._part = part
        self._preparing = threading.Lock()

    def _ready(self) -> Database[Document]:
        """Return the database with our part of it made; call it within `_faults`. Raises NewerSchema, SettingsError."""
        database = self._database
        if not self._open:
            with self._preparing:
                if not self._open:
                    prepare(database, self._connection.hosts, self._part, self._transaction)
                    self._open = True
        return database
