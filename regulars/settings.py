"""Settings: the only module that reads the environment.

One frozen object, made once per process by `load_settings()`. Variables come from the environment, then from a `.env`
file in the working directory; several shops come from `shops.toml`, whose secrets are *names of variables*.
"""

import os
import re
import tomllib
from datetime import date
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as NoJson

from regulars.errors import SettingsError
from regulars.models import Model, ShopConfig

ENV_FILE = ".env"
SHOP_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
CRON = re.compile(r"@[a-z]+|[\w*/,-]+( +[\w*/,-]+){4}")
NOT_COUNTED = ("pending", "cancelled", "failed", "checkout-draft", "trash")


class Settings(BaseSettings):
    """All settings of Regulars. Names of variables stand in the aliases; `.env.example` documents each."""

    # A variable that is set to nothing is not set: `.env.example` has such lines to fill in.
    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )

    woocommerce_url: str | None = Field(
        None, alias="WOOCOMMERCE_URL", description="The shop's home address, for example https://shop.example.com"
    )
    consumer_key: SecretStr | None = Field(None, alias="WOOCOMMERCE_CONSUMER_KEY", description="REST API key, ck_…")
    consumer_secret: SecretStr | None = Field(
        None, alias="WOOCOMMERCE_CONSUMER_SECRET", description="REST API secret, cs_…"
    )
    webhook_secret: SecretStr | None = Field(
        None,
        alias="WOOCOMMERCE_WEBHOOK_SECRET",
        description="The secret typed into each webhook; without it deliveries are refused",
    )
    previous_webhook_secret: SecretStr | None = Field(
        None,
        alias="WOOCOMMERCE_WEBHOOK_SECRET_PREVIOUS",
        description="The secret before, accepted as well while the webhooks are given the new one",
    )
    keys_in_query: bool = Field(
        default=False,
        alias="WOOCOMMERCE_KEYS_IN_QUERY",
        description="Send the key in the address (HTTPS only), for a host that strips the Authorization header",
    )
    most_at_once: int = Field(
        4,
        ge=1,
        le=16,
        alias="WOOCOMMERCE_REQUESTS_AT_ONCE",
        description="At most so many requests to a shop at a time; fewer while the shop is slow",
    )
    requests_per_minute: int = Field(
        0,
        ge=0,
        le=100_000,
        alias="WOOCOMMERCE_REQUESTS_PER_MINUTE",
        description="At most so many requests a minute to a shop; 0 means no limit of ours",
    )
    ca_file: Path | None = Field(
        None, alias="REGULARS_CA_FILE", description="PEM bundle to trust for the shop's HTTPS, for a private CA"
    )
    shop_name: str = Field(
        "shop", alias="REGULARS_SHOP", description="Short name of the shop in paths, routes and Dagster partitions"
    )
    shops_file: Path = Field(
        Path("shops.toml"),
        alias="REGULARS_SHOPS_FILE",
        description="Several shops: a TOML file whose secrets are names of variables",
    )
    shop_timezone: str | None = Field(
        None,
        alias="REGULARS_SHOP_TIMEZONE",
        description="IANA time zone of the shop's days; taken from the shop when unset",
    )
    data_dir: Path = Field(Path("data"), alias="REGULARS_DATA", description="Folder of everything that is stored")
    mongodb_uri: SecretStr | None = Field(
        None,
        alias="MONGODB_URI",
        description="Keep records and change rows in this MongoDB (a replica set), and serve people and orders from it",
    )
    as_of: date | None = Field(
        None,
        alias="REGULARS_AS_OF",
        description="Compute as of 00:00 of this day in the shop's time zone; unset means live",
    )
    not_counted: tuple[str, ...] = Field(
        NOT_COUNTED, alias="REGULARS_STATUSES_NOT_COUNTED", description="JSON list of order statuses that do not count"
    )
    overlap_minutes: int = Field(
        10,
        ge=1,
        le=1440,
        alias="REGULARS_SYNC_OVERLAP_MINUTES",
        description="How far each pull of changed orders reaches back over the last one",
    )
    sync_cron: str = Field(
        "*/15 * * * *", alias="REGULARS_SYNC_CRON", description="When to pull changes, in cron's form"
    )
    reconcile_cron: str = Field(
        "20 2 * * *",
        alias="REGULARS_RECONCILE_CRON",
        description="When to compare everything with the shop, in cron's form",
    )
    host: str = Field("127.0.0.1", alias="REGULARS_HOST", description="Address the servers bind to")
    http_port: int = Field(
        8000, ge=1, le=65535, alias="REGULARS_HTTP_PORT", description="Port of the webhook receiver and API"
    )
    app_port: int = Field(8501, ge=1, le=65535, alias="REGULARS_APP_PORT", description="Port of the app")
    dagster_port: int = Field(3000, ge=1, le=65535, alias="REGULARS_DAGSTER_PORT", description="Port of the Dagster UI")
    demo_port: int = Field(8080, ge=1, le=65535, alias="REGULARS_DEMO_PORT", description="Port of the demo shop")
    public_url: str | None = Field(
        None, alias="REGULARS_PUBLIC_URL", description="The address under which the shop reaches the webhook receiver"
    )
    page_size: int = Field(25, ge=1, le=1000, alias="REGULARS_PAGE_SIZE", description="Rows a page in lists")
    page_size_max: int = Field(
        200, ge=1, le=1000, alias="REGULARS_PAGE_SIZE_MAX", description="The most rows a page that the API gives"
    )
    published_keep: int = Field(
        3, ge=2, le=100, alias="REGULARS_PUBLISHED_KEEP", description="Published versions kept per shop"
    )
    user: str = Field(
        "analyst",
        min_length=1,
        max_length=80,
        alias="REGULARS_USER",
        description="Name written beside what people write",
    )

    @field_validator("shop_name")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not SHOP_NAME.fullmatch(value):
            raise ValueError("use up to 40 of a-z, 0-9, - and _")
        return value

    @field_validator("host")
    @classmethod
    def _address(cls, value: str) -> str:
        # Of the servers behind `up`, some take no IPv6 address and none a name with a port.
        try:
            return str(IPv4Address(value.strip()))
        except ValueError:
            if value.strip() == "localhost":
                return "127.0.0.1"
            raise ValueError("use an IPv4 address of this machine, such as 127.0.0.1 or 0.0.0.0") from None

    @field_validator("shop_timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None:
            check_timezone(value)
        return value

    @field_validator("sync_cron", "reconcile_cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        if not CRON.fullmatch(value.strip()):
            raise ValueError("use cron's five fields, such as */15 * * * *")
        return value.strip()

    @cached_property
    def shops(self) -> dict[str, ShopConfig]:
        """Return the configured shops by name; empty where none is. Raises SettingsError on half a shop."""
        if self.shops_file.is_file():
            return _shops_from_file(self)
        if not self.woocommerce_url:
            return {}
        shop = _shop(
            self,
            self.shop_name,
            url=self.woocommerce_url,
            key=self.consumer_key,
            secret=self.consumer_secret,
            webhook_secret=self.webhook_secret,
            previous_webhook_secret=self.previous_webhook_secret,
            keys_in_query=self.keys_in_query,
            ca_file=self.ca_file,
            names=("WOOCOMMERCE_CONSUMER_KEY", "WOOCOMMERCE_CONSUMER_SECRET"),
        )
        return {shop.name: shop}

    def shop(self, name: str | None = None) -> ShopConfig:
        """Return the shop called `name`, or the only one. Raises SettingsError where that is not clear."""
        if not self.shops:
            raise SettingsError(NO_SHOP)
        if name is None:
            if len(self.shops) > 1:
                raise SettingsError(f"Several shops are configured; name one of: {', '.join(sorted(self.shops))}.")
            return next(iter(self.shops.values()))
        if name not in self.shops:
            raise SettingsError(f"No shop is called {name!r}; there is: {', '.join(sorted(self.shops))}.")
        return self.shops[name]


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


NO_SHOP = (
    "No shop is configured: set WOOCOMMERCE_URL, WOOCOMMERCE_CONSUMER_KEY and WOOCOMMERCE_CONSUMER_SECRET "
    "(in the environment or in .env), or run `regulars demo` to look around."
)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. Raises SettingsError naming each variable that is wrong and what would be right."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(f"Settings cannot be read: {_faults(error)}.") from None
    except NoJson:  # it names the field, never the value; of ours only this one is read as JSON
        raise SettingsError(
            'Settings cannot be read: REGULARS_STATUSES_NOT_COUNTED: write a JSON list, such as ["pending","failed"].'
        ) from None


def _faults(error: ValidationError) -> str:
    """Return what is wrong with which name; values stay out, they may be secrets in the wrong place."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))


def check_timezone(name: str) -> str:
    """Return `name` if it is an IANA time zone, else raise ValueError."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is not an IANA time zone such as Europe/Berlin") from None
    return name


def process_environment(**overrides: str) -> dict[str, str]:
    """Return this process's environment with `overrides`, to start a child process with."""
    return {**os.environ, **overrides}  # noqa: TID251 - this is the one module


def _shops_from_file(settings: Settings) -> dict[str, ShopConfig]:
    try:
        tables = tomllib.loads(settings.shops_file.read_text(encoding="utf-8"))["shops"].items()
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise SettingsError(
            f"{settings.shops_file} cannot be read as shops: {error}. Right is a table [shops.<name>] for each shop."
        ) from None
    return {name: _shop_from_table(settings, name, table) for name, table in tables}


def _shop_from_table(settings: Settings, name: str, written: object) -> ShopConfig:
    try:
        table = ShopTable.model_validate(written)
    except ValidationError as error:
        raise SettingsError(f"{settings.shops_file}: the shop {name!r} cannot be read: {_faults(error)}.") from None
    known = {**dotenv_values(ENV_FILE), **os.environ}  # noqa: TID251 - this is the one module
    names = (table.consumer_key, table.consumer_secret, table.webhook_secret, table.webhook_secret_previous)
    key, secret, webhook, previous = (
        SecretStr(value) if (value := known.get(variable)) else None for variable in names
    )
    return _shop(
        settings,
        name,
        url=table.url,
        key=key,
        secret=secret,
        webhook_secret=webhook,
        previous_webhook_secret=previous,
        keys_in_query=settings.keys_in_query if table.keys_in_query is None else table.keys_in_query,
        ca_file=table.ca_file or settings.ca_file,
        names=names[:2],
        url_named=f"url of the shop {name!r}",
        timezone=table.timezone,
        requests_per_minute=table.requests_per_minute,
        requests_at_once=table.requests_at_once,
    )


def _shop(
    settings: Settings,
    name: str,
    *,
    url: str,
    key: SecretStr | None,
    secret: SecretStr | None,
    webhook_secret: SecretStr | None,
    previous_webhook_secret: SecretStr | None,
    keys_in_query: bool,
    ca_file: Path | None,
    names: tuple[str, str],
    url_named: str = "WOOCOMMERCE_URL",
    timezone: str | None = None,
    requests_per_minute: int | None = None,
    requests_at_once: int | None = None,
) -> ShopConfig:
    if not SHOP_NAME.fullmatch(name):
        raise SettingsError(f"Shop name {name!r}: use up to 40 of a-z, 0-9, - and _.")
    if key is None or secret is None:
        missing = [variable for variable, value in zip(names, (key, secret), strict=True) if value is None]
        raise SettingsError(f"The shop {name!r} has an address but no {' and no '.join(missing)}.")
    return ShopConfig(
        name=name,
        url=_home(url, url_named),
        consumer_key=key,
        consumer_secret=secret,
        webhook_secret=webhook_secret,
        previous_webhook_secret=previous_webhook_secret,
        keys_in_query=keys_in_query,
        most_at_once=settings.most_at_once if requests_at_once is None else requests_at_once,
        requests_per_minute=settings.requests_per_minute if requests_per_minute is None else requests_per_minute,
        timezone=timezone or settings.shop_timezone,
        ca_file=ca_file,
    )


def _home(url: str, named: str) -> str:
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
