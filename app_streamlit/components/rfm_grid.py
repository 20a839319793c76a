"""The grid of 25 cells: buttons, so that keyboard and screen reader reach each; shaded by what they hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st

from app_streamlit.charts import ACCENT
from app_streamlit.components import formats
from app_streamlit.figures import GROUP_COLOURS, contrast
from transforms.rfm import RFM_MEANINGS

SCORES = range(1, 6)
SURFACE = {"light": "#FFFFFF", "dark": "#191F29", None: "#FFFFFF"}
PALEST = 0.06
UNITS = ("", "k", "M", "B", "T")  # a thousand times each other
# On a phone a cell holds the figure; the group's name stays for those who listen, and in the cards below.
STYLE = """
.st-key-rfm-grid button {min-height: 64px; padding: 4px 6px; border-left-width: 5px;}
.st-key-rfm-grid button p {display: flex; flex-direction: column; align-items: center; line-height: 1.3;}
.st-key-rfm-grid [data-testid="stGrid"] {grid-template-columns: 48px repeat(5, minmax(0, 1fr)) !important;}
.st-key-rfm-grid [data-testid="stCaptionContainer"] p {text-align: center;}
.st-key-rfm-grid button:focus-visible {outline: 3px solid; outline-offset: 2px;}
@media (max-width: 767px) {
  .st-key-rfm-grid button {min-height: 48px; padding: 2px; border-left-width: 4px;}
  .st-key-rfm-grid button p {font-size: 13px;}
  .st-key-rfm-grid button p > :not(strong) {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
}
"""


@dataclass(frozen=True)
class Cell:
    """One cell: how many people, their net in the chosen currency (of those whose main one it is), and their group."""

    people: int
    net: Decimal
    group: str


def rfm_grid(
    cells: Mapping[tuple[int, int], Cell], *, by_net: bool, currency: str, on_open: Callable[[int, int], None]
) -> None:
    """Show the cells by (R, mean of F and M): R grows to the right, F and M upwards. A click calls `on_open`."""
    most = max((float(cell.net) if by_net else float(cell.people)) for cell in cells.values()) or 1.0
    st.html(f"<style>{STYLE}{''.join(_colours(cells, most, by_net=by_net))}</style>")
    st.caption("Upwards: how often and how much they bought (F and M). To the right: how recently (R).")
    with (
        st.container(key="rfm-grid"),
        st.grid(6, min_column_width=36, wrap=False, gap="xxsmall", vertical_alignment="center"),
    ):
        for fm in reversed(SCORES):
            st.caption(f"F·M {fm}")
            for r in SCORES:
                _cell(r, fm, cells[r, fm], by_net=by_net, currency=currency, on_open=on_open)
        st.caption("")
        for r in SCORES:
            st.caption(f"R {r}")


def _cell(r: int, fm: int, cell: Cell, *, by_net: bool, currency: str, on_open: Callable[[int, int], None]) -> None:
    net = formats.money(cell.net, currency)
    figure = short(cell.net) if by_net else formats.number(cell.people)
    if st.button(
        f"**{formats.plain(figure)}** :small[{formats.plain(cell.group)}]",
        key=f"cell-{r}{fm}",
        width="stretch",
        disabled=cell.people == 0,
        help=f"R {r}, F and M {fm}: {cell.group}. {RFM_MEANINGS[cell.group]} "
        f"{formats.people(cell.people)}, {formats.plain(net)} net.",
    ):
        on_open(r, fm)


def _colours(cells: Mapping[tuple[int, int], Cell], most: float, *, by_net: bool) -> Iterator[str]:
    theme = st.context.theme.type
    for (r, fm), cell in cells.items():
        share = max(0.0, (float(cell.net) if by_net else float(cell.people)) / most)
        shade = mixed(SURFACE[theme], ACCENT[theme], share if share == 0 else PALEST + (1 - PALEST) * share)
        edge = GROUP_COLOURS[cell.group]
        yield (
            f".st-key-cell-{r}{fm} button, .st-key-cell-{r}{fm} button:hover {{background: {shade}; "
            f"color: {ink_on(shade)}; border-left-color: {edge};}}"
        )


def ink_on(shade: str) -> str:
    """Return black or white, whichever reads better; between them no shade has less contrast than 4.5 : 1."""
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, shade))


def mixed(one: str, other: str, share: float) -> str:
    """Return the colour that lies at `share` (0 to 1) of the way from `one` to `other`.

    >>> mixed("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    pairs = [(int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(low + (high - low) * share):02X}" for low, high in pairs)


def short(amount: Decimal) -> str:
    """Return an amount short enough for a cell; the tooltip has it exactly.

    >>> [short(Decimal(text)) for text in ("0", "-0.4", "-12.5", "999", "12345.67", "999999", "1234567890")]
    ['0', '0', '−12', '999', '12.3k', '1.00M', '1.23B']
    """
    size, text, unit = abs(amount), "", ""
    for unit in UNITS:
        text = f"{size:.3g}" if unit else f"{size:.0f}"
        if Decimal(text) < 1000:  # as shown: 999,999 is a million, not a thousand thousands
            break
        size /= 1000
    return f"{'−' if amount < 0 and Decimal(text) else ''}{text}{unit}"
