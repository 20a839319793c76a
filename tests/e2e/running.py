"""Real commands in processes of their own: `regulars …` over a data folder, on free ports, far from any .env."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import requests

from regulars.directory.layout import Manifest, current_manifest, table_file
from regulars.settings import Settings, process_environment
from transforms.schemas import PUBLISHED

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PORTS = ("REGULARS_APP_PORT", "REGULARS_HTTP_PORT", "REGULARS_DAGSTER_PORT", "REGULARS_DEMO_PORT")
KEY, SECRET = "ck_e2e", "cs_e2e"


def free_ports(count: int) -> list[int]:
    """Return ports that are free now, each another one."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def wait_for(what: str, found: Callable[[], Any], seconds: float) -> Any:
    """Return what `found()` returns once that is true; fail when it is not in time."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)
    return value


class Place:
    """A folder to run commands in, with settings of its own. `data` is its data folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.data = folder, folder / "data"
        self.ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        inherited = process_environment()
        for name in (*known_variables(), "DAGSTER_HOME", "COLUMNS"):
            inherited.pop(name, None)
        self.environment = {**inherited, "REGULARS_DATA": str(self.data), **self.ports, **settings}

    def run(self, *arguments: str, seconds: float = 120, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run `regulars <arguments>` to its end."""
        return subprocess.run(
            [str(BIN / "regulars"), *arguments],
            env={**self.environment, **settings},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def result(self, *arguments: str, **options: Any) -> dict[str, Any]:
        """Run a command that must end well with `--json` and return its result."""
        done = self.run(*arguments, "--json", **options)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Running"]:
        """Start `regulars <arguments>` and end it on leaving, well or not."""
        log = self.folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(BIN / "regulars"), *arguments],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        run = Running(self, process, log)
        try:
            yield run
        finally:
            if process.poll() is None:
                run.end()

    def processes(self) -> list[psutil.Process]:
        """Return every process that was given this data folder, however it came to be, but commands that we run."""
        return [each for each in psutil.process_iter() if _environment(each).get("REGULARS_DATA") == str(self.data)]

    def url(self, port: str, path: str = "") -> str:
        """Return the address of what listens at the setting `port`."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def published(self, shop: str) -> Path:
        """Return the folder of the shop's published versions."""
        return self.data / "published" / shop

    def manifest(self, shop: str) -> Manifest:
        """Return the manifest of the shop's published version."""
        manifest = current_manifest(self.published(shop))
        assert manifest is not None, "nothing is published"
        return manifest

    def table(self, shop: str, name: str) -> pl.DataFrame:
        """Return a published table."""
        return pl.read_parquet(table_file(self.published(shop) / self.manifest(shop).version, name))

    def tables(self, shop: str) -> dict[str, pl.DataFrame]:
        """Return all published tables."""
        return {name: self.table(shop, name) for name in PUBLISHED}


class Running:
    """A command that serves. What it printed stands in its log."""

    def __init__(self, place: Place, process: subprocess.Popen[bytes], log: Path) -> None:
        self.place, self.process, self.log = place, process, log

    def said(self) -> str:
        """Return what it printed so far."""
        return self.log.read_text(errors="replace")

    def wait_until_said(self, text: str, seconds: float) -> None:
        """Wait until it printed `text`; fail at once when it ends before."""

        def said() -> bool:
            if text in self.said():
                return True
            assert self.process.poll() is None, f"it ended before it said {text!r}: {self.said()}"
            return False

        wait_for(f"{text!r} in {self.said()}", said, seconds)

    def end(self, number: int = signal.SIGINT, seconds: float = 15) -> int:
        """Signal the command alone, as a service manager does; return its code. Fails if it or a child outlives that."""
        deadline = time.monotonic() + seconds
        os.kill(self.process.pid, number)
        code = self.process.wait(seconds)
        wait_for("no process is left", lambda: not self.place.processes(), max(deadline - time.monotonic(), 1))
        return code


def known_variables() -> list[str]:
    """Return the names of all settings."""
    return [str(field.alias) for field in Settings.model_fields.values()]


def _environment(process: psutil.Process) -> Mapping[str, str]:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return {}
        return dict(process.environ())
    except psutil.Error:
        return {}


@contextmanager
def foreign_shop(folder: Path, *options: str, tls: Path | None = None) -> Iterator[str]:
    """Serve a demo shop from a process of its own, with keys of its own; give its address."""
    port = free_ports(1)[0]
    secure = ["--certfile", str(tls), "--keyfile", str(tls)] if tls else []
    keys = {"DEMO_SHOP_CONSUMER_KEY": KEY, "DEMO_SHOP_CONSUMER_SECRET": SECRET}
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "shop.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo_shop", "--port", str(port), *options, *secure],
            env=process_environment(**keys),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        wait_for("the shop answers", lambda: _answers(f"{url}/wp-json/", process, tls), 60)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str, process: subprocess.Popen[bytes], tls: Path | None) -> bool:
    assert process.poll() is None, "the shop ended"
    try:
        return requests.get(url, timeout=5, verify=str(tls.with_name("ca.pem")) if tls else True).ok
    except requests.ConnectionError:
        return False


def connected(url: str, **more: str) -> dict[str, str]:
    """Return the variables that name a shop."""
    return {
        "WOOCOMMERCE_URL": url,
        "WOOCOMMERCE_CONSUMER_KEY": KEY,
        "WOOCOMMERCE_CONSUMER_SECRET": SECRET,
        "WOOCOMMERCE_WEBHOOK_SECRET": "whsec_e2e",
        **more,
    }
