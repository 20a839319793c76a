"""Small tables of facts on the machinery: plain text and numbers, as tall as their rows, to a bound."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

ROW, HEADER, MOST_ROWS = 35, 33, 10
text_column, number_column = st.column_config.TextColumn, st.column_config.NumberColumn


def text_table(rows: Sequence[dict[str, object]], columns: Mapping[str, Any], key: str) -> None:
    """Show rows as text, at least one; a table of many scrolls inside itself. `columns` are their settings by name."""
    frame = pl.DataFrame(list(rows), infer_schema_length=None).select(list(columns))
    st.dataframe(
        frame.to_pandas(),
        key=f"table-{key}",
        hide_index=True,
        row_height=ROW,
        height=HEADER + ROW * min(len(rows), MOST_ROWS) + 2,
        column_config=columns,
    )
