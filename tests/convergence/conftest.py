"""The stage that shops take turns on."""

from collections.abc import Iterator

import pytest

from tests.convergence.world import Stage, open_stage


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return a server whose address stays while shops come and go behind it."""
    with open_stage(tmp_path_factory.mktemp("convergence")) as opened:
        yield opened
