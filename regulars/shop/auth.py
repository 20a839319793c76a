"""How a request proves who it is: Basic over https, OAuth 1.0a (one-legged, HMAC-SHA256, in the query) over http.

WooCommerce ignores Basic over plain http without a word, and its OAuth signs the address it was called by. A signature
is good once: each request, also each retry and each page, is signed anew. Over https WooCommerce also takes the key from
the address, for hosts that strip the Authorization header; it does so only where the settings say so.
"""

import logging
from typing import Final

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_QUERY
from pydantic import SecretStr
from requests import PreparedRequest
from requests.auth import AuthBase, HTTPBasicAuth
from requests_oauthlib import OAuth1

from regulars.errors import SettingsError
from regulars.models import ShopConfig

# Each may write whole addresses, which hold a signature or a key: the first ones at DEBUG, the others with a warning too.
TALKATIVE: Final = {
    "requests_oauthlib": logging.INFO,
    "oauthlib": logging.INFO,
    "urllib3.connectionpool": logging.ERROR,
    "urllib3.connection": logging.ERROR,
}


class KeyInQuery(AuthBase):
    """Puts the key into the address of each request, as WooCommerce reads it there over https."""

    def __init__(self, key: SecretStr, secret: SecretStr) -> None:
        self._key, self._secret = key, secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Return the request with the key in its address. Raises SettingsError over http, where it would lie open."""
        if not (request.url or "").startswith("https://"):
            raise SettingsError("WOOCOMMERCE_KEYS_IN_QUERY needs an https address.")
        keys = {"consumer_key": self._key.get_secret_value(), "consumer_secret": self._secret.get_secret_value()}
        request.prepare_url(request.url, keys)
        return request


def shop_auth(shop: ShopConfig) -> AuthBase:
    """Return what signs the requests to `shop`, by the scheme of its address."""
    if shop.keys_in_query:
        return KeyInQuery(shop.consumer_key, shop.consumer_secret)
    key, secret = shop.consumer_key.get_secret_value(), shop.consumer_secret.get_secret_value()
    if shop.url.startswith("https://"):
        return HTTPBasicAuth(key, secret)
    signer: AuthBase = OAuth1(
        key, client_secret=secret, signature_method=SIGNATURE_HMAC_SHA256, signature_type=SIGNATURE_TYPE_QUERY
    )
    return signer


def hush() -> None:
    """Keep the libraries below from writing signed addresses and bodies to the log."""
    for name, level in TALKATIVE.items():
        logging.getLogger(name).setLevel(level)
