"""Why a shop over HTTPS is not trusted, told apart by what OpenSSL says of its certificate."""

import ssl
from collections.abc import Iterator
from typing import Final

from regulars.errors import ShopUnreachable

# OpenSSL's X509_V_ERR_… numbers, from its x509_vfy.h.
NOT_YET_VALID: Final = 9
EXPIRED: Final = 10
SELF_SIGNED: Final = frozenset({18, 19})
NO_ISSUER: Final = frozenset({2, 20, 21})
ANOTHER_HOST: Final = frozenset({62, 64})
CA_FILE: Final = (
    "Where that is meant, save the certificate of its authority (or its own, if it signed itself) as a PEM file and name "
    "that file in REGULARS_CA_FILE, or in ca_file of the shop's table in shops.toml"
)


def untrusted(cause: BaseException, host: str) -> ShopUnreachable:
    """Return the error for a TLS connection that failed. It is not worth a retry: somebody has to act first."""
    said = [each for each in _chain(cause) if isinstance(each, ssl.SSLError)]
    refused = next((each for each in said if isinstance(each, ssl.SSLCertVerificationError)), None)
    if refused is not None:
        what = _of_certificate(refused.verify_code)
    elif any("PEM" in str(each.reason) or "NO_CERTIFICATE" in str(each.reason) for each in said):
        what = "the file in REGULARS_CA_FILE, or ca_file of its table in shops.toml, holds no certificate in PEM form"
    else:
        what = "the TLS connection failed. Is it really https that answers at that port"
    error = ShopUnreachable(f"The shop at {host} cannot be trusted: {what}.")
    error.retry = False
    return error


def _of_certificate(code: int) -> str:
    if code == EXPIRED:
        return "its certificate has expired. It must be renewed on the shop's server"
    if code == NOT_YET_VALID:
        return "its certificate is not valid yet. Check this machine's clock"
    if code in ANOTHER_HOST:
        return (
            "its certificate is for another name. Use the name that the certificate has, or have it made for this one"
        )
    if code in SELF_SIGNED:
        return f"its certificate is self-signed. {CA_FILE}"
    if code in NO_ISSUER:
        return (
            "no known authority signed its certificate, or its server leaves out the intermediate one (then every "
            f"program is refused, not Regulars alone). {CA_FILE}"
        )
    return f"its certificate is not accepted (OpenSSL's code {code}). {CA_FILE}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and those inside it: requests and urllib3 wrap what ssl raised, each in its own way."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inside = (*one.args, getattr(one, "reason", None), one.__cause__, one.__context__)
        waiting += [each for each in inside if isinstance(each, BaseException)]
