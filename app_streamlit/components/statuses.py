"""How the status of an order reads."""

import functools

from app_streamlit.components import formats

_WORDS = {"checkout-draft": "draft", "on-hold": "on hold"}


@functools.lru_cache(maxsize=256)
def status_words(status: str | None) -> str:
    """Return an order's status as people say it."""
    return _WORDS.get(status or "", formats.one_line(status).replace("-", " ")) or formats.ABSENT
