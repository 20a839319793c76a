"""How records differ from the shop, in words and in all: the same on screens and on the command line."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the command line reads these words, and its --help should not wait for pydantic
    from regulars.models import Drift, DriftKind, ObjectKind

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


def differing(drift: "Iterable[Drift]") -> tuple[int, int]:
    """Return how many records differed before and after.

    >>> from regulars.models import Drift
    >>> differing([Drift(object="order", kind="total", before=3, after=1)])
    (3, 1)
    """
    kinds = tuple(drift)
    return sum(each.before for each in kinds), sum(each.after for each in kinds)
