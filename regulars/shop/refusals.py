"""What a shop says about what it was sent: its sentence, and which field each of its complaints is about.

WordPress checks a request against a schema first (`rest_invalid_param`, all complaints at once, by parameter; a part of
an address stands in the sentence as `billing[email]`). What passes that is checked by WooCommerce, one complaint at a
time, and only the code tells which field: `registration-error-email-exists`, `customer_invalid_billing_email` (codes of
WooCommerce 9.9: `wc_create_new_customer`, `WC_Customer`).
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any, Final

LONGEST_SENTENCE: Final = 300
REST_OF_THE_PATH: Final = re.compile(r"\b(billing|shipping)\[([a-z0-9_]{1,40})\]")
_TAG = re.compile(r"<[^>]*>")
# The first that occurs in a code names its field.
_BY_CODE: Final = (("billing_email", "billing.email"), ("email", "email"), ("username", "username"))
_NOT_EDITABLE: Final = "woocommerce_rest_customer_invalid_argument"  # said of the user name alone


def plain_text(said: object) -> str:
    """Return what a shop said as one line of plain text: shops put links and other HTML into their sentences.

    >>> plain_text('An account exists. <a href="#">Log in</a> &amp; retry.')
    'An account exists. Log in & retry.'
    """
    text = unescape(_TAG.sub("", said)) if isinstance(said, str) else ""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))[:LONGEST_SENTENCE]


def complaints(answer: Any) -> tuple[str, dict[str, str]]:
    """Return the shop's sentence, and its words by field path, from the JSON of a 400; empty where it has none."""
    if not isinstance(answer, Mapping):
        return "", {}
    said = plain_text(answer.get("message"))
    data = answer.get("data")
    found = dict(_of_parameters(data if isinstance(data, Mapping) else {}))
    if not found and (path := _field_of(str(answer.get("code") or ""))):
        found[path] = said
    return said, found


def _of_parameters(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    named, details = data.get("params"), data.get("details")
    if isinstance(named, list):  # missing parameters: names without a sentence
        yield from ((str(name), "The shop needs this.") for name in named)
    if not isinstance(named, Mapping):
        return
    for name, sentence in named.items():
        detail = details.get(name) if isinstance(details, Mapping) else None
        code = detail.get("code") if isinstance(detail, Mapping) else None
        yield _path(str(name), str(sentence), str(code)), plain_text(sentence)


def _path(name: str, sentence: str, code: str) -> str:
    part = REST_OF_THE_PATH.search(sentence)
    if part and part[1] == name:
        return f"{name}.{part[2]}"
    if name == "billing" and code == "rest_invalid_email":  # the one part of an address that is checked as an e-mail
        return "billing.email"
    return name


def _field_of(code: str) -> str | None:
    if code == _NOT_EDITABLE:
        return "username"
    return next((path for word, path in _BY_CODE if word in code), None)
