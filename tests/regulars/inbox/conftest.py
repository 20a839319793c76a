"""The stores that the contract of an inbox is held to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from regulars.inbox import Inbox, open_inbox
from regulars.settings import Settings

Opener = Callable[[], Inbox]


@pytest.fixture(params=["sqlite", "mongo"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Return a function that opens one and the same inbox, empty at first, once more; all are closed at the end."""
    settings = (
        request.getfixturevalue("mongo_settings")
        if request.param == "mongo"
        else Settings(data_dir=tmp_path / "data", _env_file=None)
    )
    with ExitStack() as opened:
        yield lambda: opened.enter_context(open_inbox(settings))


@pytest.fixture
def inbox(opener: Opener) -> Inbox:
    """Return an empty inbox."""
    return opener()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file of an inbox may be, in a folder that does not exist yet."""
    return tmp_path / "data" / "inbox.db"
