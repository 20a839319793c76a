"""The two forms of one rule: rows that read as a sentence, and beside them (below them on a phone) text.

Each follows the other.

The text is the truth. Rows say every kind of condition, in groups of "and", "or" and "not" that stand within each other;
a rule that nests deeper is edited as text.
"""

import streamlit as st

from app_streamlit.components import builder_state as state
from app_streamlit.components.builder_items import all_items
from app_streamlit.components.builder_known import Known
from app_streamlit.components.formats import sentence
from transforms.rules import FIELDS, Rule, RuleError, excerpt

FIRST = "orders_count >= 3"
DEEP = "Rows cannot say all of this rule: it nests too deep, or holds a value that does not fit a row. Edit it as text."
UNREAD = "Rows are shown again as soon as the text can be read."
# The input shows one line, and beside the rows a short one: what is longer is written out below it.
LONGEST_LINE, LONGEST_WIDE_LINE = 36, 90
# Static, no data. The text stands beside the rows where both have room, below them where they have not, and stays in
# sight while long rows are scrolled. Fingers need 40 px, and a box within a box little room around.
STYLE = """
<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-rule-rows) {flex: 1 1 700px !important; min-width: min(700px, 100%);}
[data-testid="stLayoutWrapper"]:has(> .st-key-rule-text) {
  flex: 1 1 330px !important; min-width: min(330px, 100%); align-self: flex-start; position: sticky; top: 64px;
  container-type: inline-size;
}
@container (min-width: 660px) {.st-key-rule-written-short {display: none;}}
[class*="st-key-rule-"] button[kind="tertiary"] {min-height: 40px; min-width: 40px;}
@media (max-width: 767px) {
  [class*="st-key-rule-group-"], [class*="st-key-rule-question-"] {padding: 8px;}
}
</style>
"""


def start(rule: str) -> None:
    """Begin with this rule's text; what was being edited before is gone."""
    state.start(rule)


def editor(known: Known) -> Rule | None:
    """Show both forms; return the rule they mean, or None with a sentence on the screen where they mean none."""
    st.html(STYLE)
    editing = state.current()
    with st.container(horizontal=True, gap="medium", key="rule-forms"):
        with st.container(key="rule-rows"):
            wrong = False
            if editing.rows is not None:
                wrong = all_items(editing, known)
            else:
                st.info(UNREAD if editing.error else DEEP)
        with st.container(key="rule-text"):
            return _text(editing, known, wrong=wrong)


def _text(editing: state.Editing, known: Known, *, wrong: bool) -> Rule | None:
    """Show the text form, and what is wrong with it at its place; return the rule, None where rows or text mean none."""
    st.text_input("As text", key=state.RULE, live="120ms", on_change=state.read_text, help=_text_help())
    if editing.note:
        st.caption(editing.note)
    rule, error = _checked(editing.text, known)
    # A place of its own: were the message to push what follows down, boxes there would lose what is being typed.
    with st.container(key="rule-problem"):
        if error:
            st.error(sentence(error.told, 600))
        if error and error.position is not None:
            st.code(excerpt(editing.text, error.position), language=None)
        elif len(editing.text) > LONGEST_LINE:
            with st.container(key="rule-written" if len(editing.text) > LONGEST_WIDE_LINE else "rule-written-short"):
                st.code(editing.text, language=None, wrap_lines=True)
    return None if wrong else rule


def _checked(text: str, known: Known) -> tuple[Rule | None, RuleError | None]:
    """Return the rule, or None and what is wrong: a rule that can be read may still lead in a circle."""
    rule, error = state.parsed(text)
    if rule is None:
        return None, error
    try:
        known.check(rule)
    except RuleError as circle:
        return None, circle
    return rule, None


def _text_help() -> str:
    names = ", ".join(f"`{name}`" for name in FIELDS)
    return (
        "Join conditions with `and`, `or`, `not` and brackets. Ask about orders with `orders(count >= 2, total >= 50, "
        'within 90 days)`, about products with `bought(category = "Mugs", count >= 2)`, about other segments with '
        f'`in_segment("vip")`. An object of criteria may be pasted. Fields: {names}.'
    )
