"""Drift as the records keep it: one JSON text, the same in every store and in backups. Pure; every adapter uses it.

    [{"object":"order","kind":"missing","before":3,"after":0}]

Null stands for "nothing was compared", `[]` for "nothing differed".
"""

from pydantic import TypeAdapter

from regulars.errors import RecordInvalid
from regulars.models import Drift

LARGEST_NUMBER = 2**63 - 1
_DRIFTS = TypeAdapter(tuple[Drift, ...])


def to_text(drift: tuple[Drift, ...] | None) -> str | None:
    """Return drift as it is kept. Raises RecordInvalid for what can be no drift."""
    if drift is None:
        return None
    text = _DRIFTS.dump_json(drift, warnings=False).decode()
    try:
        return checked(text)
    except ValueError:
        raise RecordInvalid("A sync's drift has one entry a kind, with numbers of records that can be.") from None


def from_text(text: str | None) -> tuple[Drift, ...] | None:
    """Return drift that was kept."""
    return None if text is None else _DRIFTS.validate_json(text)


def checked(text: str) -> str:
    """Return the text of drift in its one form. Raises ValueError where it is none."""
    drift = _DRIFTS.validate_json(text)
    if len({(each.object, each.kind) for each in drift}) < len(drift):
        raise ValueError
    if not all(0 <= number <= LARGEST_NUMBER for each in drift for number in (each.before, each.after)):
        raise ValueError
    return _DRIFTS.dump_json(drift).decode()
