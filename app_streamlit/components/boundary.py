"""What a view shows when something fails: a sentence and a reference, never a traceback or somebody's data."""

import functools
import logging
import secrets
import traceback
from collections.abc import Callable

import streamlit as st

from app_streamlit.components.formats import plain
from regulars.errors import NothingPublished, RegularsError

log = logging.getLogger("regulars.app")

View = Callable[[], None]


def screen(view: View) -> View:
    """Guard a view: an error on purpose shows its sentence, any other an apology; both are logged with a reference."""

    @functools.wraps(view)
    def guarded() -> None:
        try:
            view()
        except NothingPublished as error:
            st.info(plain(error.sentence(), 1000))
        except RegularsError as error:
            st.error(f"{plain(error.sentence(), 1000)} (Reference {logged(error)}.)")
        except Exception as error:  # noqa: BLE001 - the boundary: whatever fails, people read a sentence
            reference = logged(error)
            st.error(
                f"This part of the page could not be shown. The app's log tells why under the reference {reference}. "
                "The rest of the app works; reload the page to try again."
            )

    return guarded


def logged(error: BaseException) -> str:
    """Log where an error came from and return its reference. Messages stay out: they may quote somebody's data."""
    reference = secrets.token_hex(4).upper()
    where = " < ".join(
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__)[-6:])
    )
    log.error("reference %s: %s at %s", reference, type(error).__name__, where)
    return reference
