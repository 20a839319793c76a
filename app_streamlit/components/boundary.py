"""What a view shows when something fails: a sentence and a reference, never a traceback or somebody's data.

Where a store or server is away, the page looks again by itself, and is whole as soon as it is back.
"""

import functools
import logging
import secrets
import time
import traceback
from collections.abc import Callable

import streamlit as st

from app_streamlit.components.formats import sentence
from regulars.errors import DirectoryUnavailable, InboxUnavailable, NothingPublished, RecordsUnavailable, RegularsError

log = logging.getLogger("regulars.app")

AGAIN_SECONDS = 5.0
AWAY = (DirectoryUnavailable, InboxUnavailable, RecordsUnavailable)

View = Callable[[], None]


def screen(view: View) -> View:
    """Guard a view: an error on purpose shows its sentence, any other an apology; both are logged with a reference."""

    @functools.wraps(view)
    def guarded() -> None:
        try:
            view()
        except NothingPublished as error:
            st.info(sentence(error.sentence(), 1000))
        except AWAY as error:
            away(error)
        except RegularsError as error:
            st.error(f"{sentence(error.sentence(), 1000)} (Reference {logged(error)}.)")
        except Exception as error:  # noqa: BLE001 - the boundary: whatever fails, people read a sentence
            reference = logged(error)
            st.error(
                f"This part of the page could not be shown. The app's log tells why under the reference {reference}. "
                "The rest of the app works; reload the page to try again."
            )

    return guarded


def away(error: RegularsError) -> None:
    """Say what is away, once, and draw the page anew every few seconds until it is back."""
    kind = type(error).__name__
    said = st.session_state.get("_away")
    reference = said[1] if said and said[0] == kind else logged(error)  # one outage is one line of the log a window
    st.session_state["_away"] = (kind, reference)
    st.error(f"{sentence(error.message, 1000)} (Reference {reference}.)")
    st.caption(f"This page looks again every {AGAIN_SECONDS:.0f} seconds, and is whole as soon as it is back.")
    drawn = time.monotonic()

    def look_again() -> None:
        # Drawn with the page it waits; the browser's timer then calls it alone.
        if time.monotonic() - drawn > AGAIN_SECONDS / 2:
            st.rerun(scope="app")

    st.fragment(look_again, run_every=AGAIN_SECONDS)()


def logged(error: BaseException) -> str:
    """Log where an error came from and return its reference. Messages stay out: they may quote somebody's data."""
    reference = secrets.token_hex(4).upper()
    where = " < ".join(
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__)[-6:])
    )
    log.error("reference %s: %s at %s", reference, type(error).__name__, where)
    return reference
