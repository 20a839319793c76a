"""Syncs: starting one through Dagster and waiting for its end, and how the last one ended."""

import asyncio
import time
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool

from regulars.dagster import Run, outcome
from regulars.errors import RecordNotFound
from webhook_receiver.api.asked import HouseGiven, ShopAsked, SyncAsked, no_body
from webhook_receiver.api.house import House
from webhook_receiver.api.models import SyncResult, SyncRunning, result_of
from webhook_receiver.api.problems import documented

router = APIRouter(prefix="/api/customers/sync", tags=["sync"])
EVERY_SECONDS: Final = 0.5
ENDINGS = documented(400, 401, 403, 408, 413, 415, 422, 502, 503)


@router.post(
    "",
    response_model=SyncResult | SyncRunning,
    responses={
        **ENDINGS,
        200: {"description": "It ended well", "model": SyncResult},
        202: {"description": "It is still under way", "model": SyncRunning},
    },
    dependencies=[Depends(no_body)],
)
async def start(house: HouseGiven, asked: SyncAsked, response: Response) -> dict[str, Any]:
    """Start a sync and answer with its outcome: how many customers and orders were upserted, what a reconcile found.

    202 once `wait` seconds are over: `GET` tells of the end. Where another sync of the shop is under way it runs first.
    """
    shop = (await run_in_threadpool(house.configured, asked.shop)).name
    start_run = partial(house.dagster.start_sync, shop, full=asked.full, reconcile=asked.reconcile)
    run_id = await run_in_threadpool(start_run)
    run = await _ended(house, run_id, asked.wait)
    if run is None:
        response.status_code = 202
        return {"status": "running", "run_id": run_id, "shop": shop}
    told = await run_in_threadpool(outcome, run, shop, records=house.records, paths=house.paths)
    return result_of(told) if told is not None else _untold(run, shop)


async def _ended(house: House, run_id: str, seconds: float) -> Run | None:
    """Return the run once it has ended, None after `seconds`. No thread is held while waiting."""
    deadline = time.monotonic() + seconds
    while not (run := await run_in_threadpool(house.dagster.run, run_id)).ended:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        await asyncio.sleep(min(EVERY_SECONDS, left))
    return run


@router.get("", response_model=SyncResult, responses=documented(401, 404, 422, 503))
def last(house: HouseGiven, asked: ShopAsked) -> dict[str, Any]:
    """Return how the last sync of the shop ended. 404 before the first one has."""
    shop = house.shop(asked.shop)
    runs = house.records.syncs(shop, limit=1)
    if not runs:
        raise RecordNotFound("No sync of this shop has ended yet.")
    return result_of(runs[0])


def _untold(run: Run, shop: str) -> dict[str, Any]:
    """Return what is known of a run that went well and could not be written into the history."""
    seconds = (run.ended_at - run.started_at).total_seconds() if run.ended_at and run.started_at else 0.0
    return {
        "status": "success",
        "synced_count": None,
        "orders_count": None,
        "seconds": round(seconds, 3),
        "run_id": run.run_id,
        "shop": shop,
        "kind": None,
        "drift": None,
        "started": run.started_at,
        "finished": run.ended_at,
    }
