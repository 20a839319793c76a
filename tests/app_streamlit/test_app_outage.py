"""A database that goes away and comes back while somebody looks at a page: a sentence, and then the page again."""

from pathlib import Path
from typing import Any

import pytest

from tests.app_streamlit.conftest import serving
from tests.mongod import Mongod
from tests.regulars.directory.builders import SHOP, a_buyer, publish_people

pytestmark = [pytest.mark.browser, pytest.mark.deep]


def test_a_page_is_whole_again_by_itself_after_mongodb_was_killed(
    browser: Any, own_mongod: Mongod, tmp_path: Path
) -> None:
    """Nobody reloads, nobody restarts the app: the page says what is away, and fills itself when it is back."""
    folder = tmp_path / "data"
    publish_people(folder / "published" / SHOP, [a_buyer(n) for n in range(1, 4)])
    with serving(folder, MONGODB_URI=own_mongod.uri("outage")) as address:
        page = browser.new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{address}/customers")
        page.get_by_text("3 people").first.wait_for()

        own_mongod.kill()
        page.reload()
        page.get_by_text("This page looks again every 5 seconds").first.wait_for()
        assert page.get_by_text("MongoDB").count() > 0
        assert page.get_by_text("Traceback").count() == 0

        own_mongod.start()
        page.get_by_role("heading", name="Customers").wait_for()
        page.get_by_text("3 people").nth(1).wait_for()
        page.get_by_text("This page looks again").first.wait_for(state="detached")
