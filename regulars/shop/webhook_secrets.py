"""Which secrets a delivery may be signed with, for each endpoint: a shop and a topic.

The headers of a delivery, its topic among them, are not signed. So each webhook that we install has a secret of its own,
derived from the shop's: what is signed for one endpoint is worth nothing at another. Webhooks made by hand have the
shop's secret as it stands, which is good at every endpoint of the shop.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable

from pydantic import SecretStr

from regulars.models import ShopConfig

# Where the receiver takes deliveries: of the only shop, and below it `/<shop>/<topic>`.
RECEIVER_PATH = "/api/customers/webhooks"


def derived_secret(secret: str, shop: str, topic: str) -> str:
    r"""Return the secret of one endpoint: base64url, without padding, of HMAC-SHA256 keyed with the shop's secret.

    What is hashed is `regulars webhook 1`, the shop's name and the topic, a line each. The text returned is the key.

    >>> derived_secret("whsec", "shop", "order.updated")
    'sDV4vyQGr7m4J-M86oJ-HwI9efhEJQe4BOIPR0sT3MY'
    """
    message = f"regulars webhook 1\n{shop}\n{topic}".encode()
    return urlsafe_b64encode(hmac.digest(secret.encode(), message, "sha256")).rstrip(b"=").decode()


def present_secret(shop: ShopConfig) -> str:
    """Return the shop's webhook secret as it stands; empty where there is none. A blank one is none: anybody could sign."""
    return _text(shop.webhook_secret)


def accepted_secrets(shop: ShopConfig, topic: str | None) -> tuple[str, ...]:
    """Return the secrets of a delivery at the endpoint of `topic`, at most four; `topic` None is the one-shop address.

    The likeliest is first. While a secret is being replaced the one before is accepted likewise. Empty where the shop has
    no secret: nothing can be verified then.
    """
    given = [secret for secret in (present_secret(shop), _text(shop.previous_webhook_secret)) if secret]
    derived: Iterable[str] = () if topic is None else (derived_secret(secret, shop.name, topic) for secret in given)
    return (*derived, *given)


def _text(secret: SecretStr | None) -> str:
    value = secret.get_secret_value() if secret else ""
    return value if value.strip() else ""
