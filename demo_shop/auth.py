"""Who is asking: keys over HTTPS, OAuth 1.0a signatures over HTTP, checked in the order WooCommerce checks them."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from demo_shop import errors
from demo_shop.model import ApiKey
from demo_shop.params import Raw, parse_query

WINDOW = 15 * 60
"""Seconds a signature's timestamp may differ from the shop's clock."""

_NEEDED = (
    "oauth_consumer_key",
    "oauth_timestamp",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
)
_DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Signed:
    """What of a request takes part in authentication. ``host`` is the ``Host`` header, as the client wrote it."""

    scheme: str
    host: str
    method: str
    path: str
    query: str
    authorization: str


@dataclass(slots=True)
class Gate:
    """Checks requests against the shop's keys and remembers the nonces of the last 15 minutes."""

    keys: Mapping[str, ApiKey]
    _nonces: dict[tuple[str, str], int] = field(default_factory=dict)

    def key_of(self, request: Signed, now: int) -> ApiKey | None:
        """Return the key a request proves to hold, or None where the shop silently ignores what was sent.

        Ignored are Basic and query keys over HTTP and unknown keys over Basic; the request then fails for lack of
        rights. Raises :class:`errors.ApiError` (401) for a wrong secret or a bad signature.
        """
        raw = parse_query(request.query)
        if request.scheme == "https":
            key = self._by_secret(raw, request.authorization)
            if key:
                return key
        return self._by_signature(request, raw, now)

    def _by_secret(self, raw: Raw, authorization: str) -> ApiKey | None:
        name, secret = raw.get("consumer_key"), raw.get("consumer_secret")
        if not (name and secret):
            name, secret = _basic(authorization)
        key = self.keys.get(name) if isinstance(name, str) and secret else None
        if key is None:
            return None
        if not hmac.compare_digest(key.consumer_secret.encode(), str(secret).encode()):
            raise errors.authentication("Consumer secret is invalid.")
        return key

    def _by_signature(self, request: Signed, raw: Raw, now: int) -> ApiKey | None:
        sent = _oauth_header(request.authorization)
        oauth = sent or {name: str(raw[name]) for name in _NEEDED if raw.get(name)}
        if not any(oauth.get(name) for name in _NEEDED):
            return None
        missing = [name for name in _NEEDED if not oauth.get(name)]
        if missing:
            plural = "s" if len(missing) > 1 else ""
            raise errors.ApiError(
                401,
                "woocommerce_rest_authentication_missing_parameter",
                f"Missing OAuth parameter{plural} {', '.join(missing)}",
                authenticated=False,
                routed=False,
            )
        key = self.keys.get(oauth["oauth_consumer_key"])
        if key is None:
            raise errors.authentication("Consumer key is invalid.")
        self._check_signature(request, {**raw, **sent}, oauth, key)
        self._check_freshness(oauth, key, now)
        return key

    def _check_signature(self, request: Signed, raw: Raw, oauth: Mapping[str, str], key: ApiKey) -> None:
        digest = _DIGESTS.get(oauth["oauth_signature_method"])
        if digest is None:
            raise errors.authentication("Invalid signature - signature method is invalid.")
        message = base_string(request, raw)
        made = hmac.new(f"{key.consumer_secret}&".encode(), message.encode(), digest).digest()
        given = unquote(oauth["oauth_signature"].replace(" ", "+"))
        if not hmac.compare_digest(base64.b64encode(made), given.encode()):
            raise errors.authentication("Invalid signature - provided signature does not match.")

    def _check_freshness(self, oauth: Mapping[str, str], key: ApiKey, now: int) -> None:
        try:
            stamp = int(oauth["oauth_timestamp"])
        except ValueError:
            stamp = 0
        if abs(stamp - now) > WINDOW:
            raise errors.authentication("Invalid timestamp.")
        nonce = (key.consumer_key, oauth["oauth_nonce"])
        if nonce in self._nonces:
            raise errors.authentication("Invalid nonce - nonce has already been used.")
        self._nonces[nonce] = stamp
        if len(self._nonces) > 20_000:
            self._nonces = {known: at for known, at in self._nonces.items() if at >= now - WINDOW}


def base_string(request: Signed, raw: Raw) -> str:
    """Return the text an OAuth 1.0a signature covers.

    Arrays count as PHP understood them: ``include[]=1`` became ``include[0]=1``, which is why a client that signs
    the former is refused.
    """
    pairs = []
    for name in sorted(raw):
        value = raw[name]
        if name == "oauth_signature":
            continue
        items = {f"{name}[{key}]": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
        pairs += [f"{quote(key, safe='~')}={quote(item, safe='~')}" for key, item in items.items()]
    url = f"{request.scheme}://{request.host}{request.path}"
    return "&".join((request.method, quote(url, safe="~"), quote("&".join(pairs), safe="~")))


def _basic(authorization: str) -> tuple[str | None, str | None]:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        name, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, None
    return name, secret


def _oauth_header(authorization: str) -> dict[str, str]:
    if not authorization.lower().startswith("oauth "):
        return {}
    return {name: unquote(value) for name, value in re.findall(r'(oauth_[a-z_-]*)="([^"]*)"', authorization)}
