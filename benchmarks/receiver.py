"""The webhook receiver, whole and durable, beside a server that answers 200 and does nothing.

Both serve from processes of their own, in turns, to the same client. Ours verifies each signature and has each delivery
on disk before it is answered.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import psutil

from benchmarks.comparison import MEGABYTE, Comparison
from benchmarks.ground import Ground
from benchmarks.receiver_load import SECRET, SHOP
from regulars.settings import process_environment

CONNECTIONS = 32
DELIVERIES = 2_000
START_SECONDS = 30.0


def cases(ground: Ground) -> Iterator[Comparison]:
    """Yield the time a delivery takes at 32 connections; the first turn is not counted."""
    with TemporaryDirectory(prefix="regulars-bench-receiver-") as folder, ExitStack() as ends:
        bare = ends.enter_context(serving("benchmarks.receiver_bare", with_port=True))
        ours = ends.enter_context(serving("webhook_receiver", variables=_variables(Path(folder))))
        taken: dict[str, list[float]] = {"bare": [], "ours": []}
        for turn in range(ground.repeats + 1):
            for name, (port, _) in (("bare", bare), ("ours", ours)):
                seconds = load(port, 1 + turn * DELIVERIES)
                if turn:
                    taken[name].append(seconds / DELIVERIES * 1000)
        memory = psutil.Process(ours[1]).memory_info().rss / MEGABYTE
        what = f"{CONNECTIONS} connections, 2.7 KB, signed and committed to disk, against a bare 200"
        yield Comparison("receiver", what, "starlette", median(taken["ours"]), median(taken["bare"]), memory)


def load(port: int, first: int) -> float:
    """Return the seconds that the next deliveries take."""
    arguments = [str(value) for value in (port, first, DELIVERIES, CONNECTIONS)]
    command = [sys.executable, "-m", "benchmarks.receiver_load", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return float(done.stdout)


@contextmanager
def serving(
    module: str, *, variables: Mapping[str, str] | None = None, with_port: bool = False
) -> Iterator[tuple[int, int]]:
    """Serve a module from a process of its own; give its port and its id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = process_environment(REGULARS_HTTP_PORT=str(port), **(variables or {}))
    command = [sys.executable, "-m", module, *([str(port)] if with_port else [])]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + START_SECONDS
    while process.poll() is None and monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not start")


def _variables(folder: Path) -> dict[str, str]:
    return {
        "WOOCOMMERCE_URL": "https://shop.example.com",
        "WOOCOMMERCE_CONSUMER_KEY": "ck_bench",
        "WOOCOMMERCE_CONSUMER_SECRET": "cs_bench",
        "WOOCOMMERCE_WEBHOOK_SECRET": SECRET,
        "REGULARS_SHOP": SHOP,
        "REGULARS_SHOPS_FILE": str(folder / "none.toml"),
        "REGULARS_DATA": str(folder / "data"),
        "MONGODB_URI": "",
    }
