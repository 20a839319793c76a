"""How many people a rule described on a past day, worked out from what is known now."""

from datetime import date

import streamlit as st

from app_streamlit import reads_rules
from app_streamlit.components import formats
from app_streamlit.components.builder_known import Known
from regulars.directory.layout import Manifest
from transforms.rules import Rule, RuleError, todays_values

HELP = (
    "Counts whom this rule described when that day began, in the shop's time zone: orders and refunds from before it, with "
    "today's statuses, owners and profiles. It is reconstructed; who was seen in a saved segment is on its own page."
)
# Streamlit offers ten years otherwise; shops are older.
FIRST_DAY = date(2000, 1, 1)


def past_count(rule: Rule, known: Known, about: Manifest) -> None:
    """Let somebody choose a day, and show people and net of then, with what the rule asks that has no past."""
    last = reads_rules.last_day(about)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="rule-past"):
        day = st.date_input(
            "Count as of …",
            None,
            key="rule_as_of",
            format="YYYY-MM-DD",
            min_value=FIRST_DAY,
            max_value=last,
            width=170,
            help=HELP,
        )
        if day is None:
            return
        try:
            with st.spinner("Counting …"):
                count = reads_rules.count_as_of(known.shop, rule, day)
        except RuleError as error:
            st.caption(formats.sentence(error.message, 300))
            return
        st.markdown(
            f"**{formats.people(count.people)}**, {formats.plain(formats.totals(count.net))} net", width="content"
        )
    st.caption(formats.plain(told(rule, known), 600))


def told(rule: Rule, known: Known) -> str:
    """Return how the count of a past day came about, in one sentence."""
    return f"Reconstructed, with what has no past here as it is today: {', '.join(todays_values(rule, known.saved))}."
