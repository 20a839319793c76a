"""The only place where the demo shop reads its environment: keys and the webhook secret, never on a command line.

The rest of the project reads the environment in one module of its own, which the demo shop does not import: it
shares no code with what it is used to test.
"""

import os

from demo_shop.model import ApiKey
from demo_shop.store import DEMO_KEY


def api_key() -> ApiKey:
    """Return the key of ``DEMO_SHOP_CONSUMER_KEY`` and ``DEMO_SHOP_CONSUMER_SECRET``, else the demo's own."""
    return ApiKey(
        _read("DEMO_SHOP_CONSUMER_KEY") or DEMO_KEY.consumer_key,
        _read("DEMO_SHOP_CONSUMER_SECRET") or DEMO_KEY.consumer_secret,
    )


def webhook_secret() -> str:
    """Return ``DEMO_SHOP_WEBHOOK_SECRET``: what webhooks are signed with that are created without a secret."""
    return _read("DEMO_SHOP_WEBHOOK_SECRET")


def _read(name: str) -> str:
    return os.environ.get(name, "").strip()  # noqa: TID251 - see the module's docstring
