"""WooCommerce's webhook signature: base64 of HMAC-SHA256 over the raw body, keyed with the webhook's secret.

Only the exact bytes that came over the wire are signed: verify before anything parses them. The headers beside the
signature (topic, ids) are not signed, and there is no time stamp: an old delivery stays valid for ever.
"""

import hmac
from base64 import b64encode
from collections.abc import Iterable

SIGNATURE_HEADER = b"x-wc-webhook-signature"


def sign(secret: str, body: bytes) -> bytes:
    """Return the signature header's value for `body`, as ASCII bytes. The secret's text is the key as it stands."""
    return b64encode(hmac.digest(secret.encode(), body, "sha256"))


def verifies(secrets: tuple[str, ...], body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Say whether `headers` (names in lower case) hold exactly one signature and it is right under one of `secrets`.

    The texts are compared, in constant time: decoding base64 first would accept junk between its letters, and two
    signature headers could be read differently by a proxy and by us. How long it takes tells at most which secret fits.
    """
    given = [value for name, value in headers if name == SIGNATURE_HEADER]
    return len(given) == 1 and any(hmac.compare_digest(given[0], sign(secret, body)) for secret in secrets)
