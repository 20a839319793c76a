"""A few figures for monitoring, in Prometheus's text format. Nothing in them is about anybody."""

from collections.abc import Iterator
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from regulars.errors import RegularsError
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
    """Return counters of this process, and of each shop the change rows that wait and the age of its last sync."""
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
    waiting, ages = [], []
    for shop in house.shops():
        try:
            manifest = house.manifest(shop)
            number = house.inbox.waiting(shop, manifest.change_seq if manifest else 0)
        except RegularsError:  # what cannot be told is left out: monitoring sees that it is missing
            continue
        waiting.append(f'regulars_change_rows_waiting{{shop="{shop}"}} {number}')
        if manifest:
            age = (now - manifest.synced_at).total_seconds()
            ages.append(f'regulars_last_sync_age_seconds{{shop="{shop}"}} {age:.0f}')
    yield "# TYPE regulars_change_rows_waiting gauge"
    yield from waiting
    yield "# TYPE regulars_last_sync_age_seconds gauge"
    yield from ages
