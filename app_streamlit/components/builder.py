"""The two forms of one rule: rows that read as a sentence, and below them text. Each follows the other.

The text is the truth. Rows say every kind of condition, in groups of "and", "or" and "not" that stand within each other;
a rule that nests deeper is edited as text.
"""

import streamlit as st

from app_streamlit.components import builder_state as state
from app_streamlit.components.builder_items import all_items
from app_streamlit.components.builder_known import Known
from app_streamlit.components.formats import sentence
from transforms.rules import FIELDS, Rule, RuleError

FIRST = "orders_count >= 3"
DEEP = "Rows cannot say all of this rule: it nests too deep, or holds a value that does not fit a row. Edit it as text."
# Static, no data: fingers need 40 px, and a box within a box little room around.
STYLE = """
<style>
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
    wrong = False
    if editing.rows is not None:
        wrong = all_items(editing, known)
    elif not editing.error:
        st.info(DEEP)
    st.text_input("As text", key=state.RULE, live="120ms", on_change=state.read_text, help=_text_help())
    if editing.note:
        st.caption(editing.note)
    rule, error = (None, editing.error) if editing.error or wrong else _checked(editing.text, known)
    # A place of its own: were the message to push what follows down, boxes there would lose what is being typed.
    with st.container(key="rule-problem"):
        if error:
            st.error(sentence(error, 600))
    return rule


def _checked(text: str, known: Known) -> tuple[Rule | None, str]:
    """Return the rule, or None and a sentence: a rule that can be read may still lead in a circle."""
    rule, error = state.parsed(text)
    if rule is None:
        return None, error
    try:
        known.check(rule)
    except RuleError as circle:
        return None, circle.message
    return rule, ""


def _text_help() -> str:
    names = ", ".join(f"`{name}`" for name in FIELDS)
    return (
        "Join conditions with `and`, `or`, `not` and brackets. Ask about orders with `orders(count >= 2, total >= 50, "
        'within 90 days)`, about products with `bought(category = "Mugs", count >= 2)`, about other segments with '
        f'`in_segment("vip")`. An object of criteria may be pasted. Fields: {names}.'
    )
