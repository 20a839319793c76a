"""What callers give, checked and made canonical before anything is written. Pure; every adapter uses it.

All functions raise RecordInvalid, whose messages never hold what was given.
"""

import math
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, get_args

from regulars.errors import RecordInvalid
from regulars.models import CheckResult, EventKind, Fingerprint, Segment, SyncKind, SyncRun, WebhookState, WebhookStatus
from regulars.records import drifts, sentences
from regulars.records.texts import (
    DESCRIPTION_LENGTH,
    KEY_LENGTH,
    MESSAGE_LENGTH,
    NAME_LENGTH,
    TAGS_A_PERSON,
    checked,
    folded,
    shown_tag,
    slug,
)
from regulars.records.times import to_micros
from transforms.rules import RuleError, by_id, parse, refuse_circle, refuse_unknown, to_text

LARGEST_NUMBER = 2**63 - 1
EVENT_KINDS = frozenset(get_args(EventKind))
SYNC_KINDS = frozenset(get_args(SyncKind))
WEBHOOK_STATUSES = frozenset(get_args(WebhookStatus))


def a_shop(shop: object) -> str:
    """Return the shop's name."""
    return checked(shop, "The shop", KEY_LENGTH)


def a_key(customer_key: object) -> str:
    """Return the customer key."""
    return checked(customer_key, "The customer key", KEY_LENGTH)


def a_person(shop: object, customer_key: object) -> tuple[str, str]:
    """Return shop and customer key."""
    return a_shop(shop), a_key(customer_key)


def an_author(author: object) -> str:
    """Return the author's name."""
    return checked(author, "The author", NAME_LENGTH)


def a_limit(limit: int) -> int:
    """Return how many at most; fewer than none is none."""
    return min(max(int(limit), 0), LARGEST_NUMBER)


def is_id(number: object) -> bool:
    """Return whether any store could have given this id."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number <= LARGEST_NUMBER


def distinct_keys(customer_keys: Iterable[str]) -> list[str]:
    """Return the customer keys of a bulk call, each once, in the order given."""
    if isinstance(customer_keys, str):
        raise RecordInvalid("Customer keys are a list of texts, not one text.")
    return list(dict.fromkeys(map(a_key, customer_keys)))


def wanted_tags(tags: Iterable[str]) -> dict[str, str]:
    """Return the tags a person is to have: folded form to form as shown; the first of two that are the same counts."""
    if isinstance(tags, str):
        raise RecordInvalid("Tags are a list of texts, not one text.")
    wanted: dict[str, str] = {}
    for tag in map(shown_tag, tags):
        wanted.setdefault(folded(tag), tag)
        if len(wanted) > TAGS_A_PERSON:
            raise sentences.too_many_tags()
    return wanted


def expected_tags(tags: Collection[str] | None) -> set[str] | None:
    """Return the folded forms of the tags that a person is expected to have, None where nothing is expected."""
    return None if tags is None else set(wanted_tags(tags))


def segment_values(shop: str, name: str, rule: str, description: str, author: str) -> dict[str, Any]:
    """Return the columns of a segment that its author gives: shop, name, rule (canonical), description, author."""
    name = checked(name, "The name", NAME_LENGTH)
    if len(name.splitlines()) > 1 or not folded(name):
        raise RecordInvalid("The name must be one line of characters that can be seen.")
    try:
        canonical = to_text(parse(rule))
    except RuleError as error:
        raise RecordInvalid(f"The rule cannot be read. {error.message}") from error
    return {
        "shop": a_shop(shop),
        "name": name,
        "rule": canonical,
        "description": checked(description, "The description", DESCRIPTION_LENGTH, shortest=0),
        "author": an_author(author),
    }


def checked_rule(segment_id: str, rule: str, segments: Sequence[Segment]) -> str:
    """Return a segment's rule with the segments it names by their ids, so that renaming one breaks nothing.

    `segment_id` is empty for a new segment; `segments` are the shop's. Refused is what names no segment or a circle.
    """
    try:
        read = by_id(parse(rule), segments)
        refuse_circle(segment_id, read, segments)
    except RuleError as error:
        raise RecordInvalid(f"The rule cannot be saved. {error.message}") from error
    return to_text(read)


def check_not_named(segment_id: str, segments: Sequence[Segment]) -> None:
    """Refuse to remove a segment that the rule of another one of the shop's `segments` names."""
    try:
        refuse_unknown(segment_id, segments)
    except RuleError as error:
        raise RecordInvalid(error.message) from error


def free_segment_id(name: str, taken: Container[str]) -> str:
    """Return the id of a new segment. `taken` has those of deleted ones too: an old link must not lead to another."""
    first = slug(name)
    return first if first not in taken else next(f"{first}-{n}" for n in count(2) if f"{first}-{n}" not in taken)


def check_name_is_free(name: str, others: Iterable[str]) -> None:
    """Refuse a segment's name that one of the `others` has, whatever its case."""
    if folded(name) in set(map(folded, others)):
        raise sentences.segment_name_taken()


def given_aliases(aliases: Mapping[str, str]) -> dict[str, str]:
    """Return aliases and their keys."""
    return {checked(a, "The alias", KEY_LENGTH): checked(k, "The key", KEY_LENGTH) for a, k in aliases.items()}


def check_no_circle(following: Mapping[str, str], starts: Iterable[str]) -> None:
    """Refuse aliases where one of `starts` leads back to itself; `following` has all aliases, the new ones too."""
    for start in starts:
        key, seen = start, set[str]()
        while key in following and key not in seen:
            seen.add(key)
            key = following[key]
        if key in seen:
            raise sentences.alias_circle()


def event_values(shop: str, customer_key: str, kind: str, author: str, detail: str) -> dict[str, Any]:
    """Return the columns of an event but `at`."""
    if kind not in EVENT_KINDS:
        raise RecordInvalid(f"An event is one of {', '.join(sorted(EVENT_KINDS))}.")
    return {
        "shop": a_shop(shop),
        "customer_key": a_key(customer_key),
        "kind": kind,
        "author": an_author(author),
        "detail": checked(detail, "The detail", DESCRIPTION_LENGTH, shortest=0),
    }


def sync_values(run: SyncRun) -> dict[str, Any]:
    """Return the columns of a sync, times in microseconds."""
    if not math.isfinite(run.seconds) or not all(0 <= rows <= LARGEST_NUMBER for rows in (run.customers, run.orders)):
        raise RecordInvalid("A sync's rows and seconds must be numbers that can be.")
    if run.kind not in SYNC_KINDS:
        raise RecordInvalid(f"A sync is one of {', '.join(sorted(SYNC_KINDS))}.")
    return {
        "shop": a_shop(run.shop),
        "run_id": checked(run.run_id, "The run's id", KEY_LENGTH),
        "kind": run.kind,
        "status": run.status,
        "started_at": to_micros(run.started_at),
        "finished_at": to_micros(run.finished_at),
        "customers": run.customers,
        "orders": run.orders,
        "seconds": float(run.seconds),
        "message": checked(run.message, "The message", MESSAGE_LENGTH, shortest=0),
        "drift": drifts.to_text(run.drift),
    }


def check_values(shop: str, suite: str, results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    """Return the columns of each result of a suite; of two with one name the last counts."""
    shop, suite = a_shop(shop), checked(suite, "The suite", KEY_LENGTH)
    if any(result.suite != suite for result in results):
        raise RecordInvalid("Results of one suite must all name that suite.")
    rows = [
        {
            "shop": shop,
            "suite": suite,
            "name": checked(result.name, "The check", KEY_LENGTH),
            "passed": result.passed,
            "detail": checked(result.detail, "The detail", MESSAGE_LENGTH, shortest=0),
            "at": to_micros(result.at),
            "run_id": None if result.run_id is None else checked(result.run_id, "The run's id", KEY_LENGTH),
        }
        for result in results
    ]
    return list({row["name"]: row for row in rows}.values())


def fingerprint_values(shop: str, fingerprint: Fingerprint) -> dict[str, Any]:
    """Return the columns of a shop's fingerprint."""
    currency = fingerprint.currency
    return {
        "shop": a_shop(shop),
        "home": checked(fingerprint.home, "The home address", DESCRIPTION_LENGTH),
        "currency": None if currency is None else checked(currency, "The currency", KEY_LENGTH),
        "timezone": checked(fingerprint.timezone, "The time zone", KEY_LENGTH),
        "seen_at": to_micros(fingerprint.seen_at),
    }


def webhook_values(shop: str, states: Sequence[WebhookState]) -> list[dict[str, Any]]:
    """Return the columns of each webhook of a shop; of two of one topic the last counts."""
    shop = a_shop(shop)
    if not all(state.webhook_id is None or is_id(state.webhook_id) for state in states):
        raise RecordInvalid("The id of a webhook must be a number that the shop could have given.")
    if not all(state.status in WEBHOOK_STATUSES for state in states):
        raise RecordInvalid(f"A webhook is one of {', '.join(sorted(WEBHOOK_STATUSES))}.")
    rows = [
        {
            "shop": shop,
            "topic": checked(state.topic, "The topic", KEY_LENGTH),
            "status": state.status,
            "webhook_id": state.webhook_id,
            "checked_at": to_micros(state.checked_at),
        }
        for state in states
    ]
    return list({row["topic"]: row for row in rows}.values())
