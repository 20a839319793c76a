"""RFM: how people spread over recency, and how often and how much they bought; each cell opens its people."""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl
import streamlit as st

from app_streamlit import reads_figures
from app_streamlit.components import formats, links
from app_streamlit.components.boundary import screen
from app_streamlit.components.choices import choose, choose_from_list
from app_streamlit.components.frame import head
from app_streamlit.components.groups import group_cards
from app_streamlit.components.migration import migration
from app_streamlit.components.rfm_cuts import cuts
from app_streamlit.components.rfm_grid import Cell, rfm_grid
from transforms.rfm import GROUP_BY_CELL
from transforms.rules import parse, to_text

SHADES = {"people": "People", "net": "Net"}
SCORES = range(1, 6)
WHAT = (
    "Everybody with an order that counts is scored from 1 to 5 three times, among the people of this shop. "
    "**R**, recency: 5 ordered most recently. **F**, frequency: 5 ordered most often. **M**, monetary: 5 spent most, "
    "net. The grid sets R against the mean of F and M, rounded up. Example: somebody who ordered last week for the "
    "fifth time, and spends much, stands at the top right."
)


@screen
def show() -> None:
    """Show the page."""
    shop = links.shop()
    head("RFM", "Who buys recently, often and much. Choose a cell to see its people.")
    spread = reads_figures.rfm_grid(shop)
    if spread.is_empty():
        st.info("Nobody has an order that counts yet, so there is nothing to score.")
        return
    with st.expander("What do R, F and M mean?"):
        st.markdown(WHAT)
    currencies = list(reads_figures.buyers(shop))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shade = choose("shade", SHADES, label="Shown in the cells")
        currency = currencies[0] if currencies else ""
        if shade == "net" and len(currencies) > 1:
            currency = choose_from_list("currency", currencies, label="Currency", format_func=formats.plain)
    rfm_grid(cells(spread, currency), by_net=shade == "net", currency=currency, on_open=_open)
    cuts(shop)
    migration(shop, currency)
    st.header("What do the groups mean?", anchor=False)
    group_cards(reads_figures.rfm_counts(shop))


def _open(r: int, fm: int) -> None:
    links.go("customers", {"rule": rule_of(r, fm)})


def cells(spread: pl.DataFrame, currency: str) -> Mapping[tuple[int, int], Cell]:
    """Return the 25 cells by (R, mean of F and M), from the rows of `Directory.rfm_grid`."""
    people: dict[tuple[int, int], int] = {}
    net: dict[tuple[int, int], Decimal] = {}
    for row in spread.iter_rows(named=True):
        place = (row["r"], row["fm"])
        people[place] = people.get(place, 0) + row["people"]
        if row["currency"] == currency:
            net[place] = row["net"]
    return {
        (r, fm): Cell(people.get((r, fm), 0), net.get((r, fm), Decimal(0)), GROUP_BY_CELL[10 * r + fm])
        for r in SCORES
        for fm in SCORES
    }


def rule_of(r: int, fm: int) -> str:
    """Return the rule of the people in a cell: the mean of F and M, rounded up, is `fm`.

    It is written as rules print: were the list to write it anew, Back would have one step more.

    >>> rule_of(5, 1)
    'r = 5 and f = 1 and m = 1'
    >>> rule_of(4, 5)
    'r = 4 and ((f = 4 and m = 5) or (f = 5 and m >= 4))'
    """
    pairs = {f: [m for m in SCORES if -(-(f + m) // 2) == fm] for f in SCORES}
    sides = [f"f = {f} and {_values(values)}" for f, values in pairs.items() if values]
    either = sides[0] if len(sides) == 1 else f"({' or '.join(sides)})"
    return to_text(parse(f"r = {r} and {either}"))


def _values(values: list[int]) -> str:
    if len(values) == 1:
        return f"m = {values[0]}"
    return f"m >= {values[0]}" if values[-1] == 5 else f"m in ({', '.join(map(str, values))})"
