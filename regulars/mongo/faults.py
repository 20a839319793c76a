"""What the driver's errors mean to people: one sentence, with host names, never with user, password or data.

The driver's own errors quote documents and keys, which are personal data: what is raised here leaves them behind.
"""

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
from pymongo.topology_description import TopologyDescription

from regulars.errors import RegularsError, SettingsError

STANDALONE = (
    "is a standalone server, which has no transactions: start it with `--replSet rs0` and run `rs.initiate()` once "
    "in mongosh"
)
NOT_PRIMARY = "takes no writes at the moment: it is not, or no longer, the primary"
LATE = "did not answer in time"
# The first class that fits, and what is said after "MongoDB at host:port".
LOST: tuple[tuple[type[PyMongoError], str], ...] = (
    (NotPrimaryError, NOT_PRIMARY),
    (WaitQueueTimeoutError, "is asked for too much at once: every connection is busy"),
    (NetworkTimeout, LATE),
    (ExecutionTimeout, LATE),
    (WTimeoutError, "could not store this on most of its members in time"),
    (ConnectionFailure, "broke off the connection"),
)
# The server's codes. What waiting cannot mend: login, rights, a standalone server (IllegalOperation).
SETTINGS = {
    18: "refuses the user or the password of MONGODB_URI",
    8000: "refuses the user or the password of MONGODB_URI",
    13: "does not let the user of MONGODB_URI do this: the user needs the role readWrite",
    20: STANDALONE,
}
REFUSED = {
    50: LATE,
    **dict.fromkeys((91, 189, 10058, 10107, 11600, 11602, 13435, 13436), NOT_PRIMARY),
    14031: "cannot write: its disk is full",
}
REASONS = (
    ("refused", "the connection is refused"),
    ("SSL", "TLS failed"),
    ("certificate", "TLS failed"),
    ("not known", "the name is not known"),
    ("name resolution", "the name is not known"),
    ("No address", "the name is not known"),
    ("timed out", "nothing came back in time"),
    ("unreachable", "there is no way to it"),
    ("No route", "there is no way to it"),
)


def translated(
    error: PyMongoError, hosts: str, topology: TopologyDescription, unavailable: type[RegularsError]
) -> RegularsError:
    """Return what to raise for `error`: SettingsError where waiting cannot help, else an `unavailable`."""
    if isinstance(error, ServerSelectionTimeoutError):
        return _unreachable(hosts, topology, unavailable)
    said = next((words for kind, words in LOST if isinstance(error, kind)), None)
    if said is None and isinstance(error, OperationFailure):
        code = _code(error)
        if code in SETTINGS:
            return SettingsError(f"MongoDB at {hosts} {SETTINGS[code]}.")
        said = REFUSED.get(code)
    return unavailable(f"MongoDB at {hosts} {said or f'could not do this ({_name(error)})'}.")


def _unreachable(hosts: str, topology: TopologyDescription, unavailable: type[RegularsError]) -> RegularsError:
    servers = topology.server_descriptions().values()
    said = " ".join(str(server.error) for server in servers if server.error)
    if not servers:  # the driver has struck off every address, since none belongs to the set that was named
        return SettingsError(f"MongoDB at {hosts} is in another replica set than MONGODB_URI names.")
    if any(server.server_type_name == "RSGhost" for server in servers):
        return unavailable(f"MongoDB at {hosts} is starting, or its replica set was never made (`rs.initiate()`).")
    if any(server.is_server_type_known for server in servers):
        return unavailable(f"MongoDB at {hosts} has no primary at the moment: most of its members are away.")
    reason = next((reason for words, reason in REASONS if words in said), "no connection")
    return unavailable(f"MongoDB at {hosts} does not answer: {reason}. Is it running, and is MONGODB_URI right?")


def _code(error: OperationFailure) -> int:
    """Return the server's code; of several writes at once that of the first that failed; 0 where there is none."""
    failed = (error.details or {}).get("writeErrors") or [{}]
    return int(error.code or failed[0].get("code") or 0)


def _name(error: PyMongoError) -> str:
    """Return the server's short name of the error, or the driver's: neither holds data."""
    if isinstance(error, OperationFailure):
        return str((error.details or {}).get("codeName") or f"error {_code(error)}")
    return type(error).__name__
