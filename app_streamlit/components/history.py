"""The browser's Back: one step a page that was looked at.

On the way to another page Streamlit writes the new page's query beside the old page's path first, and keeps that as a
step of its own. Who goes back from a profile would land on `/customers?customer=…`, which leads to the profile again:
the list could never be reached. So the second step takes the place of such a first one.
"""

import streamlit as st

# Longer than the way to the server and back takes, shorter than somebody needs to choose another page.
SAME_STEP_MILLISECONDS = 5_000

# Static, no data.
SCRIPT = f"""
<script>
if (!window.regularsHistory) {{
  window.regularsHistory = true;
  const push = history.pushState.bind(history);
  let halfway = "", when = 0;
  history.pushState = (state, unused, url) => {{
    const to = new URL(url ?? location.href, location.href);
    const leaves = to.pathname !== location.pathname && to.search === location.search;
    const half = halfway === location.href && Date.now() - when < {SAME_STEP_MILLISECONDS};
    if (leaves && half) {{
      history.replaceState(state, unused, url);
    }} else {{
      halfway = to.pathname === location.pathname ? to.href : "";
      when = Date.now();
      push(state, unused, url);
    }}
  }};
}}
</script>
"""


def one_step_a_page() -> None:
    """Let Back lead from a page to the one before it."""
    st.html(SCRIPT, unsafe_allow_javascript=True)
