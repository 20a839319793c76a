"""Which version of each part of the database is there: created, migrated after a copy, or refused.

Parts ("records", "inbox", "serving") move on their own. Their versions stand in the collection `schema_versions`.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from pymongo import IndexModel
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import OperationFailure

from regulars.errors import NewerSchema, SettingsError
from regulars.mongo.client import Document
from regulars.mongo.faults import STANDALONE

T = TypeVar("T")
Migration = Callable[[Database[Document], ClientSession], None]

VERSIONS = "schema_versions"
NAMESPACE_EXISTS, NAMESPACE_NOT_FOUND = 48, 26


@dataclass(frozen=True)
class Part:
    """What a part has: its collections with their indexes, and its version.

    `migrations[n]` turns version n into n + 1, inside the one transaction that also writes the new version. `first` is
    what a new part begins with, written in that transaction too.
    """

    name: str
    version: int
    collections: Mapping[str, tuple[IndexModel, ...]]
    migrations: Mapping[int, Migration] = field(default_factory=dict)
    first: Migration | None = None


def prepare(
    database: Database[Document], hosts: str, part: Part, transaction: Callable[[Callable[[ClientSession], None]], None]
) -> None:
    """Make the part ready: created, of this version. Several processes may do so at once.

    Raises NewerSchema, and SettingsError for a standalone server, which has no transactions.
    """
    hello = database.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise SettingsError(f"MongoDB at {hosts} {STANDALONE}.")
    while (version := _version(database, part.name)) != part.version:
        if version > part.version:
            raise NewerSchema(
                f"The {part.name} in MongoDB were written by a newer Regulars (their schema is {version}, this one knows "
                f"{part.version}); update Regulars, or restore a backup of this version."
            )
        if version:
            _copy(database, part, version)
        _make(database, part)
        transaction(partial(_migrate, database, part, version))


def _version(database: Database[Document], name: str, session: ClientSession | None = None) -> int:
    """Return the version of a part; 0 for one that is not there."""
    found = database[VERSIONS].find_one({"_id": {"$eq": name}}, session=session)
    return int(found["version"]) if found else 0


def _make(database: Database[Document], part: Part) -> None:
    for name in (VERSIONS, *part.collections):
        if indexes := part.collections.get(name):
            database[name].create_indexes(list(indexes))  # which makes the collection too
        else:
            try:
                database.create_collection(name, check_exists=False)
            except OperationFailure as error:
                if error.code != NAMESPACE_EXISTS:
                    raise


def _migrate(database: Database[Document], part: Part, version: int, session: ClientSession) -> None:
    if _version(database, part.name, session) != version:
        return  # another process was faster
    # Written first, so that of two processes that migrate at once one is sent back before it did anything.
    database[VERSIONS].update_one(
        {"_id": {"$eq": part.name}}, {"$set": {"version": part.version}}, upsert=True, session=session
    )
    if version:
        for step in range(version, part.version):
            part.migrations[step](database, session)
    elif part.first:
        part.first(database, session)


def _copy(database: Database[Document], part: Part, version: int) -> None:
    """Keep the part's collections as they are as `<name>_v<version>`.

    What was copied before the version moved is of the old version, for a migration is one transaction; what another
    process copied after it never gets its name.
    """
    there = set(database.list_collection_names())
    for name in there & set(part.collections):
        half = f"{name}_copy_{secrets.token_hex(4)}"
        database[name].aggregate([{"$out": half}])
        try:
            if _version(database, part.name) == version:
                database[half].rename(f"{name}_v{version}", dropTarget=True)
        except OperationFailure as error:
            if error.code != NAMESPACE_NOT_FOUND:  # nothing was in it, so nothing was copied
                raise
        finally:
            database.drop_collection(half)
