"""Shops and settings for the doctor's tests."""

from pathlib import Path
from typing import Any

from regulars.doctor.diagnose import diagnose
from regulars.doctor.findings import Finding
from regulars.models import ShopConfig
from regulars.settings import Settings, load_settings
from tests.regulars.shop.scripted_shop import shop_at


def settings_with(folder: Path, *, say: dict[str, Any] | None = None, **shops: ShopConfig) -> Settings:
    """Return settings with these shops and a data folder in `folder`; `say` are further settings."""
    given = {"shops_file": folder / "none.toml", "data_dir": folder / "data", "mongodb_uri": None, **(say or {})}
    settings = load_settings(_env_file=None, **given)
    # A cached property: what would be read from a file is put in its place.
    settings.__dict__["_read_shops"] = (shops, {})
    return settings


def at_shop(folder: Path, url: str, *, say: dict[str, Any] | None = None, **changes: Any) -> list[Finding]:
    """Return what the doctor finds at the shop at `url`, the machine aside; `changes` are of its configuration."""
    findings = diagnose(settings_with(folder, say=say, shop=shop_at(url, **changes)), ["shop"])
    return [one for one in findings if one.shop]


def found(folder: Path, url: str, *, say: dict[str, Any] | None = None, **changes: Any) -> dict[str, Finding]:
    """Return the same by check."""
    return {one.check: one for one in at_shop(folder, url, say=say, **changes)}
