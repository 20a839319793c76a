"""The fields of a customer that people may write here: what they are called, how long, and when two states differ.

Names are WooCommerce's own (wc/v3 `customers`); a *path* names one of them in one word, such as `billing.city`. A field
that is not given (or null) stays as it is in the shop. There is no password among them: the shop sends its customer a
link to set one. What a text may be beyond that is the shop's to say.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from regulars.errors import ShopRequestInvalid
from regulars.models import Model

_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")


def _plain(text: str) -> str:
    if _NO_TEXT.search(text):
        raise ValueError("must be plain text, without NUL or broken characters")
    return text


def _text(longest: int, shortest: int = 0) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest)


Text = Annotated[str, _text(200), AfterValidator(_plain)]
# As long as WordPress's own columns are.
Email = Annotated[str, _text(100, 1), AfterValidator(_plain)]
BillingEmail = Annotated[str, _text(100), AfterValidator(_plain)]
Username = Annotated[str, _text(60, 1), AfterValidator(_plain)]


class Address(Model):
    """A postal address, as the shop keeps it for shipping."""

    first_name: Text | None = None
    last_name: Text | None = None
    company: Text | None = None
    address_1: Text | None = None
    address_2: Text | None = None
    city: Text | None = None
    state: Text | None = None
    postcode: Text | None = None
    country: Text | None = Field(None, description="ISO 3166 code, such as DE")
    phone: Text | None = None


class Billing(Address):
    """The billing address, which has an e-mail address of its own."""

    email: BillingEmail | None = None


class CustomerFields(Model):
    """What may be changed of a customer. A field that is not given, or null, stays as it is."""

    email: Email | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    billing: Billing | None = None
    shipping: Address | None = None


class NewCustomer(CustomerFields):
    """What a new customer is made of; only the e-mail address must be there. Without a user name the shop makes one."""

    email: Email = Field(..., description="The address of the account; one account an address")
    username: Username | None = Field(None, description="Cannot be changed later")


PATHS: Final = (
    *("email", "first_name", "last_name"),
    *(f"billing.{name}" for name in Billing.model_fields),
    *(f"shipping.{name}" for name in Address.model_fields),
)
Fields = TypeVar("Fields", bound=CustomerFields)


def read_fields(kind: type[Fields], sent: Mapping[str, Any]) -> Fields:
    """Return `sent` as `kind`. Raises ShopRequestInvalid whose `fields` say what is wrong with which, by path."""
    try:
        return kind.model_validate(sent)
    except ValidationError as error:
        wrong = {".".join(map(str, fault["loc"])): _said(fault["msg"]) for fault in error.errors(include_input=False)}
        raise ShopRequestInvalid(f"Not sent to the shop: {', '.join(wrong)} cannot be right.", fields=wrong) from None


def _said(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("String ")
    return f"{text[:1].upper()}{text[1:]}."


def given(fields: CustomerFields) -> dict[str, str]:
    """Return the values that are given, by path."""
    return dict(_flat(fields.model_dump(exclude_none=True)))


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def nested(values: Mapping[str, str]) -> dict[str, Any]:
    """Return values by path as the shop takes them.

    >>> nested({"email": "a@example.com", "billing.city": "Bonn"})
    {'email': 'a@example.com', 'billing': {'city': 'Bonn'}}
    """
    body: dict[str, Any] = {}
    for path, value in values.items():
        outer, _, inner = path.partition(".")
        if inner:
            body.setdefault(outer, {})[inner] = value
        else:
            body[outer] = value
    return body


def editable(customer: Mapping[str, Any]) -> dict[str, str]:
    """Return the value of every path, `""` where there is none, of the shop's record or of a row of `CUSTOMERS`."""
    return {path: _at(customer, path) for path in PATHS}


def _at(customer: Mapping[str, Any], path: str) -> str:
    value: Any = customer
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def fingerprint(customer: Mapping[str, Any]) -> str:
    """Return a short text that is another one whenever an editable field is.

    The shop's record and the published row of the same state have the same: the row takes names that the account lacks
    from the billing address, and so they count as equal here.
    """
    values = editable(customer)
    for name in ("first_name", "last_name"):
        values[name] = values[name] or values[f"billing.{name}"]
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]
