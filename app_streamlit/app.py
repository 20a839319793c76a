"""The app's entry: `python -m app_streamlit`, or `streamlit run app_streamlit/app.py`."""

from pathlib import Path

import streamlit as st

from app_streamlit import machinery, reads
from app_streamlit.components import frame, history
from app_streamlit.components.boundary import screen
from app_streamlit.settled import settle
from app_streamlit.views import pages

ICON = Path(__file__).parent / "static" / "regulars.svg"


@screen
def main() -> None:
    """Choose the shop, show its health, and run the page; before the first publish, show the sync instead."""
    all_pages = pages()
    page = st.navigation(list(all_pages.values()))
    shops = reads.shops()
    if not shops:
        frame.no_shop()
        return
    shop = frame.choose_shop(shops, all_pages)
    if machinery.manifest(shop) is None and page.url_path != "health":
        frame.waiting(shop)
        return
    if frame.leads_to_person(page):
        return
    frame.health_line(shop)
    page.run()


st.set_page_config(page_title="Regulars", page_icon=str(ICON), layout="wide")
frame.style()
history.one_step_a_page()
settle()
main()
