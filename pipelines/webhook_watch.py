"""Watches our webhooks in the shops: WooCommerce disables one after seven failures in a row, and tells nobody.

A sensor rather than a job: a look is one request a shop, while a run costs a process and lasting rows in Dagster's store.
It remembers how it found the webhooks, since what matters is that one was active and no longer is.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

import dagster as dg
import orjson

from pipelines.resources.deployment import Deployment
from pipelines.runs import under_way
from regulars.errors import RegularsError, SettingsError, ShopRefused
from regulars.models import ShopConfig, WebhookState
from regulars.settings import NO_SHOP, Settings

if TYPE_CHECKING:
    from regulars.shop.webhooks import Webhooks

log = logging.getLogger("regulars")

EVERY_SECONDS = 600
# Dagster gives a sensor 60 s. Shops are asked side by side, so that one that hangs holds up none of the others.
LOOK_SECONDS = 30.0
TIMEOUT = (5.0, 20.0)


@dataclass(frozen=True)
class Before:
    """How a shop's webhooks were found the last time: status by topic; `refused`: the key may not see them.

    `owed` names the topics that fell silent while a run of the shop was under way: their pull is still to come.
    """

    statuses: Mapping[str, str] = field(default_factory=dict)
    refused: bool = False
    owed: Sequence[str] = ()


def webhook_sensor(job_name: str) -> dg.SensorDefinition:
    """Return the sensor that looks after the webhooks and pulls, once, where one has fallen silent."""

    @dg.sensor(
        name="webhook_watch",
        job_name=job_name,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Asks each shop how our webhooks stand, for the screens. Where one that was active is paused, disabled or "
            "gone, it says so on the raw tables and pulls what was not told."
        ),
    )
    def webhook_watch(context: dg.SensorEvaluationContext, deployment: Deployment) -> dg.SensorResult | dg.SkipReason:
        settings = deployment.settings
        if not settings.shops:
            return dg.SkipReason(NO_SHOP)
        known = _from_cursor(context.cursor)
        found = look_at_all(settings, LOOK_SECONDS)
        now = {shop: judged(shop, known.get(shop, Before()), found.get(shop)) for shop in settings.shops}
        _remember(
            deployment, {shop: seen.states for shop, seen in found.items() if not isinstance(seen, RegularsError)}
        )
        fallen = {shop: topics for shop in now if (topics := silent(known.get(shop, Before()), now[shop]))}
        owed = {shop: [*known.get(shop, Before()).owed, *fallen.get(shop, ())] for shop in now}
        due = {shop: topics for shop, topics in owed.items() if topics and not under_way(context.instance, shop)}
        later = {shop: replace(seen, owed=[] if shop in due else owed[shop]) for shop, seen in now.items()}
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    partition_key=shop, tags={"regulars/why": f"not told any more: {', '.join(topics)}"[:255]}
                )
                for shop, topics in due.items()
            ],
            skip_reason=None if due else _summary(now, found),
            cursor=_to_cursor(later),
            asset_events=[note for shop, topics in fallen.items() for note in _notes(shop, topics, now[shop])],
        )

    return webhook_watch


def look_at_all(settings: Settings, seconds: float) -> dict[str, "Webhooks | RegularsError"]:
    """Return our webhooks in each shop, or why they could not be read; a shop that took longer than that is left out."""
    found: dict[str, Webhooks | RegularsError] = {}

    def ask(shop: ShopConfig) -> None:
        try:
            found[shop.name] = _look(settings, shop)
        except RegularsError as error:
            found[shop.name] = error

    asking = [
        Thread(target=ask, args=(shop,), name=f"webhooks {shop.name}", daemon=True) for shop in settings.shops.values()
    ]
    for thread in asking:
        thread.start()
    deadline = monotonic() + seconds
    for thread in asking:
        thread.join(max(0.0, deadline - monotonic()))
    return dict(found)


def judged(shop: str, before: Before, found: "Webhooks | RegularsError | None") -> Before:
    """Return what to remember of a shop, each change said once in the log. A shop that did not answer stays as it was."""
    if isinstance(found, ShopRefused):
        if not before.refused:
            log.warning(
                "The state of the webhooks of %s is not known: the key may not see them. %s", shop, found.message
            )
        return Before(before.statuses, refused=True)
    if found is None or isinstance(found, RegularsError):
        return before
    now = {state.topic: state.status for state in found.states}
    for topic, status in now.items():
        was = before.statuses.get(topic)
        if was is not None and was != status:
            say = log.info if status == "active" else log.warning
            say("The webhook %s of %s was %s and is %s now.", topic, shop, was, status)
    return Before(now)


def silent(before: Before, now: Before) -> list[str]:
    """Return the topics whose webhook was active and is not any more.

    >>> silent(Before({"a": "active", "b": "paused"}), Before({"a": "disabled", "b": "disabled"}))
    ['a']
    """
    return [
        topic for topic, status in now.statuses.items() if status != "active" and before.statuses.get(topic) == "active"
    ]


def _look(settings: Settings, shop: ShopConfig) -> "Webhooks":
    """Ask one shop, once. Raises ShopError, SettingsError."""
    from regulars.shop.client import ShopClient
    from regulars.shop.webhooks import delivery_base, look

    try:
        base = delivery_base(shop.name, settings.public_url)
    except SettingsError:  # where we are reached is not said: any webhook of ours counts
        base = None
    with closing(ShopClient(shop, patience=0.0, timeout=TIMEOUT)) as client:
        return look(client, shop.name, base)


def _remember(deployment: Deployment, states: Mapping[str, Sequence[WebhookState]]) -> None:
    """Let the screens know. They do without where the records cannot be written."""
    from regulars.records import open_records

    if not states:
        return
    try:
        with open_records(deployment.settings) as records:
            for shop, seen in states.items():
                records.set_webhooks(shop, seen)
    except RegularsError as error:
        log.warning("How the webhooks stand could not be written for the screens. %s", error.sentence())


def _notes(shop: str, topics: Sequence[str], now: Before) -> Iterable[dg.AssetObservation]:
    """Yield what Dagster shows beside the raw tables that are told of no more."""
    for table in dict.fromkeys(f"{topic.partition('.')[0]}s" for topic in topics):
        mine = [topic for topic in topics if table.startswith(topic.partition(".")[0])]
        yield dg.AssetObservation(
            asset_key=["raw", table],
            partition=shop,
            description=(
                "The shop tells us of changes no more: run `regulars webhooks repair`. A pull follows; what it cannot "
                "see, the next reconcile finds."
            ),
            metadata={topic: now.statuses[topic] for topic in mine},
        )


def _summary(now: Mapping[str, Before], found: Mapping[str, "Webhooks | RegularsError"]) -> str:
    """Return one sentence on how things stand, for Dagster's list of ticks."""
    asked = [shop for shop, seen in found.items() if not isinstance(seen, RegularsError)]
    wrong = sum(status != "active" for shop in asked for status in now[shop].statuses.values())
    return f"Shops that answered: {len(asked)} of {len(now)}; webhooks that are not active: {wrong}."


def _from_cursor(text: str | None) -> dict[str, Before]:
    return {shop: Before(**kept) for shop, kept in orjson.loads(text).items()} if text else {}


def _to_cursor(now: Mapping[str, Before]) -> str:
    return orjson.dumps(now).decode()
