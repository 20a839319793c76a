"""The cuts between the scores: those of now, and how they were at earlier runs."""

from typing import Any

import polars as pl
import streamlit as st

from app_streamlit import reads, reads_figures
from app_streamlit.components import formats
from app_streamlit.components.tables import text_column, text_table

CUTS = {"cut_20": "20 %", "cut_40": "40 %", "cut_60": "60 %", "cut_80": "80 %"}
SCORES = {"r": "R: days since the last order", "f": "F: orders", "m": "M: net"}
# A shop that syncs every few minutes moves its cuts as often; a page draws no more than anybody reads.
DAYS_SHOWN, MOST_SHOWN = 90, 500
WHAT = (
    "Where the scores change: a fifth of the people lies below the first cut, another between it and the second, and so "
    "on. F and M are 1 and one more for each cut below the person's own figure; R is 5 and one less for each cut below "
    "the days. Money is cut within each main currency."
)


def cuts(shop: str) -> None:
    """Show the cuts in a fold of the page, where there are any."""
    now = reads_figures.rfm_cuts(shop)
    if now.is_empty():
        return
    with st.expander("Where are the cuts between the scores?"):
        st.markdown(WHAT)
        text_table([_row(row) for row in _ordered(now)], _columns("Score"), key="cuts")
        history = reads_figures.rfm_cuts_history(shop)
        if history.is_empty():
            st.caption("Their history begins with the next sync.")
            return
        zone = reads.manifest(shop).timezone
        shown = latest(history)
        more = f" In all {formats.number(history.height)} are kept." if shown.height < history.height else ""
        st.caption(f"As they were at runs of the last {DAYS_SHOWN} days of history, the newest first.{more}")
        rows = [{"Run": formats.minute(row["at"], zone), **_row(row)} for row in shown.iter_rows(named=True)]
        text_table(rows, {"Run": text_column("Run", width=160), **_columns("Score")}, key="cuts-history")


def latest(history: pl.DataFrame) -> pl.DataFrame:
    """Return the cuts of the last DAYS_SHOWN days of `history`, the newest run first; of these at most MOST_SHOWN rows."""
    since = history["at"].max() - pl.duration(days=DAYS_SHOWN)
    return history.filter(pl.col("at") > since).sort("at", descending=True, maintain_order=True).head(MOST_SHOWN)


def _ordered(cuts_now: pl.DataFrame) -> list[dict[str, Any]]:
    rows = cuts_now.to_dicts()
    return sorted(rows, key=lambda row: (list(SCORES).index(row["score"]), row["currency"] or ""))


def _row(row: dict[str, Any]) -> dict[str, object]:
    of = f" {formats.one_line(row['currency'], 8)}" if row["currency"] else ""
    people = formats.number(row["people"])
    return {"Score": f"{SCORES[row['score']]}{of}", "People": people, **{CUTS[cut]: _cut(row[cut]) for cut in CUTS}}


def _cut(value: float | None) -> str:
    return formats.ABSENT if value is None else f"{value:,.2f}".removesuffix(".00")


def _columns(first: str) -> dict[str, Any]:
    names = {name: text_column(name, width=90, alignment="right") for name in ("People", *CUTS.values())}
    return {first: text_column(first, width=230), **names}
