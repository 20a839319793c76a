"""Tables of people: the list, with its row actions, and the few that a rule is tried on.

Each is drawn twice, for wide screens and for phones; the style sheet shows the one that fits. Cells are text that the
browser paints: a customer's words are never read as anything else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import streamlit as st
from pandas.io.formats.style import Styler

from app_streamlit.components import formats
from app_streamlit.components.list_state import COLUMNS
from app_streamlit.figures import GROUP_COLOURS, NET_HELP

# A phone shows three columns, the name above the e-mail: Streamlit wraps cells in rows above four times its base size.
WIDE_ROW, NARROW_ROW = 40, 61  # Streamlit wraps the text of rows above 60 px, and of no others
HEADER = 33  # 2.1875 rem of the base size of 15 px
MOST_ROWS = 10  # of those that scroll inside themselves
SEPARATOR = " · "
# So many letters of a name stand on one line of a phone's cell, and of an e-mail on two: a fourth line would run over
# into the next person's row.
NARROW_NAME, NARROW_EMAIL = 18, 32
# So many letters of name and e-mail stand in a wide cell, and so many of them are the name's where both are long: cut
# off by the browser, an e-mail would be gone without a sign.
WIDE_BOTH, WIDE_NAME = 42, 28
ACTIONS = "actions"
TINT = "55"  # one third, as the last two digits of a colour
RFM_HELP = (
    "The name that follows from three scores of 1 to 5: how recent the last order is, how many orders count, and how "
    "much was spent. Champions are best in all three; Lost are lowest."
)
_column = st.column_config
WIDE_COLUMNS: Mapping[str, Any] = {
    "customer": _column.TextColumn("Customer", width=300),
    "net": _column.TextColumn("Net", width=105, alignment="right", help=NET_HELP),
    "last_order": _column.TextColumn("Last order", width=172),
    "rfm": _column.TextColumn("RFM group", width=125, help=RFM_HELP),
    "orders": _column.NumberColumn("Orders", width=62, format="%,d", help="Orders that count; cancelled ones do not."),
    "average": _column.TextColumn(
        "Average", width=105, alignment="right", help="Net divided by the orders in its currency, rounded."
    ),
    "country": _column.TextColumn("Country", width=65),
    "tags": _column.ListColumn("Tags", width=110, help="What your team calls the person; the shop never sees tags."),
    "city": _column.TextColumn("City", width=120),
    "phone": _column.TextColumn("Phone", width=130),
    "company": _column.TextColumn("Company", width=150),
    "gross": _column.TextColumn("Gross", width=110, alignment="right", help="Counted orders before refunds."),
    "refunded": _column.TextColumn("Refunded", width=110, alignment="right", help="What was paid back."),
    "first_order": _column.TextColumn("First order", width=110),
    "created": _column.TextColumn("Created", width=110, help="When the person came into being, in the shop's time."),
}
NARROW_COLUMNS: Mapping[str, Any] = {
    "customer": _column.TextColumn("Customer", width=146),
    "net": _column.TextColumn("Net", width=106, alignment="right", help=NET_HELP),
    "last_order": _column.TextColumn("Last order", width=96),
}
_TEXT = pl.String()
_CELLS: Mapping[str, Any] = dict.fromkeys(("customer", *COLUMNS), _TEXT) | {
    "orders": pl.Int64(),
    "tags": pl.List(pl.String()),
}


@dataclass(frozen=True)
class RowMenu:
    """The actions at the end of each row: their words, and what to call once one of them was chosen.

    The chosen one is then in the session under `key`, as `row` and `label`.
    """

    key: str
    options: tuple[str, ...]
    on_click: Callable[[], None]


def people_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    sort: str,
    today: date,
    timezone: str,
    key: str,
    on_select: Callable[[str], None],
    menu: RowMenu,
) -> None:
    """Show the people of a list, a row each, with `columns` beside the name; an arrow marks the one that sorts.

    After a click on a cell, a row's box or a column's head `on_select` is called with the key of the table that has
    the selection: the one ending in `-wide`, or the one ending in `-narrow`.
    """
    cells = _cells(rows, today, timezone)
    with st.container(key="people-wide"):
        shown = cells.select(_wide_names(), *columns).with_columns(
            pl.Series(ACTIONS, [list(menu.options)] * cells.height, dtype=pl.List(pl.String()))
        )
        _table(
            shown,
            {**_marked(columns, sort), ACTIONS: _menu_column(menu)},
            row_height=WIDE_ROW,
            key=f"{key}-wide",
            on_select=on_select,
            modes=("multi-row", "single-cell", "single-column"),
        )
    with st.container(key="people-narrow"):
        _table(
            _narrow(cells),
            NARROW_COLUMNS,
            row_height=NARROW_ROW,
            key=f"{key}-narrow",
            on_select=on_select,
            modes=("single-cell", "single-column"),
        )


def people_sample(
    rows: Sequence[Mapping[str, Any]],
    *,
    today: date,
    timezone: str,
    key: str = "sample",
    on_open: Callable[[int], None] | None = None,
) -> None:
    """Show people of a rule or a movement, without choosing any; many scroll inside the table.

    With `on_open`, a click on a cell calls it with the place of the person in `rows`.
    """
    cells = _cells(rows, today, timezone)
    columns = ("net", "last_order", "rfm", "orders", "average", "country")
    opening: dict[str, Any] = {}
    if on_open is not None:
        opening = {"on_select": lambda table: _opened(table, on_open), "modes": ("single-cell",)}
    with st.container(key="sample-wide"):
        shown = cells.select(_wide_names(), *columns)
        _table(shown, WIDE_COLUMNS, row_height=WIDE_ROW, key=f"{key}-wide-table", most=MOST_ROWS, **opening)
    with st.container(key="sample-narrow"):
        shown = _narrow(cells)
        _table(shown, NARROW_COLUMNS, row_height=NARROW_ROW, key=f"{key}-narrow-table", most=MOST_ROWS, **opening)


def _opened(table: str, on_open: Callable[[int], None]) -> None:
    if cells := st.session_state[table]["selection"]["cells"]:
        on_open(cells[0][0])


def _table(
    cells: pl.DataFrame,
    columns: Mapping[str, Any],
    *,
    row_height: int,
    key: str,
    on_select: Callable[[str], None] | None = None,
    modes: Sequence[str] = (),
    most: int | None = None,
) -> None:
    shown = max(1, cells.height) if most is None else max(1, min(cells.height, most))
    frame = cells.to_pandas()
    # Without an id for each cell only the tinted ones are written a second time.
    tinted = Styler(frame, cell_ids=False).map(_group_style, subset=["rfm"]) if "rfm" in cells.columns else frame
    choosing: dict[str, Any] = {}
    if on_select is not None:
        choosing = {"on_select": lambda: on_select(key), "selection_mode": list(modes)}
    st.dataframe(
        tinted,
        key=key,
        hide_index=True,
        row_height=row_height,
        height=HEADER + row_height * shown + 2,
        column_config={name: columns[name] for name in cells.columns},
        placeholder="",
        alt="People, one a row",
        **choosing,
    )


def _menu_column(menu: RowMenu) -> Any:
    return _column.ButtonColumn("", width=44, type="tertiary", pinned=True, key=menu.key, on_click=menu.on_click)


def _marked(columns: Sequence[str], sort: str) -> dict[str, Any]:
    """Return the columns' settings, with an arrow in the head of the one that the list is sorted by."""
    sorted_by = {"name": "customer"}.get(sort.removeprefix("-"), sort.removeprefix("-"))
    arrow = "↑" if sort.startswith("-") else "↓"
    found = {name: WIDE_COLUMNS[name] for name in ("customer", *columns)}
    if sorted_by in found:
        found[sorted_by] = {**found[sorted_by], "label": f"{found[sorted_by]['label']} {arrow}"}
    return found


def _narrow(cells: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a phone."""
    return cells.select(
        pl.col("customer").map_elements(_narrow_name, return_dtype=pl.String),
        "net",
        pl.col("last_order").str.split(SEPARATOR).list.first(),
    )


def _wide_names() -> pl.Expr:
    return pl.col("customer").map_elements(_wide_name, return_dtype=pl.String)


def _wide_name(customer: str) -> str:
    name, between, email = customer.partition(SEPARATOR)
    if len(customer) <= WIDE_BOTH or not email:
        return formats.one_line(customer, WIDE_BOTH)
    name = formats.one_line(name, max(WIDE_NAME, WIDE_BOTH - len(between) - len(email)))
    return f"{name}{between}{formats.one_line(email, WIDE_BOTH - len(between) - len(name))}"


def _narrow_name(customer: str) -> str:
    name, _, email = customer.partition(SEPARATOR)
    return "\n".join(filter(None, (formats.one_line(name, NARROW_NAME), formats.one_line(email, NARROW_EMAIL))))


def _group_style(group: Any) -> str:
    # A tint of the group's colour: the page's own text reads on it, on a light page and on a dark one.
    colour = GROUP_COLOURS.get(str(group))
    return f"background-color: {colour}{TINT}" if colour else ""


def _cells(rows: Sequence[Mapping[str, Any]], today: date, timezone: str) -> pl.DataFrame:
    return pl.DataFrame([_person(row, today, timezone) for row in rows], schema=dict(_CELLS), orient="row")


def _person(row: Mapping[str, Any], today: date, timezone: str) -> dict[str, Any]:
    name = formats.name_of(row) + (" (deleted)" if row["deleted_at"] else "")
    email, currency = formats.one_line(row["email"]), row["currency"]
    last = row["last_order_at"]
    ago = formats.days_ago(last, today, timezone)
    return {
        "customer": name if email in ("", name) else f"{name}{SEPARATOR}{email}",
        "net": formats.money(row["net"], currency),
        "last_order": ago if last is None else f"{ago}{SEPARATOR}{formats.day(last, timezone)}",
        "rfm": row["rfm_group"] or "",
        "orders": row["orders_count"],
        "average": formats.money(row["average_order"], currency, rounded=True),
        "country": formats.one_line(row["country"]),
        "tags": [formats.one_line(tag) for tag in row.get("tags", ())],
        "city": formats.one_line(row["city"]),
        "phone": formats.one_line(row["phone"]),
        "company": formats.one_line(row["company"]),
        "gross": formats.money(row["gross"], currency),
        "refunded": formats.money(row["refunded"], currency),
        "first_order": formats.day(row["first_order_at"], timezone),
        "created": formats.day(row["created_at"], timezone),
    }
