"""Debian's Chromium and what drives it. `python -m tests.chromium` says what is missing; `make chromium` asks it."""

import ctypes
import sys
from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")


def missing() -> str:
    """Return the Debian packages that the browser tests lack, separated by spaces; empty where they can run."""
    packages = [] if CHROMIUM.exists() else ["chromium"]
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        packages.append("libatomic1")  # Playwright's driver is linked against it, and a bare Debian lacks it
    return " ".join(packages)


if __name__ == "__main__":
    sys.stdout.write(missing())
