"""Start the app: `python -m app_streamlit`. Address and port come from the settings, the look from config.toml."""

import sys
from pathlib import Path

from streamlit.web.cli import main as streamlit

from regulars.errors import SettingsError
from regulars.settings import load_settings

APP = Path(__file__).with_name("app.py")


def main() -> None:
    """Serve until interrupted. Exits with 1 and one sentence when a setting is wrong."""
    try:
        settings = load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error.sentence()}\n")
        raise SystemExit(1) from None
    options = {
        "server.address": settings.host,
        "server.port": settings.app_port,
        "browser.serverAddress": settings.host,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    streamlit(args=["run", str(APP), *flags], prog_name="regulars-app")
