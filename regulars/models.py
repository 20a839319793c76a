"""What crosses a border between processes or packages: frozen, validated, without behaviour."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr


class Model(BaseModel):
    """Base of all of them: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


EventKind = Literal[
    "created", "edited", "tag_added", "tag_removed", "hidden", "shown", "merged", "separated", "rejoined"
]


class ShopConfig(Model):
    """One shop as configured. `name` is a slug used in paths, routes and partition keys.

    `url` is the shop's home address without `/wp-json`, without a trailing slash.
    `requests_per_minute` 0 means no limit of ours. `timezone` overrides what the shop's index says.
    `ca_file` is a PEM bundle to trust in place of the system's (a private CA). `previous_webhook_secret` is accepted
    beside the present one while a secret is being replaced. `keys_in_query` sends the key in the address over HTTPS,
    for hosts that strip the Authorization header. At most `most_at_once` requests are under way at a time.
    """

    name: str
    url: str
    consumer_key: SecretStr
    consumer_secret: SecretStr
    webhook_secret: SecretStr | None = None
    previous_webhook_secret: SecretStr | None = None
    keys_in_query: bool = False
    most_at_once: int = 4
    requests_per_minute: int = 0
    timezone: str | None = None
    ca_file: Path | None = None


class ChangeRow(Model):
    """One verified webhook delivery as committed by the receiver.

    `seq` grows by commit order (gaps allowed). `topic` is `order.updated` and the like; `resource` is `order` or
    `customer`; `resource_id` the id in the shop. `body` is the raw bytes that were signed. Times are UTC.
    `reason` is set on dead letters only: why the row cannot be merged (such rows are never handed to a sync).
    `webhook_id` and `delivery_id` are what the shop calls them, where it said so: they help to find a delivery again.
    """

    seq: int
    shop: str
    topic: str
    resource: str
    resource_id: int
    received_at: datetime
    body: bytes
    reason: str | None = None
    webhook_id: str | None = None
    delivery_id: str | None = None


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
    `total` is None while unknown. `message` is the sentence for people once the state is `failed`, or what a run that is
    `done` warns of. `per_minute` is how many rows of this stage a minute were done over the last minute or so,
    `seconds_left` how long the rest of it will take at that rate; both None while unknown.
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
    per_minute: float | None = None
    seconds_left: float | None = None


class PersonEvent(Model):
    """Something that was done about a person here, for the timeline. `at` is UTC.

    `kind` is one of `EventKind`; `detail` says on what: the tag as shown, or the edited fields' names, comma separated
    (never their values). Notes are not events: they carry their own dates.
    """

    id: int
    shop: str
    customer_key: str
    at: datetime
    author: str
    kind: EventKind
    detail: str = ""


class Hidden(Model):
    """A person who was deleted here: in no list, count or segment until shown again. `at` is UTC."""

    customer_key: str
    at: datetime
    author: str


DecisionKind = Literal["merged", "separated"]


class IdentityDecision(Model):
    """What a person decided about who is who; it holds until it is undone. Times are UTC.

    "merged": `identity` (a customer key) and all that belongs to it belong to `into`. "separated": `identity` (an
    account, a guest's e-mail, a nameless order) is a person of its own, whatever the rules say; `into` is `identity`.
    """

    id: int
    shop: str
    kind: DecisionKind
    identity: str
    into: str
    author: str
    at: datetime
    undone_at: datetime | None = None
    undone_by: str | None = None


class TagChange(Model):
    """One bulk change of a tag, which can be undone once. `people` counts those whom it changed; times are UTC."""

    id: int
    shop: str
    tag: str
    action: Literal["add", "remove"]
    people: int
    author: str
    at: datetime
    undone_at: datetime | None = None


SyncKind = Literal["pull", "full", "changes", "reconcile"]
ObjectKind = Literal["order", "customer", "refund", "product"]
DriftKind = Literal["missing", "extra", "trash", "status", "owner", "total", "refunds", "date", "body"]


class Drift(Model):
    """How many records of one kind differed from the shop in one way, before a reconcile and after it.

    `kind`: "missing" here, "extra" here (the shop has it no more), in the "trash" on one side only, another "status",
    "owner" (`customer_id`), "total", other "refunds", another modification "date" alone, or the "body" alone. A record
    that differs in several ways is counted once, under the first of these.
    """

    object: ObjectKind
    kind: DriftKind
    before: int
    after: int


class SyncRun(Model):
    """One sync as it ended, for the history that screens and `GET /api/customers/sync` show.

    `customers` and `orders` count rows upserted from the shop; `seconds` is wall time; `message` is the sentence of a
    failure, or what a sync that ended well warns of. `kind` is "pull" (what changed), "full" (everything), "changes"
    (change rows alone) or "reconcile" (everything compared). `drift` is what a reconcile found, one entry a kind that
    occurred: empty means that nothing differed, None that nothing was compared.
    """

    shop: str
    run_id: str
    kind: SyncKind
    status: Literal["success", "failure"]
    started_at: datetime
    finished_at: datetime
    customers: int = 0
    orders: int = 0
    seconds: float = 0.0
    message: str = ""
    drift: tuple[Drift, ...] | None = None


WebhookStatus = Literal["active", "paused", "disabled", "absent"]


class WebhookState(Model):
    """One of our webhooks as the shop last showed it. `checked_at` is UTC.

    `status` is the shop's word ("active", "paused", "disabled"), or "absent" where a topic has no webhook of ours.
    `webhook_id` is the id in the shop.
    """

    topic: str
    status: WebhookStatus
    webhook_id: int | None = None
    checked_at: datetime


class Fingerprint(Model):
    """What tells one shop from another, and what its figures hang on. `seen_at` is UTC.

    `home` is the home address that the shop gives itself, without scheme and trailing slash; `currency` its ISO 4217
    code, None where it could not be learnt; `timezone` its IANA zone.
    """

    home: str
    currency: str | None
    timezone: str
    seen_at: datetime


class CheckResult(Model):
    """How one check ended when it last ran. `detail` has counts, never values of people. `at` is UTC."""

    suite: str
    name: str
    passed: bool
    detail: str = ""
    at: datetime
    run_id: str | None = None


class ApiToken(Model):
    """A bearer token as it is kept: never the secret itself. `name` says who has it; times are UTC."""

    id: int
    name: str
    created_at: datetime
    revoked_at: datetime | None = None
