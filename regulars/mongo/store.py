"""What every store on MongoDB is built on: opening, transactions, and errors that people can read.

    class MongoThings(MongoStore):
        def add_thing(self, ...):
            def work(session: ClientSession) -> Thing:  # runs again where it met another writer: no side effects in it
                ...
            return self._writing(work)

        def things(self, ...):
            with self._faults():
                return [... for row in self._database["things"].find({"shop": {"$eq": shop}})]

A connection that breaks is made again by the driver, which repeats a read or a write once without doing it twice; a
transaction that met another writer or lost its server is repeated whole. A server that stays away costs a call about
`client.SELECTION_SECONDS`, and the first call after it is back works.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

import pymongo
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError, ServerSelectionTimeoutError
from pymongo.read_concern import ReadConcern

from regulars.errors import RegularsError, SettingsError
from regulars.mongo.client import WRITE_CONCERN, Connection, Document
from regulars.mongo.faults import translated
from regulars.mongo.schema import Part, prepare

LOG = logging.getLogger(__name__)

T = TypeVar("T")

CONFLICT_SECONDS = 30
ABANDONED_SECONDS = 3
PAUSE_SECONDS = (0.002, 0.1)
TRANSIENT, UNKNOWN = "TransientTransactionError", "UnknownTransactionCommitResult"


class MongoStore:
    """A part of the database (`schema.Part`), created or migrated when opened. Safe to share between threads.

    Raises NewerSchema where a newer Regulars wrote the part, SettingsError where the address, the login or the server
    cannot do, and `unavailable` where the server does not answer.
    """

    def __init__(self, uri: SecretStr, part: Part, unavailable: type[RegularsError]) -> None:
        self._connection = Connection(uri)
        self._unavailable = unavailable
        self._open = False
        try:
            with self._faults():
                prepare(self._database, self._connection.hosts, part, self._transaction)
        except BaseException:
            self.close()
            raise
        self._open = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.hosts})"

    def close(self) -> None:
        """Let go of the server; further calls connect again."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _database(self) -> Database[Document]:
        return self._connection.database

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Turn the driver's errors into ours. The cause is left behind: it quotes what was asked or written."""
        try:
            yield
        except PyMongoError as error:
            topology = self._connection.client.topology_description
            fault = translated(error, self._connection.hosts, topology, self._unavailable)
            if self._open and isinstance(fault, SettingsError):
                # The store was usable: who changed the server or the password meanwhile may change it back.
                fault = self._unavailable(fault.message)
            raise fault from None

    def _writing(self, work: Callable[[ClientSession], T]) -> T:
        """Run `work` as one transaction and return what it returned, once it is on disk on most members.

        `work` passes its session to every call, and may run several times: it must do nothing but ask and write.
        """
        with self._faults():
            return self._transaction(work)

    @contextmanager
    def _one_moment(self) -> Iterator[ClientSession]:
        """A session whose reads all see the same moment, for up to five minutes."""
        with self._faults(), self._connection.client.start_session(snapshot=True) as session:
            yield session

    def _transaction(self, work: Callable[[ClientSession], T]) -> T:
        begun = looked = time.monotonic()
        pause, longest = PAUSE_SECONDS
        with self._connection.client.start_session() as session:
            while True:
                try:
                    return _attempt(session, work, begun + CONFLICT_SECONDS)
                except PyMongoError as error:
                    if not _repeatable(error) or time.monotonic() > begun + CONFLICT_SECONDS:
                        raise
                if time.monotonic() - looked > ABANDONED_SECONDS:
                    end_abandoned(self._connection.client)
                    looked = time.monotonic()
                time.sleep(pause * random.random())  # noqa: S311 - so that two who met do not meet again
                pause = min(pause * 1.5, longest)


def end_abandoned(client: MongoClient[Document]) -> None:
    """End transactions of ours that nobody has moved for seconds: their process is dead, or stands still.

    The server itself keeps one for a minute, and all that it wrote to stays closed to others. A process that only stood
    still is told so by the server and repeats its transaction.
    """
    idle = {
        "type": "idleSession",
        "appName": client.options.pool_options.appname,
        "transaction.timeInactiveMicros": {"$gt": ABANDONED_SECONDS * 1_000_000},
    }
    try:
        steps: list[Document] = [{"$currentOp": {"idleSessions": True}}, {"$match": idle}, {"$project": {"lsid": 1}}]
        ids = [{"id": found["lsid"]["id"]} for found in client.admin.aggregate(steps)]
        if ids:
            client.admin.command("killSessions", ids)
    except OperationFailure:  # not allowed there: the server ends them later
        LOG.info("Transactions that were abandoned are left to the server.")


def _attempt(session: ClientSession, work: Callable[[ClientSession], T], deadline: float) -> T:
    session.start_transaction(ReadConcern("snapshot"), WRITE_CONCERN)
    try:
        result = work(session)
    except BaseException as error:
        _abort(session, error)
        raise
    while True:
        try:
            session.commit_transaction()
        except PyMongoError as error:
            # Committing again is harmless: the server knows the transaction by its number.
            again = error.has_error_label(UNKNOWN) and not isinstance(error, ServerSelectionTimeoutError)
            if not again or time.monotonic() > deadline:
                raise
        else:
            return result


def _abort(session: ClientSession, error: BaseException) -> None:
    # With the server gone its transactions are gone too: no use in waiting for it to say so.
    with pymongo.timeout(0.5 if isinstance(error, ConnectionFailure) else 5):
        session.abort_transaction()


def _repeatable(error: PyMongoError) -> bool:
    return error.has_error_label(TRANSIENT) and not isinstance(error, ServerSelectionTimeoutError)
