"""Settings: the only module that reads the environment.

One frozen object, made once per process by `load_settings()`. Variables come from the environment, then from a `.env`
file in the working directory; several shops come from `shops.toml`, whose secrets are *names of variables*.
"""

import os
import re
from datetime import date
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as NoJson

from regulars.configured import SHOP_NAME, Defaults, check_timezone, faults_of, one_shop, shops_in
from regulars.errors import SettingsError
from regulars.models import ShopConfig

ENV_FILE = ".env"
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
        description="What each webhook's secret is derived from; without it deliveries are refused",
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
    email_ignore_dots: bool = Field(
        default=False,
        alias="REGULARS_EMAIL_IGNORE_DOTS",
        description="Take a.nna@gmail.com and anna@gmail.com for one person: dots mean nothing at Gmail",
    )
    email_ignore_tags: bool = Field(
        default=False,
        alias="REGULARS_EMAIL_IGNORE_TAGS",
        description="Take anna+shop@example.com and anna@example.com for one person",
    )
    shared_email_names: int = Field(
        3,
        ge=0,
        le=1000,
        alias="REGULARS_SHARED_EMAIL_NAMES",
        description="A guest's e-mail under which so many last names ordered is shared by strangers; 0: never",
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
        """Return the configured shops by name; empty where none is.

        Of several, one that is half configured is left out, so that it does not hold up the others: `broken_shops` says
        what is wrong with it. Raises SettingsError where no shop is left, or the file of shops cannot be read.
        """
        shops, broken = self._read_shops
        if broken and not shops:
            raise SettingsError(" ".join(broken.values()))
        return shops

    @property
    def broken_shops(self) -> dict[str, str]:
        """Return what is wrong with each shop that is half configured, a sentence by its name."""
        return self._read_shops[1]

    @cached_property
    def _read_shops(self) -> tuple[dict[str, ShopConfig], dict[str, str]]:
        defaults = Defaults(
            most_at_once=self.most_at_once,
            requests_per_minute=self.requests_per_minute,
            timezone=self.shop_timezone,
            ca_file=self.ca_file,
            keys_in_query=self.keys_in_query,
        )
        if self.shops_file.is_file():
            known = {**dotenv_values(ENV_FILE), **os.environ}  # noqa: TID251 - this is the one module
            return shops_in(self.shops_file, known, defaults)
        if not self.woocommerce_url:
            return {}, {}
        shop = one_shop(
            self.shop_name,
            self.woocommerce_url,
            defaults,
            consumer_key=self.consumer_key,
            consumer_secret=self.consumer_secret,
            webhook_secret=self.webhook_secret,
            previous_webhook_secret=self.previous_webhook_secret,
        )
        return {shop.name: shop}, {}

    def shop(self, name: str | None = None) -> ShopConfig:
        """Return the shop called `name`, or the only one. Raises SettingsError where that is not clear."""
        if name in self.broken_shops:
            raise SettingsError(self.broken_shops[name])
        if not self.shops:
            raise SettingsError(NO_SHOP)
        every = ", ".join(sorted({*self.shops, *self.broken_shops}))
        if name is None:
            if len(self.shops) + len(self.broken_shops) > 1:
                raise SettingsError(f"Several shops are configured; name one of: {every} (--shop NAME).")
            return next(iter(self.shops.values()))
        if name not in self.shops:
            raise SettingsError(f"No shop is called {name!r}; there is: {every}.")
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
        raise SettingsError(f"Settings cannot be read: {faults_of(error)}.") from None
    except NoJson:  # it names the field, never the value; of ours only this one is read as JSON
        raise SettingsError(
            'Settings cannot be read: REGULARS_STATUSES_NOT_COUNTED: write a JSON list, such as ["pending","failed"].'
        ) from None


def process_environment(**overrides: str) -> dict[str, str]:
    """Return this process's environment with `overrides`, to start a child process with."""
    return {**os.environ, **overrides}  # noqa: TID251 - this is the one module
