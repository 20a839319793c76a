"""A choice that a page remembers: it stands in the address, and is there again when somebody comes back."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from app_streamlit.components import links

_KEPT = "_choices"


def choose(
    name: str,
    options: Mapping[str, str],
    *,
    label: str,
    help_text: str | None = None,
    default: str | None = None,
) -> str:
    """Show the options side by side and return the chosen one; `name` is its name in the address.

    `options` are their words by value, the value being what stands in the address; the first one is the usual choice,
    unless `default` names another, and stays out of the address.
    """
    _seed(name, list(options), default)
    st.segmented_control(label, list(options), key=name, format_func=options.__getitem__, required=True, help=help_text)
    return _keep(name, list(options), default)


def choose_from_list(
    name: str, options: Sequence[str], *, label: str, format_func: Callable[[str], str] = str, help_text: str = ""
) -> str:
    """Show the options to drop down and return the chosen one, as `choose` does. There must be one."""
    _seed(name, options, None)
    st.selectbox(label, options, key=name, format_func=format_func, help=help_text or None, width=150)
    return _keep(name, options, None)


def _seed(name: str, options: Sequence[str], default: str | None) -> None:
    """Give the widget its value: the address's where that is new, else the one kept, else the usual one."""
    kept: dict[str, str] = st.session_state.setdefault(_KEPT, {})
    asked = links.asked(name)
    if asked in options and asked != kept.get(name):
        first_look = st.session_state.get(name) not in options
        if first_look or st.session_state.get(f"_{name}_written") != asked:
            st.session_state[name] = asked
            return
    if st.session_state.get(name) not in options:
        st.session_state[name] = kept.get(name) if kept.get(name) in options else (default or options[0])


def _keep(name: str, options: Sequence[str], default: str | None) -> str:
    chosen: str = st.session_state[name]
    st.session_state[_KEPT][name] = chosen
    written = "" if chosen == (default or options[0]) else chosen
    st.session_state[f"_{name}_written"] = written
    if links.asked(name) != written:
        if written:
            st.query_params[name] = written
        else:
            st.query_params.pop(name, None)
    return chosen
