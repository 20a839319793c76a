"""One pooled client a process and address, shared by all that ask for it, safe after a fork.

Every write is acknowledged by the majority and journalled; every read is from the primary, of what the majority has:
with the driver's defaults a killed server lost one acknowledged write in forty.
"""

import atexit
import os
import threading
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.database import Database
from pymongo.errors import ConfigurationError
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri

from regulars.errors import SettingsError

Document = dict[str, Any]

DATABASE = "regulars"
SELECTION_SECONDS = 5
WRITE_CONCERN = WriteConcern("majority", j=True, wtimeout=30_000)
READ_CONCERN = ReadConcern("majority")
# What an address may set otherwise. A server that hangs is given up by its monitor within 15 seconds.
DEFAULTS: Document = {
    "appname": "regulars",
    "maxPoolSize": 32,
    "maxIdleTimeMS": 300_000,
    "waitQueueTimeoutMS": 10_000,
    "connectTimeoutMS": SELECTION_SECONDS * 1_000,
    "serverSelectionTimeoutMS": SELECTION_SECONDS * 1_000,
    "socketTimeoutMS": 60_000,
}
# What it may not.
FIXED: Document = {"tz_aware": True, "retryWrites": True, "retryReads": True, "unicode_decode_error_handler": "strict"}

RIGHT_URI = "Right is mongodb://host:27017/regulars?replicaSet=rs0, with user:password@ before the host where needed."


@dataclass
class _Shared:
    client: MongoClient[Document]
    users: int = 0


@dataclass
class _Pool:
    """The open clients. Those of a parent process stay listed in its children, who never use or close them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    clients: dict[tuple[int, str], _Shared] = field(default_factory=dict)

    def after_fork(self) -> None:
        """Another thread of the parent may have held the lock: it is not there to let go of it."""
        self.lock = threading.Lock()

    def close(self) -> None:
        """Close what this process opened and somebody forgot."""
        for (pid, _), shared in list(self.clients.items()):
            if pid == os.getpid():
                shared.client.close()


_pool = _Pool()
os.register_at_fork(after_in_child=_pool.after_fork)
atexit.register(_pool.close)


class Connection:
    """A share in the client of an address: opened by the first use, given back by `close`, opened again by the next use.

    Raises SettingsError where the address cannot be read. Safe to share between threads, and after a fork.
    """

    def __init__(self, uri: SecretStr) -> None:
        self._uri = uri
        self._options = _options(uri)
        self._lock = threading.Lock()
        self._held: tuple[int, MongoClient[Document]] | None = None

    def __repr__(self) -> str:
        return f"Connection({self.hosts})"

    @property
    def client(self) -> MongoClient[Document]:
        """Return the client of this process. Nothing is asked of the server yet."""
        held = self._held
        if held is None or held[0] != os.getpid():
            with _pool.lock:
                held = self._held
                if held is None or held[0] != os.getpid():
                    held = self._held = (os.getpid(), self._share())
        return held[1]

    def _share(self) -> MongoClient[Document]:
        key = (os.getpid(), self._uri.get_secret_value())
        if key not in _pool.clients:
            _pool.clients[key] = _Shared(_client(self._uri, self._options))
        _pool.clients[key].users += 1
        return _pool.clients[key].client

    @property
    def database(self) -> Database[Document]:
        """Return the database that the address names, or `regulars`."""
        return self.client.get_default_database(
            DATABASE, read_preference=ReadPreference.PRIMARY, write_concern=WRITE_CONCERN, read_concern=READ_CONCERN
        )

    @property
    def hosts(self) -> str:
        """Return `host:port` of each server as far as known, without user and password."""
        return ", ".join(sorted(f"{host}:{port}" for host, port in self._addresses()))

    def _addresses(self) -> set[tuple[str, int | None]]:
        known = set(self._held[1].topology_description.server_descriptions()) if self._held else set()
        return known or {(host, port) for host, port in self._options["nodelist"]}

    def close(self) -> None:
        """Give the share back; the last one closes the client. Doing so twice changes nothing."""
        key = (os.getpid(), self._uri.get_secret_value())
        with _pool.lock:
            held, self._held = self._held, None
            if held is None or held[0] != os.getpid():
                return
            shared = _pool.clients[key]
            shared.users -= 1
            if not shared.users:
                del _pool.clients[key]
                shared.client.close()


def _options(uri: SecretStr) -> Document:
    try:
        return dict(parse_uri(uri.get_secret_value()))
    except (ConfigurationError, ValueError) as error:
        # The driver's sentences name what is wrong; some quote a part of the address, which may be a password.
        raise SettingsError(f"MONGODB_URI cannot be read: {_fault(str(error))}. {RIGHT_URI}") from None


def _fault(said: str) -> str:
    for words, fault in (
        ("Username and password must be escaped", "write special characters in user and password as %40 and the like"),
        ("Port must be", "the port is no number from 1 to 65535"),
        ("Bad database name", "the database has a name that MongoDB does not take"),
        ("DNS", "its name cannot be looked up"),
        ("Unknown option", "it has an option that the driver does not know"),
    ):
        if words in said:
            return fault
    return "it is not an address of MongoDB"


def _client(uri: SecretStr, options: Document) -> MongoClient[Document]:
    given = {name.lower() for name in options["options"]}
    defaults = {name: value for name, value in DEFAULTS.items() if name.lower() not in given}
    try:
        return MongoClient(uri.get_secret_value(), **defaults, **FIXED)
    except (ConfigurationError, ValueError) as error:
        raise SettingsError(f"MONGODB_URI cannot be read: {_fault(str(error))}. {RIGHT_URI}") from None
