"""What can be done with the whole list: choose columns, save the filters as a segment, export, tag."""

import functools
from collections.abc import Mapping, Sequence

import streamlit as st

from app_streamlit import reads
from app_streamlit.components import filters, formats, links, tagging
from app_streamlit.components.list_state import ListState, as_segment
from regulars import exports
from regulars.directory.layout import Manifest
from regulars.directory.query import PeoplePage
from regulars.exports import Kind
from regulars.models import Segment
from transforms.rules import parse, words

FILES: Mapping[Kind, str] = {
    "csv": "CSV, for spreadsheets; formulas in names are made harmless",
    "parquet": "Parquet, for analysis; every value as it is",
}
_SAVE = "_save_asked"


def tools(shop: str, page: PeoplePage, about: Manifest, segments: Sequence[Segment]) -> None:
    """Show the tools of the whole list in one row."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="list-tools", width="content"):
        filters.columns_menu()
        st.button(
            "Save as segment",
            icon=":material/bookmark_add:",
            key="save-segment",
            on_click=_ask_to_save,
            disabled=not filters.current().filtered,
            help="Make a segment of these filters: whoever they describe is in it, now and later.",
        )
        _export(shop, page.total, about)
        st.button("Tag…", icon=":material/label:", key="tag-all", on_click=tagging.ask)
        st.button(
            "Manage tags", key="manage-tags", on_click=tagging.ask_names, type="tertiary", help="Rename and join tags"
        )
    if st.session_state.pop(_SAVE, False):
        _save(segments)


def _ask_to_save() -> None:
    st.session_state[_SAVE] = True


def _save(segments: Sequence[Segment]) -> None:
    """Open the builder with the filters as a rule; where no rule can say all of them, say so first."""
    rule, left_out = as_segment(filters.current(), segments)
    if rule and not left_out:
        links.go("segment", {"rule": rule})
    _explain(rule, left_out)


@st.dialog("Save as segment", icon=":material/bookmark_add:")
def _explain(rule: str, left_out: Sequence[str]) -> None:
    st.write("A segment is a rule. No rule can say:")
    for sentence in left_out:
        st.warning(formats.sentence(sentence, 300))
    if not rule:
        st.write("Nothing else is filtered. Add a filter that a rule can say, or build a segment from the start.")
        return
    st.write(f"The segment would be without it: **{formats.plain(words(parse(rule)), 600)}**.")
    if st.button("Go on without it", type="primary", key="save-anyway"):
        links.go("segment", {"rule": rule})


def _export(shop: str, total: int, about: Manifest) -> None:
    menu = st.popover("Export", icon=":material/download:", key="export", on_change="rerun", disabled=total == 0)
    if not menu.open:
        return
    with menu:
        st.caption(
            f"{formats.people(total)}: all who match, with every column. Large files take some seconds; the button "
            "shows when they are made."
        )
        state, day = filters.current(), reads.today(about)
        for kind, label in FILES.items():
            st.download_button(
                label,
                data=functools.partial(_file, shop, state, kind, about.timezone),
                file_name=exports.file_name(shop, "customers", day, kind),
                mime="text/csv" if kind == "csv" else "application/vnd.apache.parquet",
                key=f"export-{kind}",
                on_click="ignore",
                width="stretch",
            )


def _file(shop: str, state: ListState, kind: Kind, timezone: str) -> bytes:
    people = reads.everyone(shop, state.query(1))
    return exports.to_csv(people, timezone=timezone) if kind == "csv" else exports.to_parquet(people)
