"""The stage that shops take turns on."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.convergence.stage import Stage, open_stage

# Each history makes a warehouse of its own, and syncs it a dozen times: on disk that is mostly waiting.
MEMORY = Path("/dev/shm")


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    """Return a server whose address stays while shops come and go behind it."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2**30
    with (
        TemporaryDirectory(dir=MEMORY if roomy else None, prefix="regulars-convergence-") as folder,
        open_stage(Path(folder)) as opened,
    ):
        yield opened
