"""One thin script a screen, and the table of all of them."""

from typing import Any

import streamlit as st

from app_streamlit.views import customers, health, overview, profile, rfm, segment, segments, shared


def pages() -> dict[str, Any]:
    """Return the pages by name. Addresses are a contract: links to a person or a list are kept in mails and notes."""
    return {
        "overview": st.Page(overview.show, title="Overview", icon=":material/insights:", default=True),
        # The first page has no address but "/"; who types its name is led there as well.
        "overview by name": st.Page(overview.show, title="Overview", url_path="overview", visibility="hidden"),
        "customers": st.Page(customers.show, title="Customers", icon=":material/group:", url_path="customers"),
        "segments": st.Page(segments.show, title="Segments", icon=":material/donut_small:", url_path="segments"),
        "rfm": st.Page(rfm.show, title="RFM", icon=":material/grid_on:", url_path="rfm"),
        "health": st.Page(health.show, title="Health", icon=":material/monitor_heart:", url_path="health"),
        "customer": st.Page(profile.show, title="Customer", url_path="customer", visibility="hidden"),
        "shared": st.Page(shared.show, title="Shared addresses", url_path="shared-addresses", visibility="hidden"),
        "segment": st.Page(segment.show, title="Segment", url_path="segment", visibility="hidden"),
    }
