"""Build the wheel and import every package of it in a clean environment, away from the sources.

Run by `make wheel`, with the path of uv. An editable install hides files that the wheel forgets; this does not.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMPORTS = """
import regulars.cli, regulars.settings, regulars.shop, transforms.schemas, demo_shop.server
import pipelines.definitions, webhook_receiver.app, app_streamlit.reads
from pathlib import Path
import app_streamlit
assert Path(app_streamlit.__file__).with_name("app.py").exists()
assert "site-packages" in app_streamlit.__file__, app_streamlit.__file__
"""


def main() -> None:
    """Build, install with the pinned product requirements, import, and run the command."""
    uv = str(Path(sys.argv[1]).absolute()) if "/" in sys.argv[1] else sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        run(uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder, ROOT)
        (wheel,) = Path(folder).glob("*.whl")
        python = Path(folder, "venv/bin/python")
        run(uv, "venv", "--quiet", "--python", sys.executable, Path(folder, "venv"))
        run(uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", ROOT / "requirements/product.txt")
        run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
        run(python, "-I", "-c", IMPORTS, cwd=folder)
        run(python.with_name("regulars"), "--help", cwd=folder, stdout=subprocess.DEVNULL)
    sys.stdout.write(f"wheel {wheel.name}: builds and imports in a clean environment\n")


def run(*command: object, **options: object) -> None:
    """Run a command; its failure ends this one, after what it printed."""
    subprocess.run([str(part) for part in command], check=True, **options)


if __name__ == "__main__":
    main()
