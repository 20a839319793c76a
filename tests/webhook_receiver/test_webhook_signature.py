"""Signatures: only the shop's own bytes count."""

import hmac
from base64 import b64encode
from hashlib import sha1, sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webhook_receiver.receiver_process import DELIVERIES, SECRET, a_recording
from webhook_receiver.signature import SIGNATURE_HEADER, sign, verifies

BODY = b'{"id":1742,"note":"Gr\\u00fc\\u00dfe \\/ <b>"}'


def header(value: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request with this one signature."""
    return [(b"host", b"x"), (SIGNATURE_HEADER, value)]


@pytest.mark.parametrize("name", DELIVERIES)
def test_a_real_shops_delivery_verifies(name: str) -> None:
    """The golden vectors: whatever we think of the scheme, these came from WooCommerce itself."""
    headers, body = a_recording(name)
    assert verifies((SECRET,), body, header(headers["X-WC-Webhook-Signature"].encode()))


def test_the_signature_is_the_text_woocommerce_sends() -> None:
    """One vector written down, so that signing and verifying cannot drift together."""
    assert sign("key", b"{}") == b64encode(hmac.digest(b"key", b"{}", "sha256"))
    assert sign(SECRET, b'{"id":1}') == b"MB8rQ/XosYNsE8MsiMhG2tH7roS44wBS8i9WuOiz9Gs="


@settings(deadline=None)
@given(position=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_no_flipped_bit_of_the_body_verifies(position: int, bit: int) -> None:
    """A single changed bit anywhere must be noticed."""
    spoilt = bytearray(BODY)
    spoilt[position] ^= 1 << bit
    assert not verifies((SECRET,), bytes(spoilt), header(sign(SECRET, BODY)))


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_other_header_value_verifies_or_raises(value: bytes) -> None:
    """Comparing must cope with any bytes: `compare_digest` raises on non-ASCII text."""
    assert verifies((SECRET,), BODY, header(value)) == (value == sign(SECRET, BODY))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        sign(SECRET, BODY) + b"\n",
        sign(SECRET, BODY)[:10] + b"!" + sign(SECRET, BODY)[10:],
        sign(SECRET, BODY).rstrip(b"="),
        b"sha256=" + sign(SECRET, BODY),
        hmac.new(SECRET.encode(), BODY, sha256).hexdigest().encode(),
        b64encode(hmac.new(SECRET.encode(), BODY, sha1).digest()),
        sign("another endpoint's secret", BODY),
        sign(SECRET, BODY.replace(b"\\/", b"/")),
    ],
    ids=["empty", "newline", "junk", "unpadded", "prefixed", "hex", "sha1", "other secret", "re-serialised"],
)
def test_a_signature_that_is_nearly_right_is_wrong(value: bytes) -> None:
    """Each of these once passed somewhere that decoded, trimmed or parsed before it compared."""
    assert not verifies((SECRET,), BODY, header(value))


def test_a_doubled_signature_is_wrong_even_if_both_are_right() -> None:
    """Two headers can be read differently by a proxy and by us; a shop sends one."""
    right = (SIGNATURE_HEADER, sign(SECRET, BODY))
    assert not verifies((SECRET,), BODY, [right, right])
    assert not verifies((SECRET,), BODY, [])


def test_a_secret_with_markup_and_umlauts_is_used_as_it_stands() -> None:
    """WooCommerce uses the raw string as the key, also with & < > and quotes."""
    secret = "a&b<c>\"d'ü"
    assert verifies((secret,), BODY, header(b64encode(hmac.digest(secret.encode(), BODY, "sha256"))))
