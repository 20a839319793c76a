"""How keys, links and decisions on who is who read on a screen. Pure."""

from app_streamlit.components.formats import number, one_line
from regulars.models import IdentityDecision, PersonEvent
from transforms.identity import LINKS
from transforms.identity_keys import ACCOUNT

WAITS = "Decided. Figures follow with the next run, mostly within a minute."
WHO_WAITS = (
    "Who is who was decided here just now. Scores, segments and lists, and the sums of everyone it touches, follow with the "
    "next run, mostly within a minute."
)
SHORT = 6  # of a guest's hash: enough to tell two apart by eye


def key_words(key: str) -> str:
    """Return what people call a key.

    >>> key_words("woo:106"), key_words("guest:0f3a9c2b11d04e77"), key_words("guest-order:4711")
    ('account 106', 'guest 0f3a9c', 'guest order 4711')
    """
    kind, _, rest = one_line(key).partition(":")
    match kind:
        case "woo":
            return f"account {rest}"
        case "guest":
            return f"guest {rest[:SHORT]}"
        case "guest-order":
            return f"guest order {rest}"
    return one_line(key)


def link_words(link: str) -> str:
    """Return why an identity belongs to its person, as a sentence."""
    return LINKS.get(link, "")


def orders_words(count: int) -> str:
    """Return a count of orders with its word."""
    return "1 order" if count == 1 else f"{number(count)} orders"


def decision_words(decision: IdentityDecision) -> str:
    """Return what was decided.

    >>> from datetime import UTC, datetime
    >>> about = {"id": 1, "shop": "s", "author": "ana", "at": datetime(2026, 1, 1, tzinfo=UTC)}
    >>> decision_words(IdentityDecision(kind="merged", identity="woo:2", into="woo:1", **about))
    'Account 2 merged into account 1'
    """
    what = key_words(decision.identity)
    if decision.kind == "merged":
        return _capital(f"{what} merged into {key_words(decision.into)}")
    return _capital(f"{what} kept apart, as a person of its own")


def event_words(event: PersonEvent) -> str:
    """Return what an event of who is who says in a timeline; an account before a guest, whoever it was written for."""
    keys = sorted(filter(None, (event.customer_key, event.detail)), key=lambda key: (not key.startswith(ACCOUNT), key))
    one, other = key_words(keys[0]), key_words(keys[1]) if len(keys) > 1 else ""
    match event.kind:
        case "merged":
            return f"Merged: {one} and {other} are one person"
        case "separated":
            return (
                f"Separated: {one} and {other} are two people" if other else f"Separated: {one} is a person of its own"
            )
        case _:
            return f"Together again: {one} and {other}" if other else f"Left to the rules again: {one}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
