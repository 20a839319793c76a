"""The two forms of one rule, side by side: rows that read as a sentence, and text. Each follows the other.

The text is the truth. A row that was changed is printed as text; text that was changed becomes rows again, if it is one
level of "and" or "or". A rule with groups is edited as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from app_streamlit.components.formats import plain
from transforms.rfm import RFM_GROUPS
from transforms.rules import (
    DATE_PHRASES,
    FIELDS,
    PHRASES,
    Age,
    And,
    Condition,
    Field,
    Kind,
    Or,
    Rule,
    RuleError,
    Value,
    parse,
    to_text,
)

JOINS: Mapping[str, str] = {"and": "all of these", "or": "any of these"}
NO_VALUE = ("is null", "is not null")
AGES = ("older than", "within")
LISTS = ("in", "not in")
DATE_WORDS: Mapping[str, str] = {**DATE_PHRASES, "within": "within the last"}
FIRST = "orders_count >= 3"


@dataclass(frozen=True)
class Row:
    """One row of the builder as it stands on the screen: words, not yet values."""

    field: str
    op: str
    value: str = ""
    unit: str = "days"


def start(rule: str) -> None:
    """Begin with this rule's text; what was being edited before is gone."""
    st.session_state["rule"] = rule
    _read_text()


def editor() -> Rule | None:
    """Show both forms; return the rule they mean, or None with a sentence on the screen where they mean none."""
    rows, text = st.columns([2, 1], gap="large")
    with rows:
        _rows()
    with text:
        st.text_input("As text", key="rule", live="300ms", on_change=_read_text, help=_text_help())
    message = st.session_state.get("rule_error")
    # A place of its own: were the message to push what follows down, boxes there would lose what is being typed.
    with st.container(key="rule-problem"):
        if message:
            st.error(plain(message, 600))
    if message:
        return None
    return _parsed(st.session_state["rule"])[0]


def rows_of(rule: Rule) -> tuple[str, list[Row]] | None:
    """Return the join and the rows of a rule of one level, None for one with groups."""
    if isinstance(rule, Condition):
        return "and", [_row_of(rule)]
    if isinstance(rule, And | Or) and all(isinstance(part, Condition) for part in rule.parts):
        join = "and" if isinstance(rule, And) else "or"
        return join, [_row_of(part) for part in rule.parts if isinstance(part, Condition)]
    return None


def rule_of(join: str, rows: list[Row]) -> Rule:
    """Return the rule of rows. Raises RuleError where a value does not fit."""
    leaves = tuple(Condition(row.field, row.op, _value_of(FIELDS[row.field], row)) for row in rows)
    if len(leaves) == 1:
        return leaves[0]
    return And(leaves) if join == "and" else Or(leaves)


def _row_of(leaf: Condition) -> Row:
    value = leaf.value
    if isinstance(value, Age):
        return Row(leaf.field, leaf.op, str(value.amount), value.unit)
    if isinstance(value, tuple):
        return Row(leaf.field, leaf.op, ", ".join(map(str, value)))
    if isinstance(value, bool):
        return Row(leaf.field, leaf.op, "yes" if value else "no")
    return Row(leaf.field, leaf.op, "" if value is None else _words_of(value))


def _words_of(value: Value) -> str:
    return value.isoformat() if isinstance(value, date) else f"{value:f}" if hasattr(value, "normalize") else str(value)


def _value_of(field: Field, row: Row) -> Any:
    """Return what the row's words mean; what means nothing stays text, so that the rule's own check can name it."""
    if row.op in NO_VALUE:
        return None
    if row.op in AGES:
        return _age(row)
    if row.op in LISTS:
        return tuple(_single(field, part.strip()) for part in row.value.split(",") if part.strip())
    return _single(field, row.value.strip())


def _age(row: Row) -> Age | str:
    amount = _whole(row.value)
    if isinstance(amount, str):
        return amount
    return Age(amount, "weeks" if row.unit == "weeks" else "days")


def _single(field: Field, text: str) -> Any:
    match field.kind:
        case Kind.INT:
            return _whole(text)
        case Kind.BOOL:
            return text == "yes"
        case Kind.DATE:
            return _day(text)
    return text


def _whole(text: str) -> int | str:
    plain_number = text.strip().replace(" ", "")
    return int(plain_number) if plain_number.lstrip("-").isdecimal() and len(plain_number) < 17 else text


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _parsed(text: str) -> tuple[Rule | None, str]:
    if not text.strip():
        return None, "The rule is empty. Add a condition, or write one such as: orders_count >= 3"
    try:
        return parse(text), ""
    except RuleError as error:
        where = "" if error.position is None else f" (at character {error.position + 1})"
        return None, f"{error.message}{where}"


def _read_text() -> None:
    """Make rows of the text, under new keys so that old widgets do not answer for them."""
    rule, message = _parsed(st.session_state["rule"])
    st.session_state["rule_error"] = message
    found = rows_of(rule) if rule is not None else None
    st.session_state["rule_rows"] = None if found is None else found[1]
    if found is not None and len(found[1]) > 1:
        st.session_state["rule_join"] = found[0]
    st.session_state["rule_turn"] = st.session_state.get("rule_turn", 0) + 1


def _write_text(rows: list[Row]) -> None:
    """Print rows as text; where a value does not fit yet, keep the row and say what would be right."""
    st.session_state["rule_rows"] = rows
    try:
        st.session_state["rule"] = to_text(rule_of(st.session_state.get("rule_join", "and"), rows))
    except RuleError as error:
        st.session_state["rule_error"] = error.message
    else:
        st.session_state["rule_error"] = ""


def _rows() -> None:
    rows: list[Row] | None = st.session_state["rule_rows"]
    if rows is None:
        if not st.session_state.get("rule_error"):
            st.info("This rule has groups: edit it as text.")
        return
    st.session_state.setdefault("rule_join", "and")
    if len(rows) > 1:
        st.segmented_control(
            "People who match",
            list(JOINS),
            key="rule_join",
            format_func=JOINS.__getitem__,
            required=True,
            on_change=_changed,
        )
    for place, row in enumerate(rows):
        _row(place, row)
    st.button("Add a condition", icon=":material/add:", on_click=_add)


def _row(place: int, row: Row) -> None:
    turn, field = st.session_state["rule_turn"], FIELDS[row.field]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        _choice("field", place, list(FIELDS), row.field, words=_label, width=185, help_text=field.help)
        operators = list(field.operators)
        words = DATE_WORDS if field.kind == Kind.DATE else {}
        _choice("op", place, operators, row.op, words=lambda op: words.get(op) or PHRASES.get(op, op), width=140)
        _value(place, turn, field, row)
        if len(st.session_state["rule_rows"]) > 1:
            st.button(
                "✕",
                help="Remove this condition",
                key=f"rule-remove-{turn}-{place}",
                on_click=_remove,
                args=(place,),
                type="tertiary",
            )


def _label(name: str) -> str:
    return FIELDS[name].label


def _choice(
    part: str, place: int, options: list[str], value: str, *, words: Any = str, width: int, help_text: str | None = None
) -> None:
    st.selectbox(
        f"{part} {place + 1}",
        options,
        index=options.index(value),
        key=f"rule-{part}-{st.session_state['rule_turn']}-{place}",
        format_func=words,
        on_change=_changed_at,
        args=(place, part),
        label_visibility="collapsed",
        width=width,
        help=help_text,
    )


def _value(place: int, turn: int, field: Field, row: Row) -> None:
    if row.op in NO_VALUE:
        return
    if field.kind == Kind.BOOL:
        _choice("value", place, ["yes", "no"], row.value or "yes", width=90)
        return
    if field.name == "rfm_group" and row.op in ("=", "!="):
        groups = list(RFM_GROUPS)
        _choice("value", place, groups, row.value if row.value in groups else groups[0], width=170)
        return
    st.text_input(
        f"value {place + 1}",
        value=row.value,
        key=f"rule-value-{turn}-{place}",
        on_change=_changed_at,
        args=(place, "value"),
        label_visibility="collapsed",
        placeholder=_example(field, row.op),
        live="300ms",
        width=90 if row.op in AGES else 150,
    )
    if row.op in AGES:
        _choice("unit", place, ["days", "weeks"], row.unit, width=95)


def _example(field: Field, op: str) -> str:
    if op in AGES:
        return "90"
    example = {Kind.INT: "3", Kind.MONEY: "200", Kind.DATE: "2026-01-31"}.get(field.kind, "text")
    return f"{example}, …" if op in LISTS else example


def _changed() -> None:
    _write_text(st.session_state["rule_rows"])


def _changed_at(place: int, part: str) -> None:
    """Take one changed widget over into its row; another field or operator brings its own value."""
    rows = list(st.session_state["rule_rows"])
    new = st.session_state[f"rule-{part}-{st.session_state['rule_turn']}-{place}"]
    old = rows[place]
    changes = {"field": old.field, "op": old.op, "value": old.value, "unit": old.unit} | {part: new}
    rows[place] = _fitting(Row(**changes), old)
    if part in ("field", "op"):
        st.session_state["rule_turn"] += 1
    _write_text(rows)


def _fitting(row: Row, old: Row) -> Row:
    """Return the row with an operator and a value that suit its field, keeping what still does."""
    field = FIELDS[row.field]
    op = row.op if row.op in field.operators else _usual(field)
    same_kind = FIELDS[old.field].kind == field.kind and (op in AGES) == (old.op in AGES)
    value = row.value if same_kind else {Kind.INT: "3", Kind.MONEY: "200", Kind.BOOL: "yes"}.get(field.kind, "")
    if op in AGES and not same_kind:
        value = "90"
    if field.name == "rfm_group" and op in ("=", "!=") and value not in RFM_GROUPS:
        value = RFM_GROUPS[0]
    return Row(row.field, op, value, row.unit)


def _usual(field: Field) -> str:
    usual = {Kind.INT: ">=", Kind.MONEY: ">=", Kind.DATE: "older than", Kind.TEXT: "=", Kind.BOOL: "="}
    return usual.get(field.kind, field.operators[0])


def _add() -> None:
    rows = [*st.session_state["rule_rows"], Row("total_spent", ">=", "200")]
    st.session_state["rule_turn"] += 1
    _write_text(rows)


def _remove(place: int) -> None:
    rows = [row for index, row in enumerate(st.session_state["rule_rows"]) if index != place]
    st.session_state["rule_turn"] += 1
    _write_text(rows)


def _text_help() -> str:
    names = ", ".join(f"`{name}`" for name in FIELDS)
    return f"Join conditions with `and`, `or`, `not` and brackets. Fields: {names}."
