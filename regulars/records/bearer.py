"""The secrets of API tokens: how one is made, and the hash that is kept in its place. Every adapter uses it."""

import hashlib
import secrets

PREFIX = "rgl_"  # lets people and scanners of leaked secrets see what it is
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret of 256 bits."""
    return PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(secret: str) -> bytes:
    """Return the SHA-256 of a secret, by which it is looked up. So much randomness needs no slow hash and no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
