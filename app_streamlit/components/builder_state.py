"""What the builder keeps while a rule is edited: its text, which is the truth, and the rows that say the same.

A row that was changed is printed as text; text that was changed becomes rows again. Each change of shape is a new
*turn*: widgets get new keys, so that none answers for another.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app_streamlit.components.builder_rows import Item, Path, put
from app_streamlit.components.builder_rules import rows_of, rule_of
from transforms.rules import Rule, RuleError, from_criteria, parse, to_text

RULE = "rule"
_ROWS, _JOIN, _ERROR, _TURN, _NOTE = "rule_rows", "rule_join", "rule_error", "rule_turn", "rule_note"
EMPTY = "The rule is empty. Add a condition, or write one such as: orders_count >= 3"
CRITERIA = "These criteria were read as the rule that stands above: text, rows and criteria say the same."


@dataclass(frozen=True)
class Editing:
    """The rule as it stands: `rows` is None where rows cannot say it, `error` says why the text cannot be read."""

    text: str
    rows: list[Item] | None
    join: str
    error: RuleError | None
    note: str


def current() -> Editing:
    """Return what is being edited."""
    rows: Sequence[Item] | None = st.session_state[_ROWS]
    return Editing(
        text=st.session_state[RULE],
        rows=None if rows is None else list(rows),
        join=st.session_state[_JOIN],
        error=st.session_state.get(_ERROR),
        note=st.session_state.get(_NOTE, ""),
    )


def items() -> list[Item]:
    """Return the rows; call it where there are some."""
    return list(st.session_state[_ROWS])


def start(rule: str) -> None:
    """Begin with this rule's text; what was being edited before is gone."""
    st.session_state[RULE] = rule
    st.session_state[_JOIN] = "and"
    read_text()


def read_text() -> None:
    """Make rows of the text. An object of criteria becomes text first, with a note that says so."""
    st.session_state[_NOTE] = ""
    rule, error = parsed(st.session_state[RULE])
    if rule is not None and _is_object(st.session_state[RULE]):
        st.session_state[RULE], st.session_state[_NOTE] = to_text(rule), CRITERIA
    st.session_state[_ERROR] = error
    found = rows_of(rule) if rule is not None else None
    st.session_state[_ROWS] = None if found is None else found[1]
    if found is not None and (len(found[1]) > 1 or "not" in (found[0] + st.session_state[_JOIN])):
        st.session_state[_JOIN] = found[0]
    _turn()


def parsed(text: str) -> tuple[Rule | None, RuleError | None]:
    """Return the rule of a text or of an object of criteria, or None and what is wrong."""
    if not text.strip():
        return None, RuleError(EMPTY)
    try:
        return (_of_criteria(text) if _is_object(text) else parse(text)), None
    except RuleError as error:
        return None, error


def write(changed: Sequence[Item]) -> None:
    """Print rows as text; where a value does not fit yet, the text stays as it was and the row says what is wrong."""
    st.session_state[_ROWS], st.session_state[_ERROR], st.session_state[_NOTE] = list(changed), None, ""
    if not changed:
        st.session_state[RULE], st.session_state[_ERROR] = "", RuleError(EMPTY)
        return
    try:
        st.session_state[RULE] = to_text(rule_of(st.session_state[_JOIN], changed))
    except RuleError:
        return  # shown below the row


def write_anew(changed: Sequence[Item]) -> None:
    """Write rows of which some are others now, or stand elsewhere."""
    _turn()
    write(changed)


def write_join(join: str) -> None:
    """Join the rows of the rule in another way."""
    st.session_state[_JOIN] = join
    write(items())


def remove(path: Path) -> None:
    """Take away what stands at `path`."""
    write_anew(put(items(), path, None))


def key(part: str, path: Path) -> str:
    """Return the key of a widget in this turn."""
    return "-".join(["rule", part, str(st.session_state[_TURN]), *map(str, path)])


def _turn() -> None:
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _is_object(text: str) -> bool:
    return text.lstrip().startswith("{")


def _of_criteria(text: str) -> Rule:
    try:
        criteria = json.loads(text)
    except (ValueError, RecursionError):
        raise RuleError(
            'This is not JSON; right would be an object such as {"orders_count": {"min": 3}}.',
            expected='{"orders_count": {"min": 3}}',
        ) from None
    return from_criteria(criteria)
