"""Receivers for tests: each a process of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.webhook_receiver.receiver_process import ONE_SHOP, Receiver


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Receiver]]:
    """Return a function that starts a receiver; all of them are ended after the test."""
    started: list[Receiver] = []

    def start_one(*, data: Path = tmp_path / "data", wait: bool = True, hurried: bool = False, **more: str) -> Receiver:
        receiver = Receiver(data, tmp_path / "receiver.log", {**ONE_SHOP, **more}, hurried=hurried)
        started.append(receiver)
        if wait:
            receiver.wait_until_up()
        return receiver

    yield start_one
    for receiver in started:
        if receiver.process.poll() is None:
            receiver.kill()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Return a receiver shared by a module's tests: each uses ids of its own."""
    folder = tmp_path_factory.mktemp("receiver")
    one = Receiver(folder / "data", folder / "receiver.log", ONE_SHOP)
    one.wait_until_up()
    yield one
    assert one.stop() == 0
