"""What crosses a border between processes or packages: frozen, validated, without behaviour."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr


class Model(BaseModel):
    """Base of all of them: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ShopConfig(Model):
    """One shop as configured. `name` is a slug used in paths, routes and partition keys.

    `url` is the shop's home address without `/wp-json`, without a trailing slash.
    `requests_per_minute` 0 means no limit of ours. `timezone` overrides what the shop's index says.
    `ca_file` is a PEM bundle to trust in place of the system's (a private CA).
    """

    name: str
    url: str
    consumer_key: SecretStr
    consumer_secret: SecretStr
    webhook_secret: SecretStr | None = None
    requests_per_minute: int = 0
    timezone: str | None = None
    ca_file: Path | None = None


class ChangeRow(Model):
    """One verified webhook delivery as committed by the receiver.

    `seq` grows by commit order (gaps allowed). `topic` is `order.updated` and the like; `resource` is `order` or
    `customer`; `resource_id` the id in the shop. `body` is the raw bytes that were signed. Times are UTC.
    `reason` is set on dead letters only: why the row cannot be merged (such rows are never handed to a sync).
    """

    seq: int
    shop: str
    topic: str
    resource: str
    resource_id: int
    received_at: datetime
    body: bytes
    reason: str | None = None


class Note(Model):
    """An internal note on a person. Times are UTC; `version` starts at 1 and grows with each edit."""

    id: int
    shop: str
    customer_key: str
    text: str
    author: str
    created_at: datetime
    edited_at: datetime | None = None
    version: int = 1


class Segment(Model):
    """A saved rule. `id` is a slug, unique within the shop. `rule` is the rule's text in its canonical form."""

    id: str
    shop: str
    name: str
    rule: str
    description: str = ""
    created_at: datetime
    edited_at: datetime | None = None
    version: int = 1


class SyncProgress(Model):
    """Where a sync stands, as written to `REGULARS_DATA/progress/<shop>.json` and shown on screens.

    `stage` names the step in plain words ("orders", "customers", "marts" …); `done` of `total` counts its rows,
    `total` is None while unknown. `message` is the sentence for people once the state is `failed`.
    """

    shop: str
    state: Literal["running", "done", "failed"]
    stage: str
    done: int = 0
    total: int | None = None
    message: str = ""
    started_at: datetime
    updated_at: datetime
    run_id: str | None = None
