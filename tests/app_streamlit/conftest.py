"""The app over a data folder of its own: in one process (AppTest), or served to a real browser."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from regulars.settings import load_settings, process_environment
from tests.regulars.directory.builders import SHOP, publish_people

APP = Path(__file__).parents[2] / "app_streamlit" / "app.py"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty data folder that the app reads, far from any .env or shops.toml."""
    for name in load_settings().model_dump(by_alias=True):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "data"
    monkeypatch.setenv("REGULARS_DATA", str(folder))
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    return folder


@pytest.fixture
def published(data: Path) -> Callable[..., str]:
    """Return a way to publish people for the shop `demo`."""

    def publish(people: list[dict[str, Any]], shop: str = SHOP, **more: Any) -> str:
        return publish_people(data / "published" / shop, people, **more)

    return publish


@pytest.fixture
def app(data: Path) -> Callable[..., AppTest]:
    """Return a way to open the app at a page with an address."""

    def open_app(page: str | None = None, /, **address: str | list[str]) -> AppTest:
        test = AppTest.from_file(str(APP), default_timeout=30)
        for name, value in address.items():
            test.query_params[name] = value
        if page is not None:
            # AppTest can name pages that are files; ours are functions, known by the hash of their address.
            test._page_hash = calc_hash(page)
        return test.run()

    return open_app


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[str]:
    """Serve the app as it ships over `data` with these settings, far from any .env, and give its address."""
    port = free_port()
    elsewhere = data.parent
    log = elsewhere / f"app-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app_streamlit"],
            env=process_environment(REGULARS_DATA=str(data), REGULARS_APP_PORT=str(port), **settings),
            cwd=elsewhere,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(lambda: _answers(f"http://127.0.0.1:{port}/_stcore/health"), 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert "Traceback" not in log.read_text()


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
