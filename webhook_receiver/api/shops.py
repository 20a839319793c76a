"""Which shops are served, and what is published of each."""

from typing import Any

from fastapi import APIRouter

from webhook_receiver.api.asked import HouseGiven, known_parameters
from webhook_receiver.api.house import House
from webhook_receiver.api.models import Shops
from webhook_receiver.api.problems import documented

router = APIRouter(prefix="/api/shops", tags=["shops"])


@router.get("", response_model=Shops, responses=documented(401, 422, 503), dependencies=[known_parameters()])
def shops(house: HouseGiven) -> dict[str, Any]:
    """Return the shops with what is published of each."""
    return {"shops": [_shop(house, name) for name in house.shops()]}


def _shop(house: House, name: str) -> dict[str, Any]:
    manifest = house.manifest(name)
    return {
        "name": name,
        "configured": name in house.settings.shops,
        "title": manifest.shop_name if manifest else None,
        "timezone": manifest.timezone if manifest else None,
        "as_of": manifest.as_of if manifest else None,
        "synced": manifest.synced_at if manifest else None,
        "version": manifest.version if manifest else None,
    }
