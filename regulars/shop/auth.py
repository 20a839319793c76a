"""How a request proves who it is: Basic over https, OAuth 1.0a (one-legged, HMAC-SHA256, in the query) over http.

WooCommerce ignores Basic over plain http without a word, and its OAuth signs the address it was called by. A signature
is good once: each request, also each retry and each page, is signed anew.
"""

import logging
from typing import Final

from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, SIGNATURE_TYPE_QUERY
from requests.auth import AuthBase, HTTPBasicAuth
from requests_oauthlib import OAuth1

from regulars.models import ShopConfig

TALKATIVE: Final = ("requests_oauthlib", "oauthlib", "urllib3.connectionpool")


def shop_auth(shop: ShopConfig) -> AuthBase:
    """Return what signs the requests to `shop`, by the scheme of its address."""
    key, secret = shop.consumer_key.get_secret_value(), shop.consumer_secret.get_secret_value()
    if shop.url.startswith("https://"):
        return HTTPBasicAuth(key, secret)
    signer: AuthBase = OAuth1(
        key, client_secret=secret, signature_method=SIGNATURE_HMAC_SHA256, signature_type=SIGNATURE_TYPE_QUERY
    )
    return signer


def hush() -> None:
    """Keep the libraries below from writing signed addresses and bodies to the log at level DEBUG."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO)
