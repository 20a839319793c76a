"""The builder's boxes: groups, rows, questions about orders and products, and other segments, with what adds to them."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from app_streamlit.components import builder_state as state
from app_streamlit.components.builder_inputs import about_of, choice, detail, kinds, operator, removal, value, what
from app_streamlit.components.builder_known import Known
from app_streamlit.components.builder_rows import (
    JOINS,
    MOST_DEPTH,
    NEW_ROW,
    Group,
    Item,
    Leaf,
    Member,
    Path,
    Question,
    Row,
    add,
    at,
    first_rows,
    put,
)
from app_streamlit.components.builder_rules import BOUGHT, ORDERS, SEGMENT, TERMS, new_leaf, problem_of, rule_of
from app_streamlit.components.builder_values import first_row
from app_streamlit.components.formats import one_line, plain
from transforms.rules import FIELDS, RuleError, words

MENU = {ORDERS: "What they ordered", BOUGHT: "What they bought", SEGMENT: "Another segment", "group": "A group"}
MORE = "Orders, products, segments"
GROUP_HELP = "Conditions that belong together, such as: any of two countries, none of three groups."
LEFT_OUT = "These are the first conditions. {left} more stand in the text: change them, or add to them, there."
# What a further term mostly asks.
NEXT_TERM = {ORDERS: ("count", "day", "total", "status"), BOUGHT: ("category", "product", "count", "day")}


def all_items(editing: state.Editing, known: Known) -> bool:
    """Show the rows and groups; return whether one of them is wrong."""
    items = editing.rows or []
    shown, left = first_rows(items)
    if len(items) > 1 or editing.join.startswith("not"):
        _join("People who match", editing.join, ())
    wrong = [_item((place,), item, known, alone=len(items) == 1, whole=not left) for place, item in enumerate(shown)]
    if left:
        # Nothing can be added: it would stand at the end, where no row is drawn.
        st.info(LEFT_OUT.format(left=left))
        wrong.append(_problem((), _unsaid(editing)))
    else:
        _adders((), known)
    return any(wrong)


def _unsaid(editing: state.Editing) -> str:
    """Return what is wrong with the rows, of which not all are drawn; empty where nothing is."""
    try:
        rule_of(editing.join, editing.rows or [])
    except RuleError as error:
        return error.message
    return ""


def _item(path: Path, item: Item, known: Known, *, alone: bool, whole: bool) -> bool:
    """Show what stands at `path`, and below it what is wrong with it; return whether something is.

    `whole` says that all rows of the rule are drawn, so that others may be added.
    """
    match item:
        case Group():
            return _group(path, item, known, whole=whole)
        case Question():
            return _question(path, item, known, alone=alone)
        case Member():
            return _member(path, item, known, alone=alone)
    return _row(path, item, known, alone=alone)


def _group(path: Path, group: Group, known: Known, *, whole: bool) -> bool:
    place = "-".join(map(str, path))
    with st.container(border=True, gap="xsmall", key=f"rule-group-{place}"):
        with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
            _join("In this group", group.join, path)
            removal(path, "Remove this group", key=f"rule-ungroup-{place}")
        wrong = [_item((*path, inner), item, known, alone=False, whole=whole) for inner, item in enumerate(group.items)]
        if whole:
            _adders(path, known)
    return any(wrong)


def _question(path: Path, question: Question, known: Known, *, alone: bool) -> bool:
    with st.container(border=True, gap="xsmall", key=state.key("question", path)):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
            _yes_no(path, question, "has", "has not")
            what(path, question.about, known)
            if not alone:
                removal(path, "Remove this condition")
        terms = question.terms
        wrong = [_row((*path, inner), term, known, alone=len(terms) == 1) for inner, term in enumerate(terms)]
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.button(
                "Add a detail",
                icon=":material/add:",
                key=state.key("detail", path),
                on_click=_add_term,
                args=(path,),
                type="tertiary",
            )
        if not any(wrong):
            st.caption(plain(words(rule_of("and", [question])), 400))
    return any(wrong)


def _member(path: Path, member: Member, known: Known, *, alone: bool) -> bool:
    try:
        problem, found = "", known.segment_of(member.segment)
    except RuleError as error:
        problem, found = error.message, member.segment
    names = {found: found, **known.segments}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        _yes_no(path, member, "is", "is not")
        what(path, SEGMENT, known)
        choice(
            "segment",
            path,
            list(names),
            found,
            words=lambda one: one_line(names[one]),
            changed=_segment_changed,
            width=220,
        )
        if not alone:
            removal(path, "Remove this condition")
    return _problem(path, problem)


def _row(path: Path, row: Row, known: Known, *, alone: bool) -> bool:
    about = about_of(state.items(), path)
    field = TERMS[about][row.field] if about else FIELDS[row.field]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        if about:
            detail(path, row.field, about)
        else:
            what(path, row.field, known)
        operator(path, field, row, negatable=not about)
        value(path, field, row, known)
        if not alone:
            removal(path, "Remove this detail" if about else "Remove this condition")
    return _problem(path, problem_of(row, about))


def _problem(path: Path, problem: str) -> bool:
    with st.container(key=state.key("wrong", path)):
        if problem:
            st.caption(f":red[:material/error: {plain(problem, 300)}]")
    return bool(problem)


def _join(label: str, join: str, path: Path) -> None:
    key = state.key("join", path)
    st.session_state[key] = join
    st.selectbox(
        label, list(JOINS), key=key, format_func=JOINS.__getitem__, on_change=_rejoin, args=(key, path), width=200
    )


def _rejoin(key: str, path: Path) -> None:
    join, items = st.session_state[key], state.items()
    if not path:
        state.write_join(join)
        return
    group = at(items, path)
    assert isinstance(group, Group)
    state.write(put(items, path, replace(group, join=join)))


def _yes_no(path: Path, item: Leaf, yes: str, no: str) -> None:
    said = {"yes": yes, "no": no}
    now = "no" if item.negated else "yes"
    choice("sense", path, list(said), now, words=said.__getitem__, changed=_sense_changed, width=105)


def _sense_changed(path: Path, chosen: str) -> None:
    item = at(state.items(), path)
    assert not isinstance(item, Group)
    state.write(put(state.items(), path, replace(item, negated=chosen == "no")))


def _segment_changed(path: Path, chosen: str) -> None:
    member = at(state.items(), path)
    assert isinstance(member, Member)
    state.write_anew(put(state.items(), path, replace(member, segment=chosen)))


def _adders(path: Path, known: Known) -> None:
    """Show what adds a condition, or more than that, at the end of the rule or of the group at `path`."""
    place = "".join(f"-{one}" for one in path)
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Add to this group" if path else "Add a condition",
            icon=":material/add:",
            on_click=_add,
            args=(path, NEW_ROW),
            key=f"rule-add{place}",
            type="tertiary" if path else "secondary",
        )
        if not path:
            st.button(
                "Add a group",
                icon=":material/add_box:",
                on_click=_add_group,
                args=(path,),
                key="rule-add-group",
                help=GROUP_HELP,
            )
        deeper = ["group"] if path and len(path) < MOST_DEPTH else []
        st.menu_button(
            MORE,
            [*kinds(known), *deeper],
            key=f"rule-more{place}",
            format_func=MENU.__getitem__,
            on_click=_add_chosen,
            args=(path, f"rule-more{place}", known),
            type="tertiary" if path else "secondary",
        )


def _add(path: Path, item: Item) -> None:
    state.write_anew(add(state.items(), path, item))


def _add_chosen(path: Path, key: str, known: Known) -> None:
    chosen = st.session_state[key]
    if chosen == "group":
        _add_group(path)
    elif chosen:
        _add(path, new_leaf(chosen, known.values, list(known.segments)))


def _add_group(path: Path) -> None:
    around = at(state.items(), path) if path else None
    join = around.join if isinstance(around, Group) else state.current().join
    # Beside conditions that all hold, a group is mostly one of alternatives, and the other way round.
    _add(path, Group("and" if join.endswith("or") else "or", (NEW_ROW, Row("last_order", "within", ("90",)))))


def _add_term(path: Path) -> None:
    question = at(state.items(), path)
    assert isinstance(question, Question)
    there: Sequence[str] = [term.field for term in question.terms]
    likely = (*NEXT_TERM[question.about], *TERMS[question.about])
    name = next((one for one in likely if one not in there), likely[0])
    _add(path, first_row(TERMS[question.about][name]))
