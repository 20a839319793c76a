"""Shops as configured: one by its variables, or several in `shops.toml`, whose secrets are *names of variables*.

Nothing is read from the environment here: `regulars.settings` hands in what it knows.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator

from regulars.errors import SettingsError
from regulars.models import Model, ShopConfig

SHOP_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
HTTPS = "https://"


@dataclass(frozen=True)
class Defaults:
    """What holds for every shop that does not say otherwise, in the terms of ShopConfig."""

    most_at_once: int
    requests_per_minute: int
    timezone: str | None
    ca_file: Path | None
    keys_in_query: bool


class ShopTable(Model):
    """One table of `shops.toml`: the address, and the names of the variables that hold the secrets."""

    url: str
    consumer_key: str
    consumer_secret: str
    webhook_secret: str = ""
    webhook_secret_previous: str = ""
    keys_in_query: bool | None = None
    ca_file: Path | None = None
    timezone: str | None = None
    requests_per_minute: int | None = Field(None, ge=0, le=100_000)
    requests_at_once: int | None = Field(None, ge=1, le=16)

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        return None if value is None else check_timezone(value)


def one_shop(
    name: str,
    url: str,
    defaults: Defaults,
    *,
    consumer_key: SecretStr | None,
    consumer_secret: SecretStr | None,
    webhook_secret: SecretStr | None,
    previous_webhook_secret: SecretStr | None,
) -> ShopConfig:
    """Return the one shop that the variables name. Raises SettingsError naming the variable that is missing or wrong."""
    home = home_of(url, "WOOCOMMERCE_URL")
    if defaults.keys_in_query and not home.startswith(HTTPS):
        raise SettingsError(
            "WOOCOMMERCE_KEYS_IN_QUERY needs an https address in WOOCOMMERCE_URL: over http the key would lie open, and "
            "WooCommerce does not take it so. Unset it: over http requests are signed."
        )
    named = {"WOOCOMMERCE_CONSUMER_KEY": consumer_key, "WOOCOMMERCE_CONSUMER_SECRET": consumer_secret}
    key, secret = _both(name, named)
    return ShopConfig(
        name=name,
        url=home,
        consumer_key=key,
        consumer_secret=secret,
        webhook_secret=webhook_secret,
        previous_webhook_secret=previous_webhook_secret,
        keys_in_query=defaults.keys_in_query,
        most_at_once=defaults.most_at_once,
        requests_per_minute=defaults.requests_per_minute,
        timezone=defaults.timezone,
        ca_file=defaults.ca_file,
    )


def shops_in(
    file: Path, variables: Mapping[str, str | None], defaults: Defaults
) -> tuple[dict[str, ShopConfig], dict[str, str]]:
    """Return the shops of `shops.toml`, and what is wrong with each table that makes none, both by name.

    `variables` are the environment's, which hold the secrets. Raises SettingsError where the file is no file of shops.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))["shops"].items()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise SettingsError(
            f"{file} cannot be read as shops: {error}. Right is a table [shops.<name>] for each shop."
        ) from None
    shops: dict[str, ShopConfig] = {}
    broken: dict[str, str] = {}
    for name, written in tables:
        try:
            shops[name] = _shop_of(file, name, written, variables, defaults)
        except SettingsError as error:
            broken[name] = error.message
    return shops, broken


def _shop_of(
    file: Path, name: str, written: object, variables: Mapping[str, str | None], defaults: Defaults
) -> ShopConfig:
    if not SHOP_NAME.fullmatch(name):
        raise SettingsError(f"{file}: shop name {name!r}: use up to 40 of a-z, 0-9, - and _.")
    try:
        table = ShopTable.model_validate(written)
    except ValidationError as error:
        raise SettingsError(f"{file}: the shop {name!r} cannot be read: {faults_of(error)}.") from None
    home = home_of(table.url, f"url of the shop {name!r}")
    if table.keys_in_query and not home.startswith(HTTPS):
        raise SettingsError(f"{file}: keys_in_query of the shop {name!r} needs an https address.")
    key, secret = _both(name, {each: _secret(variables, each) for each in (table.consumer_key, table.consumer_secret)})
    # Set for all shops, it cannot be meant for one over http: requests to that one are signed.
    in_query = defaults.keys_in_query and home.startswith(HTTPS)
    return ShopConfig(
        name=name,
        url=home,
        consumer_key=key,
        consumer_secret=secret,
        webhook_secret=_secret(variables, table.webhook_secret),
        previous_webhook_secret=_secret(variables, table.webhook_secret_previous),
        keys_in_query=in_query if table.keys_in_query is None else table.keys_in_query,
        most_at_once=table.requests_at_once or defaults.most_at_once,
        requests_per_minute=(
            defaults.requests_per_minute if table.requests_per_minute is None else table.requests_per_minute
        ),
        timezone=table.timezone or defaults.timezone,
        ca_file=table.ca_file or defaults.ca_file,
    )


def _secret(variables: Mapping[str, str | None], name: str) -> SecretStr | None:
    return SecretStr(value) if (value := variables.get(name)) else None


def _both(shop: str, named: Mapping[str, SecretStr | None]) -> tuple[SecretStr, SecretStr]:
    """Return key and secret. Raises SettingsError naming the variables that are not set."""
    given = [value for value in named.values() if value is not None]
    missing = [variable for variable, value in named.items() if value is None]
    if missing:
        raise SettingsError(f"The shop {shop!r} has an address but no {' and no '.join(missing)}.")
    return given[0], given[-1]


def home_of(url: str, named: str) -> str:
    """Return a shop's home address as it is used: no slash at the end, no `/wp-json`.

    Raises SettingsError for what is no such address, calling it `named` and not repeating it: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an end, a port that is no number
        usable = False
    if not usable:
        raise SettingsError(f"{named} must be an address such as https://shop.example.com.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(f"{named} must hold no user, password, query or fragment: only the home address.")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/").removesuffix("/wp-json").rstrip("/")


def check_timezone(name: str) -> str:
    """Return `name` if it is an IANA time zone, else raise ValueError."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone such as Europe/Berlin") from None
    return name


def faults_of(error: ValidationError) -> str:
    """Return what is wrong with which name; values stay out, they may be secrets in the wrong place."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
