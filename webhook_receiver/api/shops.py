"""Which shops are served, what is published of each, and how its copy stands."""

from typing import Any

from fastapi import APIRouter

from webhook_receiver.api.asked import HouseGiven, known_parameters
from webhook_receiver.api.house import House
from webhook_receiver.api.models import Shops, result_of
from webhook_receiver.api.problems import documented

router = APIRouter(prefix="/api/shops", tags=["shops"])


@router.get("", response_model=Shops, responses=documented(401, 422, 503), dependencies=[known_parameters()])
def shops(house: HouseGiven) -> dict[str, Any]:
    """Return the shops with what is published of each, and how its copy stands."""
    return {"shops": [_shop(house, name) for name in house.shops()]}


def _shop(house: House, name: str) -> dict[str, Any]:
    manifest, records = house.manifest(name), house.records
    last, compared = records.syncs(name, limit=1), records.last_compared(name)
    return {
        "name": name,
        "configured": name in house.settings.shops,
        "title": manifest.shop_name if manifest else None,
        "timezone": manifest.timezone if manifest else None,
        "as_of": manifest.as_of if manifest else None,
        "synced": manifest.synced_at if manifest else None,
        "version": manifest.version if manifest else None,
        "last_sync": result_of(last[0]) if last else None,
        "last_reconcile": result_of(compared) if compared else None,
        "webhooks": [
            {"topic": one.topic, "status": one.status, "id": one.webhook_id, "checked": one.checked_at}
            for one in records.webhooks(name)
        ],
        "waiting": house.inbox.waiting(name, manifest.change_seq if manifest else 0),
        "dead_letters": house.inbox.dead_letter_count(name),
    }
