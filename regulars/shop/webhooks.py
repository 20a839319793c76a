"""Creating the webhooks in the shop that tell us of changes."""

from contextlib import closing

from regulars.errors import SettingsError
from regulars.inbox import TOPICS
from regulars.models import ShopConfig
from regulars.shop.client import ShopClient


def install_webhooks(shop: ShopConfig, delivery_base: str) -> int:
    """Create the topics that the shop does not deliver to `<delivery_base>/<topic>` yet; return how many.

    Needs a key that may write. The topic stands in the address since the headers of a delivery are not signed.
    Raises SettingsError without a webhook secret, or ShopError.
    """
    if shop.webhook_secret is None:
        raise SettingsError("Webhooks need WOOCOMMERCE_WEBHOOK_SECRET: any long random text.")
    with closing(ShopClient(shop)) as client:
        known = {
            (hook["topic"], hook["delivery_url"])
            for page in client.pages("webhooks", {"status": "active"})
            for hook in page.items
        }
        missing = [topic for topic in TOPICS if (topic, f"{delivery_base}/{topic}") not in known]
        for topic in missing:
            client.post(
                "webhooks",
                {
                    "name": f"Regulars: {topic}",
                    "topic": topic,
                    "delivery_url": f"{delivery_base}/{topic}",
                    "secret": shop.webhook_secret.get_secret_value(),
                    "status": "active",
                },
            )
    return len(missing)
