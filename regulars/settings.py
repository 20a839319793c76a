"""Settings: the only module that reads the environment.

One frozen object, made once per process by `load_settings()`. Variables come from the environment, then from a `.env`
file in the working directory; several shops come from `shops.toml`, whose secrets are *names of variables*.
"""

import os
import re
import tomllib
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from regulars.errors import SettingsError
from regulars.models import ShopConfig

ENV_FILE = ".env"
SHOP_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
NOT_COUNTED = ("pending", "cancelled", "failed", "checkout-draft", "trash")


class Settings(BaseSettings):
    """All settings of Regulars. Names of variables stand in the aliases; `.env.example` documents each."""

    model_config = SettingsConfigDict(env_file=ENV_FILE, frozen=True, extra="ignore", populate_by_name=True)

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
        100, ge=1, le=10_000, alias="REGULARS_PAGE_SIZE_MAX", description="Most rows a page that a caller may ask for"
    )
    published_keep: int = Field(
        3, ge=2, le=100, alias="REGULARS_PUBLISHED_KEEP", description="Published versions kept per shop"
    )
    user: str = Field(
        "analyst", min_length=1, max_length=80, alias="REGULARS_USER", description="Name written beside notes and tags"
    )

    @field_validator("shop_name")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not SHOP_NAME.fullmatch(value):
            raise ValueError("use up to 40 of a-z, 0-9, - and _")
        return value

    @field_validator("shop_timezone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None:
            check_timezone(value)
        return value

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


NO_SHOP = (
    "No shop is configured: set WOOCOMMERCE_URL, WOOCOMMERCE_CONSUMER_KEY and WOOCOMMERCE_CONSUMER_SECRET "
    "(in the environment or in .env), or run `regulars demo` to look around."
)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings. Raises SettingsError naming each variable that is wrong and what would be right."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise SettingsError(f"Settings cannot be read: {wrong}.") from None


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
        tables = tomllib.loads(settings.shops_file.read_text())["shops"].items()
    except (OSError, tomllib.TOMLDecodeError, KeyError, AttributeError) as error:
        raise SettingsError(
            f"{settings.shops_file} cannot be read as shops: {error}. Right is a table [shops.<name>] for each shop."
        ) from None
    return {name: _shop_from_table(settings, name, table) for name, table in tables}


def _shop_from_table(settings: Settings, name: str, table: dict[str, Any]) -> ShopConfig:
    known = {**dotenv_values(ENV_FILE), **os.environ}  # noqa: TID251 - this is the one module
    names = tuple(table.get(field, "") for field in ("consumer_key", "consumer_secret", "webhook_secret"))
    key, secret, webhook = (SecretStr(value) if (value := known.get(variable)) else None for variable in names)
    return _shop(
        settings,
        name,
        url=table.get("url", ""),
        key=key,
        secret=secret,
        webhook_secret=webhook,
        names=(names[0] or f"shops.{name}.consumer_key", names[1] or f"shops.{name}.consumer_secret"),
        timezone=table.get("timezone"),
        requests_per_minute=table.get("requests_per_minute"),
    )


def _shop(
    settings: Settings,
    name: str,
    *,
    url: str,
    key: SecretStr | None,
    secret: SecretStr | None,
    webhook_secret: SecretStr | None,
    names: tuple[str, str],
    timezone: str | None = None,
    requests_per_minute: int | None = None,
) -> ShopConfig:
    if not SHOP_NAME.fullmatch(name):
        raise SettingsError(f"Shop name {name!r}: use up to 40 of a-z, 0-9, - and _.")
    if key is None or secret is None:
        missing = [variable for variable, value in zip(names, (key, secret), strict=True) if value is None]
        raise SettingsError(f"The shop {name!r} has an address but no {' and no '.join(missing)}.")
    return ShopConfig(
        name=name,
        url=_home(url),
        consumer_key=key,
        consumer_secret=secret,
        webhook_secret=webhook_secret,
        requests_per_minute=settings.requests_per_minute if requests_per_minute is None else requests_per_minute,
        timezone=timezone or settings.shop_timezone,
        ca_file=settings.ca_file,
    )


def _home(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("WOOCOMMERCE_URL must be an address such as https://shop.example.com.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError("WOOCOMMERCE_URL must hold no user, password, query or fragment: only the home address.")
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/").removesuffix("/wp-json").rstrip("/")
