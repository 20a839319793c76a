"""Ways from one page to another, and what a page's address says."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import streamlit as st

_PAGES, _SHOP, _LIST = "_pages", "_shop", "_list_address"

Address = Mapping[str, str | Sequence[str]]


def register(pages: Mapping[str, Any], shop: str, *, several: bool) -> None:
    """Keep the pages and the shop of this run; the shop is part of addresses where there are several."""
    st.session_state[_PAGES] = pages
    st.session_state[_SHOP] = (shop, several)


def shop() -> str:
    """Return the shop that this run shows."""
    name: str = st.session_state[_SHOP][0]
    return name


def go(page: str, address: Address | None = None) -> NoReturn:
    """Leave for another page of this shop."""
    st.switch_page(st.session_state[_PAGES][page], query_params=_with_shop(address or {}))


def go_to_person(key: str) -> NoReturn:
    """Open a person's profile."""
    go("customer", {"customer": key})


def go_to_list(**address: str | Sequence[str]) -> NoReturn:
    """Open the list with these filters; without any, as it was left."""
    go("customers", address or st.session_state.get(_LIST, {}))


def list_address() -> Address:
    """Return the filters of the list that was looked at last, empty before the first."""
    address: Address = st.session_state.get(_LIST, {})
    return address


def asked(name: str) -> str:
    """Return one value of the page's address, empty where it is missing."""
    return st.query_params.get(name, "")


def asked_all(name: str) -> list[str]:
    """Return all values of one name in the page's address."""
    return st.query_params.get_all(name)


def remember_list(address: Address) -> None:
    """Write the list's filters into the address bar, and keep them for the way back from a profile."""
    st.session_state[_LIST] = dict(address)
    wanted = _with_shop(address)
    if _as_lists(wanted) != _as_lists({name: st.query_params.get_all(name) for name in st.query_params}):
        st.query_params.from_dict(wanted)


def _with_shop(address: Address) -> dict[str, str | Sequence[str]]:
    name, several = st.session_state[_SHOP]
    return {**({"shop": name} if several else {}), **address}


def _as_lists(address: Address) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else list(value) for name, value in address.items() if value}
