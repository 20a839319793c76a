"""Fixtures of the sync's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.woocommerce.synced_shop import FirstSync, Synced, synced_shop


@pytest.fixture
def synced(tmp_path: Path) -> Iterator[Synced]:
    """A small shop that was never synced."""
    with synced_shop(tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """One synced shop for tests that only read, or that take a record of their own with `fresh_order`."""
    with synced_shop(tmp_path_factory.mktemp("shared"), people=120) as one:
        one.sync()
        yield one


@pytest.fixture(scope="session")
def first_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstSync]:
    """The first sync that `copied` begins from."""
    with FirstSync.made(tmp_path_factory.mktemp("first")) as first:
        yield first


@pytest.fixture
def copied(first_copy: FirstSync, tmp_path: Path) -> Iterator[Synced]:
    """A small shop after its first sync."""
    with first_copy.copied(tmp_path) as one:
        yield one
