"""The inputs of one row of the builder: what is asked, how it is compared, and with which value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app_streamlit.components import builder_state as state
from app_streamlit.components.builder_known import Known
from app_streamlit.components.builder_rows import Item, Path, Question, Row, at, put
from app_streamlit.components.builder_rules import BOUGHT, ORDERS, SEGMENT, TERMS, new_leaf
from app_streamlit.components.builder_values import AGES, BETWEEN, LISTS, NO_VALUE, example, first_row, fitting
from app_streamlit.components.formats import one_line
from transforms.rules import DATE_PHRASES, FIELDS, PHRASES, Field, Kind

DATE_WORDS: Mapping[str, str] = {**DATE_PHRASES, "within": "within the last"}
KIND_WORDS = {ORDERS: "ordered, where", BOUGHT: "bought, where", SEGMENT: "in the segment"}
KIND_HELP = {
    ORDERS: "Looks at each order of a person: how many there are that fit all details, or what they add up to.",
    BOUGHT: "Looks at each line of each order: products, categories and pieces, and how often they were bought.",
    SEGMENT: "Whoever is in the other segment now. When its rule changes, this one follows.",
}
# Comparisons whose opposite has no operator of its own; "is not one of" and the like are operators already.
NEGATED = {
    "contains": "does not contain",
    "starts with": "does not start with",
    "ends with": "does not end with",
    BETWEEN: "is not between",
    "older than": "is not older than",
    "within": "is not within the last",
}
_NOT = "not:"


def about_of(items: Sequence[Item], path: Path) -> str:
    """Return what the question asks about whose term stands at `path`, empty for what is no term."""
    around = at(items, path[:-1]) if len(path) > 1 else None
    return around.about if isinstance(around, Question) else ""


def kinds(known: Known) -> list[str]:
    """Return the kinds of conditions beside those on fields; other segments only where there are some."""
    return [ORDERS, BOUGHT, SEGMENT] if known.segments else [ORDERS, BOUGHT]


def what(path: Path, chosen: str, known: Known) -> None:
    """Let somebody choose what a condition asks: about a field, about orders or products, or for another segment."""
    options = list(dict.fromkeys([*kinds(known), *FIELDS, chosen]))
    choice(
        "field",
        path,
        options,
        chosen,
        words=lambda one: KIND_WORDS[one] if one in KIND_WORDS else FIELDS[one].label,
        changed=lambda where, new: _what_changed(where, new, known),
        width=230,  # the longest label is "median days between orders"
        help_text=KIND_HELP[chosen] if chosen in KIND_HELP else FIELDS[chosen].help,
    )


def detail(path: Path, chosen: str, about: str) -> None:
    """Let somebody choose which detail of orders, or of what was bought, a term asks for."""
    terms = TERMS[about]
    choice(
        "field",
        path,
        list(terms),
        chosen,
        words=lambda one: terms[one].label,
        changed=_detail_changed,
        width=185,
        help_text=terms[chosen].help,
    )


def operator(path: Path, field: Field, row: Row, *, negatable: bool) -> None:
    """Let somebody choose how a field or term is compared."""
    options = list(field.operators)
    if negatable:
        options += [f"{_NOT}{op}" for op in field.operators if op in NEGATED]
    now = f"{_NOT}{row.op}" if row.negated else row.op
    if now not in options:
        options.append(now)
    choice("op", path, options, now, words=lambda op: op_words(field, op), changed=_op_changed, width=140)


def op_words(field: Field, op: str) -> str:
    """Return how an operator reads in a sentence; with "not:" before it, its opposite."""
    if op.startswith(_NOT):
        bare = op.removeprefix(_NOT)
        return NEGATED.get(bare) or f"not: {op_words(field, bare)}"
    phrases = {**PHRASES, **(DATE_WORDS if field.kind == Kind.DATE else {})}
    return phrases.get(op, op)


def value(path: Path, field: Field, row: Row, known: Known) -> None:
    """Let somebody fill in the value: one, two, a list, an age, or none, as the operator asks."""
    if row.op in NO_VALUE:
        return
    if field.kind == Kind.BOOL:
        choice("value", path, ["yes", "no"], row.value or "yes", words=str, changed=_value_changed, width=90)
    elif row.op in LISTS:
        _several(path, field, row, known)
    elif field.kind == Kind.LIST or (field.kind == Kind.TEXT and row.op in ("=", "!=")):
        _one(path, field, row, known.values(field.name))
    else:
        _text("value", path, field, row, 0)
    if row.op == BETWEEN:
        st.caption("and", width="content")
        _text("other", path, field, row, 1)
    if row.op in AGES:
        choice("unit", path, ["days", "weeks"], row.unit, words=str, changed=_unit_changed, width=95)


def choice(
    part: str,
    path: Path,
    options: list[str],
    chosen: str,
    *,
    words: Callable[[str], str],
    changed: Callable[[Path, str], None],
    width: int,
    help_text: str | None = None,
) -> None:
    """Show options to drop down; `changed` gets the path and the option."""
    key = state.key(part, path)
    st.selectbox(
        _named(part, path),
        options,
        index=options.index(chosen),
        key=key,
        format_func=words,
        on_change=lambda: changed(path, st.session_state[key]),
        label_visibility="collapsed",
        width=width,
        help=help_text,
    )


def removal(path: Path, words: str, *, key: str | None = None) -> None:
    """Show what takes away the thing at `path`."""
    st.button(
        "✕", help=words, key=key or state.key("remove", path), on_click=state.remove, args=(path,), type="tertiary"
    )


def _text(part: str, path: Path, field: Field, row: Row, place: int) -> None:
    st.text_input(
        _named(part, path),
        value=row.values[place] if len(row.values) > place else "",
        key=state.key(part, path),
        on_change=_word_changed,
        args=(path, part, place),
        label_visibility="collapsed",
        placeholder=example(field, row.op),
        live="120ms",
        width=90 if row.op in AGES else 110 if row.op == BETWEEN else 150,
    )


def _one(path: Path, field: Field, row: Row, suggested: Sequence[str]) -> None:
    """Show a text with what the shop is known to have; anything else may be typed."""
    if not suggested:
        _text("value", path, field, row, 0)
        return
    options = list(dict.fromkeys([*suggested, *filter(None, row.values[:1])]))
    key = state.key("value", path)
    st.selectbox(
        _named("value", path),
        options,
        index=options.index(row.value) if row.value else None,
        key=key,
        format_func=one_line,
        placeholder="Choose or type",
        accept_new_options=True,
        on_change=lambda: _value_changed(path, st.session_state[key] or ""),
        label_visibility="collapsed",
        width=220,
    )


def _several(path: Path, field: Field, row: Row, known: Known) -> None:
    options = list(dict.fromkeys([*known.values(field.name), *row.values]))
    key = state.key("value", path)
    st.multiselect(
        _named("value", path),
        options,
        list(dict.fromkeys(row.values)),
        key=key,
        format_func=one_line,
        placeholder="Choose or type",
        accept_new_options=True,
        on_change=lambda: _values_changed(path, st.session_state[key]),
        label_visibility="collapsed",
        width=220,
    )


def _what_changed(path: Path, new: str, known: Known) -> None:
    """Ask something else; another field brings its own operator and value."""
    items = state.items()
    old = at(items, path)
    changed: Item
    if new in KIND_WORDS:
        changed = new_leaf(new, known.values, list(known.segments))
    elif isinstance(old, Row):
        changed = fitting(replace(old, field=new), FIELDS[new], FIELDS[old.field], old.op)
    else:
        changed = first_row(FIELDS[new])
    state.write_anew(put(items, path, changed))


def _detail_changed(path: Path, new: str) -> None:
    row, terms = _row_at(path), TERMS[about_of(state.items(), path)]
    changed = fitting(replace(row, field=new), terms[new], terms[row.field], row.op)
    state.write_anew(put(state.items(), path, changed))


def _op_changed(path: Path, new: str) -> None:
    row, about = _row_at(path), about_of(state.items(), path)
    field: Field = TERMS[about][row.field] if about else FIELDS[row.field]
    asked = replace(row, op=new.removeprefix(_NOT), negated=new.startswith(_NOT))
    state.write_anew(put(state.items(), path, fitting(asked, field, field, row.op)))


def _value_changed(path: Path, new: str) -> None:
    state.write(put(state.items(), path, replace(_row_at(path), values=(new,))))


def _values_changed(path: Path, new: Sequence[str]) -> None:
    state.write(put(state.items(), path, replace(_row_at(path), values=tuple(new))))


def _word_changed(path: Path, part: str, place: int) -> None:
    row = _row_at(path)
    words = [*row.values, "", ""][: max(len(row.values), place + 1)]
    words[place] = st.session_state[state.key(part, path)]
    state.write(put(state.items(), path, replace(row, values=tuple(words))))


def _unit_changed(path: Path, new: str) -> None:
    state.write(put(state.items(), path, replace(_row_at(path), unit=new)))


def _row_at(path: Path) -> Row:
    row: Any = at(state.items(), path)
    assert isinstance(row, Row)
    return row


def _named(part: str, path: Path) -> str:
    return f"{part} {'.'.join(str(place + 1) for place in path)}"
