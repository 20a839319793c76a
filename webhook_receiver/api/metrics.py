"""A few figures for monitoring, in Prometheus's text format. Nothing in them is about anybody."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Final, get_args

from fastapi import APIRouter, Response

from regulars.errors import RegularsError
from regulars.models import DriftKind, ObjectKind
from webhook_receiver.api.asked import HouseGiven, known_parameters
from webhook_receiver.api.house import House
from webhook_receiver.api.problems import documented
from webhook_receiver.counters import DELIVERIES, Counters

router = APIRouter(tags=["monitoring"])
REQUESTS = Counters()
TEXT = "text/plain; version=0.0.4"
OUTCOMES = ("processed", "duplicate", "ignored", "refused", "failed")


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        **documented(401, 422, 503),
        200: {"description": "Prometheus text", "content": {TEXT: {"schema": {"type": "string"}}}},
    },
    dependencies=[known_parameters()],
)
def metrics(house: HouseGiven) -> Response:
    """Return counters of this process, and figures of each shop.

    Of a shop: change rows that wait, dead letters, the age of its last sync and of its last reconcile, the records that
    differed after that (by object and kind, 0 among them), and whether each webhook is active. What cannot be told, or
    was never compared, is left out: monitoring sees that it is missing.
    """
    lines = [*_of_process(), *_of_shops(house, datetime.now(UTC))]
    return Response("\n".join([*lines, ""]), headers={"Content-Type": TEXT})


def _of_process() -> Iterator[str]:
    yield "# TYPE regulars_deliveries_total counter"
    deliveries = DELIVERIES.counts()
    for outcome in OUTCOMES:
        yield f'regulars_deliveries_total{{outcome="{outcome}"}} {deliveries.get(outcome, 0)}'
    yield "# TYPE regulars_api_requests_total counter"
    for status, number in sorted(REQUESTS.counts().items()):
        yield f'regulars_api_requests_total{{status="{status}"}} {number}'


def _of_shops(house: House, now: datetime) -> Iterator[str]:
    for name, tell in GAUGES.items():
        yield f"# TYPE {name} gauge"
        for shop in house.shops():
            try:
                yield from [_line(name, value, shop=shop, **labels) for labels, value in tell(house, shop, now)]
            except RegularsError:  # what cannot be told is left out: monitoring sees that it is missing
                continue


def _line(name: str, value: float, **labels: str) -> str:
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{told}}} {value:.0f}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


Figures = Iterator[tuple[dict[str, str], float]]


def _waiting(house: House, shop: str, _: datetime) -> Figures:
    manifest = house.manifest(shop)
    yield {}, house.inbox.waiting(shop, manifest.change_seq if manifest else 0)


def _dead(house: House, shop: str, _: datetime) -> Figures:
    yield {}, house.inbox.dead_letter_count(shop)


def _synced(house: House, shop: str, now: datetime) -> Figures:
    if manifest := house.manifest(shop):
        yield {}, (now - manifest.synced_at).total_seconds()


def _compared(house: House, shop: str, now: datetime) -> Figures:
    if run := house.records.last_compared(shop):
        yield {}, (now - run.finished_at).total_seconds()


def _drift(house: House, shop: str, _: datetime) -> Figures:
    run = house.records.last_compared(shop)
    if run is None or run.drift is None:
        return
    left = {(each.object, each.kind): each.after for each in run.drift}
    for of, kind in product(get_args(ObjectKind), get_args(DriftKind)):
        yield {"object": of, "kind": kind}, left.get((of, kind), 0)


def _webhooks(house: House, shop: str, _: datetime) -> Figures:
    for webhook in house.records.webhooks(shop):
        yield {"topic": webhook.topic}, webhook.status == "active"


GAUGES: Final[dict[str, Callable[[House, str, datetime], Figures]]] = {
    "regulars_change_rows_waiting": _waiting,
    "regulars_dead_letters": _dead,
    "regulars_last_sync_age_seconds": _synced,
    "regulars_last_reconcile_age_seconds": _compared,
    "regulars_drift": _drift,
    "regulars_webhook_active": _webhooks,
}
