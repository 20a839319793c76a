"""The two forms of one rule, side by side: rows that read as a sentence, and text. Each follows the other.

The text is the truth. A row that was changed is printed as text; text that was changed becomes rows again, in groups of
"and", "or" and "not" one level deep. A rule that nests deeper is edited as text.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from app_streamlit.components.builder_rows import (
    AGES,
    JOINS,
    LISTS,
    NEW_ROW,
    NO_VALUE,
    Group,
    Item,
    Path,
    Row,
    at,
    fitting,
    problem_of,
    put,
    rows_of,
    rule_of,
)
from app_streamlit.components.formats import plain, sentence
from transforms.rfm import RFM_GROUPS
from transforms.rules import DATE_PHRASES, FIELDS, PHRASES, Field, Kind, Rule, RuleError, parse, to_text

DATE_WORDS: Mapping[str, str] = {**DATE_PHRASES, "within": "within the last"}
FIRST = "orders_count >= 3"
EMPTY = "The rule is empty. Add a condition, or write one such as: orders_count >= 3"


def start(rule: str) -> None:
    """Begin with this rule's text; what was being edited before is gone."""
    st.session_state["rule"] = rule
    st.session_state["rule_join"] = "and"
    _read_text()


def editor() -> Rule | None:
    """Show both forms; return the rule they mean, or None with a sentence on the screen where they mean none."""
    rows, text = st.columns([2, 1], gap="large")
    with rows:
        wrong = _items()
    with text:
        st.text_input("As text", key="rule", live="120ms", on_change=_read_text, help=_text_help())
    message = st.session_state.get("rule_error")
    # A place of its own: were the message to push what follows down, boxes there would lose what is being typed.
    with st.container(key="rule-problem"):
        if message:
            st.error(sentence(message, 600))
    if message or wrong:
        return None
    return _parsed(st.session_state["rule"])[0]


def _parsed(text: str) -> tuple[Rule | None, str]:
    if not text.strip():
        return None, EMPTY
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
    if found is not None and (len(found[1]) > 1 or "not" in (found[0] + st.session_state["rule_join"])):
        st.session_state["rule_join"] = found[0]
    st.session_state["rule_turn"] = st.session_state.get("rule_turn", 0) + 1


def _write_text(items: list[Item]) -> None:
    """Print rows as text; where a value does not fit yet, the text stays as it was and the row says what is wrong."""
    st.session_state["rule_rows"] = items
    st.session_state["rule_error"] = ""
    if not items:
        st.session_state["rule"], st.session_state["rule_error"] = "", EMPTY
        return
    try:
        st.session_state["rule"] = to_text(rule_of(st.session_state["rule_join"], items))
    except RuleError:
        return  # shown below the row


def _anew(items: list[Item]) -> None:
    """Write rows of which some moved: each gets a widget of its own, so that none answers for another."""
    st.session_state["rule_turn"] += 1
    _write_text(items)


def _items() -> bool:
    """Show the rows and groups; return whether one of them is wrong."""
    items: list[Item] | None = st.session_state["rule_rows"]
    if items is None:
        if not st.session_state.get("rule_error"):
            st.info("This rule has groups within groups: edit it as text.")
        return False
    join = st.session_state["rule_join"]
    if len(items) > 1 or join.startswith("not"):
        _join("People who match", join, ())
    wrong = False
    for place, item in enumerate(items):
        wrong |= _row((place,), item) if isinstance(item, Row) else _group(place, item)
    with st.container(horizontal=True, gap="xsmall"):
        st.button("Add a condition", icon=":material/add:", on_click=_add, key="rule-add")
        st.button(
            "Add a group",
            icon=":material/add_box:",
            on_click=_add_group,
            key="rule-add-group",
            help="Conditions that belong together, such as: any of two countries, none of three groups.",
        )
    return wrong


def _group(place: int, group: Group) -> bool:
    wrong = False
    with st.container(border=True, gap="xsmall", key=f"rule-group-{place}"):
        with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
            _join("In this group", group.join, (place,))
            st.button(
                "✕",
                help="Remove this group",
                key=f"rule-ungroup-{place}",
                on_click=lambda: _anew([item for index, item in enumerate(_now()) if index != place]),
                type="tertiary",
            )
        for inner, row in enumerate(group.rows):
            wrong |= _row((place, inner), row)
        st.button(
            "Add to this group",
            icon=":material/add:",
            key=f"rule-add-{place}",
            on_click=_add_to,
            args=(place,),
            type="tertiary",
        )
    return wrong


def _join(label: str, join: str, path: Path) -> None:
    key = "-".join(["rule-join", str(st.session_state["rule_turn"]), *map(str, path)])
    st.session_state[key] = join
    st.selectbox(
        label, list(JOINS), key=key, format_func=JOINS.__getitem__, on_change=_rejoin, args=(key, path), width=200
    )


def _rejoin(key: str, path: Path) -> None:
    join, items = st.session_state[key], _now()
    if not path:
        st.session_state["rule_join"] = join
    else:
        group = items[path[0]]
        assert isinstance(group, Group)
        items[path[0]] = replace(group, join=join)
    _write_text(items)


def _row(path: Path, row: Row) -> bool:
    """Show a condition, and below it what is wrong with it; return whether something is."""
    field = FIELDS[row.field]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        _choice("field", path, list(FIELDS), row.field, words=_label, width=185, help_text=field.help)
        operators = list(field.operators)
        words = DATE_WORDS if field.kind == Kind.DATE else {}
        _choice("op", path, operators, row.op, words=lambda op: words.get(op) or PHRASES.get(op, op), width=140)
        _value(path, field, row)
        if len(_now()) > 1 or len(path) > 1:
            st.button(
                "✕",
                help="Remove this condition",
                key=_key("remove", path),
                on_click=lambda: _anew(put(_now(), path, None)),
                type="tertiary",
            )
    with st.container(key=_key("wrong", path)):
        if problem := problem_of(row):
            st.caption(f":red[:material/error: {plain(problem, 300)}]")
    return bool(problem)


def _now() -> list[Item]:
    return list(st.session_state["rule_rows"])


def _key(part: str, path: Path) -> str:
    return f"rule-{part}-{st.session_state['rule_turn']}-{'-'.join(map(str, path))}"


def _label(name: str) -> str:
    return FIELDS[name].label


def _named(part: str, path: Path) -> str:
    return f"{part} {'.'.join(str(place + 1) for place in path)}"


def _choice(
    part: str,
    path: Path,
    options: list[str],
    value: str,
    *,
    words: Any = str,
    width: int,
    help_text: str | None = None,
) -> None:
    st.selectbox(
        _named(part, path),
        options,
        index=options.index(value),
        key=_key(part, path),
        format_func=words,
        on_change=_changed_at,
        args=(path, part),
        label_visibility="collapsed",
        width=width,
        help=help_text,
    )


def _value(path: Path, field: Field, row: Row) -> None:
    if row.op in NO_VALUE:
        return
    if field.kind == Kind.BOOL:
        _choice("value", path, ["yes", "no"], row.value or "yes", width=90)
        return
    if field.name == "rfm_group" and row.op in ("=", "!="):
        groups = list(RFM_GROUPS)
        _choice("value", path, groups, row.value if row.value in groups else groups[0], width=170)
        return
    st.text_input(
        _named("value", path),
        value=row.value,
        key=_key("value", path),
        on_change=_changed_at,
        args=(path, "value"),
        label_visibility="collapsed",
        placeholder=_example(field, row.op),
        live="120ms",
        width=90 if row.op in AGES else 150,
    )
    if row.op in AGES:
        _choice("unit", path, ["days", "weeks"], row.unit, width=95)


def _example(field: Field, op: str) -> str:
    if op in AGES:
        return "90"
    example = {Kind.INT: "3", Kind.MONEY: "200", Kind.DATE: "2026-01-31"}.get(field.kind, "text")
    return f"{example}, …" if op in LISTS else example


def _changed_at(path: Path, part: str) -> None:
    """Take one changed widget over into its row; another field or operator brings its own value."""
    items, old = _now(), at(_now(), path)
    new = st.session_state[_key(part, path)]
    row = fitting(replace(old, **{part: new}), old)
    (_anew if part in ("field", "op") else _write_text)(put(items, path, row))


def _add() -> None:
    _anew([*_now(), NEW_ROW])


def _add_group() -> None:
    items = _now()
    # Beside conditions that all hold, a group is mostly one of alternatives, and the other way round.
    join = "and" if st.session_state["rule_join"].endswith("or") else "or"
    _anew([*items, Group(join, (NEW_ROW, Row("last_order", "within", "90")))])


def _add_to(place: int) -> None:
    items = _now()
    group = items[place]
    assert isinstance(group, Group)
    items[place] = replace(group, rows=(*group.rows, NEW_ROW))
    _anew(items)


def _text_help() -> str:
    names = ", ".join(f"`{name}`" for name in FIELDS)
    return f"Join conditions with `and`, `or`, `not` and brackets. Fields: {names}."
