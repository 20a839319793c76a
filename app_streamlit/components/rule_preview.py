"""Whom a rule describes, counted while it is edited: people, net, ten of them, and what it shares with saved segments."""

from collections.abc import Mapping, Sequence

import polars as pl
import streamlit as st

from app_streamlit import figures, reads, reads_rules
from app_streamlit.components import formats, segment_cards
from app_streamlit.components.builder_known import Known
from app_streamlit.components.people import people_sample
from app_streamlit.components.rule_past import past_count
from regulars.directory.query import Count
from transforms.rules import Rule, RuleError, words

_COUNTED = "rule_counted"
STALE = "This is the count of the last rule that could be read."
MOST_WARNINGS = 4
OVERLAP_HELP = "How many people this rule and another segment have in common now."
# Static, no data. The line of progress has its room, so that nothing jumps; an older count is dimmed.
STYLE = "<style>.st-key-preview-progress {min-height: 28px;}</style>"
DIMMED = "<style>.st-key-preview {opacity: .75;}</style>"


def forget() -> None:
    """Show no count of an earlier rule: another segment is opened."""
    st.session_state.pop(_COUNTED, None)


def preview(rule: Rule | None, known: Known) -> None:
    """Count `rule`; where it cannot be read, the count of the one before stays, and says so."""
    st.html(STYLE)
    counted: Rule | None = rule or st.session_state.get(_COUNTED)
    with st.container(key="preview-progress"):
        if counted is None:
            return
        if rule is None:
            st.html(DIMMED)
            st.caption(STALE)
        try:
            # A rule that looks into orders may take a second at a million people.
            with st.spinner("Counting …"):
                count = reads.count(known.shop, counted)
        except RuleError as error:
            st.error(formats.sentence(error.message, 400))
            return
    st.session_state[_COUNTED] = counted
    with st.container(key="preview"):
        _count(counted, count, known)


def _count(rule: Rule, count: Count, known: Known) -> None:
    about = reads.manifest(known.shop)
    st.caption(formats.plain(words(rule, {segment.id: segment.name for segment in known.saved}), 600))
    _warn(known.warnings(rule))
    with st.grid(3, min_column_width=150, border=True, gap="small"):
        st.metric("People", formats.number(count.people))
        figures.net_metric("Net", count.net, help_text="What these people spent in all, less refunds.")
        st.metric("Of all people", segment_cards.share(count.people, reads.everybody(known.shop)))
    past_count(rule, known, about)
    if count.people == 0:
        st.caption("Nobody is described by this rule now.")
        return
    _overlap(rule, count.people, known)
    st.caption("Ten of them, by net:" if count.people > 10 else "All of them, by net:")
    people_sample(count.sample.to_dicts(), today=reads.today(about), timezone=about.timezone)


def _warn(sentences: Sequence[str]) -> None:
    """Show what the rule asks for and the shop does not have: right perhaps tomorrow, but mostly a slip."""
    if not sentences:
        return
    more = len(sentences) - MOST_WARNINGS
    told = [*sentences[:MOST_WARNINGS], *([f"{more} more values are not in this shop today."] if more > 0 else [])]
    st.warning("  \n".join(formats.plain(sentence, 300) for sentence in told), icon=":material/spellcheck:")


def _overlap(rule: Rule, people: int, known: Known) -> None:
    """Show, on asking, how many people the rule shares with each saved segment."""
    if not known.segments:
        return
    box = st.expander("Overlap with saved segments", key="rule-overlap", on_change="rerun")
    if not box.open:
        return
    with box:
        shared = reads_rules.overlap(known.shop, rule, list(known.segments))
        if not shared:
            st.caption("No saved segment has anybody of these.")
            return
        st.dataframe(
            _cells(shared, people, known.segments),
            hide_index=True,
            placeholder="",
            column_config={
                "segment": st.column_config.TextColumn("Segment", width=150),
                "both": st.column_config.NumberColumn("In both", format="%,d", width=80, help=OVERLAP_HELP),
                "of_rule": st.column_config.TextColumn("Of this rule", width=100, alignment="right"),
                "of_segment": st.column_config.TextColumn("Of that segment", width=120, alignment="right"),
            },
        )


def _cells(shared: Mapping[str, tuple[int, int]], people: int, names: Mapping[str, str]) -> pl.DataFrame:
    """Return the rows of the table: people in both and people of each segment, by id, the largest overlap first."""
    rows = [
        {
            "segment": formats.one_line(names[segment]),
            "both": both,
            "of_rule": segment_cards.share(both, people),
            "of_segment": segment_cards.share(both, of_segment),
        }
        for segment, (both, of_segment) in sorted(shared.items(), key=lambda item: (-item[1][0], names[item[0]]))
    ]
    return pl.DataFrame(rows)
