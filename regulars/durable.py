"""What is on disk for good: it survives a loss of power."""

import os
from pathlib import Path


def bring_to_disk(path: Path) -> None:
    """Bring a file's bytes, or the names in a folder, to disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
