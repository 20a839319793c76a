"""How records differ from the shop, in words: the same on screens and on the command line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the command line reads these words, and its --help should not wait for pydantic
    from regulars.models import DriftKind, ObjectKind

OBJECTS: "Final[Mapping[ObjectKind, str]]" = {
    "order": "Orders",
    "customer": "Customers",
    "refund": "Refunds",
    "product": "Products",
}
WAYS: "Final[Mapping[DriftKind, str]]" = {
    "missing": "missing here",
    "extra": "here, and gone from the shop",
    "trash": "in the trash on one side only",
    "status": "another status",
    "owner": "another customer",
    "total": "another total",
    "refunds": "other refunds",
    "date": "nothing but the date of change",
    "body": "details that no key figure shows",
}
