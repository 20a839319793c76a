"""The RFM page: what each cell holds, and that it opens exactly its people."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app_streamlit.components.rfm_grid import ink_on, mixed
from app_streamlit.figures import contrast
from app_streamlit.views.rfm import rule_of
from regulars.directory.published import Directory
from tests.app_streamlit.test_app_views import no_failure, said
from tests.regulars.directory.builders import SHOP, a_buyer, also_in, publish_people
from transforms.rfm import GROUP_BY_CELL
from transforms.rules import parse

Open = Callable[..., AppTest]
Publish = Callable[..., str]
SCORES = range(1, 6)


def scored(number: int, r: int, f: int, m: int, **fields: object) -> dict[str, object]:
    """Return a buyer with these scores and the group that follows."""
    group = GROUP_BY_CELL[10 * r + -(-(f + m) // 2)]
    return a_buyer(number, r=r, f=f, m=m, rfm_group=group, **fields)


def cell(test: AppTest, r: int, fm: int) -> str:
    """Return what a cell says, without what keeps Markdown away."""
    return str(test.button(key=f"cell-{r}{fm}").label).replace("\\", "").replace("\u2060", "")


def test_every_cell_opens_exactly_the_people_it_counts(tmp_path: Path) -> None:
    """All 125 combinations of scores: each lies in one cell, and the cell's rule finds it and nobody else."""
    people = [scored(n, *scores) for n, scores in enumerate(product(SCORES, repeat=3), start=1)]
    publish_people(tmp_path, people)
    directory = Directory(tmp_path, shop=SHOP)
    counted = {(row["r"], row["fm"]): row["people"] for row in directory.rfm_grid().to_dicts()}

    found = {(r, fm): directory.count(parse(rule_of(r, fm))).people for r in SCORES for fm in SCORES}

    assert found == counted
    assert sum(found.values()) == 125


def test_a_cell_says_how_many_and_opens_the_list_with_as_many(app: Open, published: Publish) -> None:
    """The grid is the way to the people, by mouse and by keyboard: each cell is a button."""
    published([scored(1, 5, 5, 5), scored(2, 5, 5, 4), scored(3, 5, 1, 1), scored(4, 1, 2, 3)])
    test = app("rfm")
    no_failure(test)
    assert cell(test, 5, 5) == "**2** :small[Champions]"
    assert cell(test, 1, 1) == "**0** :small[Lost]"
    assert test.button(key="cell-11").disabled

    test.button(key="cell-55").click().run()

    no_failure(test)
    assert test.title[0].value == "Customers"
    assert "2 of 4 people" in said(test)


def test_net_is_shown_in_one_currency(app: Open, published: Publish) -> None:
    """On demand the cells hold money; of two currencies one is shown, never a sum of both."""
    crowns = scored(2, 5, 5, 5, net="500.00", currency="SEK")
    euros = scored(1, 5, 5, 5, net="1234.00")
    published([euros, scored(3, 4, 1, 1, net="-20.00"), crowns], more_currencies=[also_in(euros, "SEK", "9.00")])

    test = app("rfm", shade="net")

    no_failure(test)
    assert cell(test, 5, 5) == "**1.23k** :small[Champions]"
    assert cell(test, 4, 1) == "**−20** :small[Promising]"
    test.selectbox(key="currency").set_value("SEK").run()
    assert cell(test, 5, 5) == "**500** :small[Champions]"


def test_without_orders_there_is_nothing_to_score(app: Open, published: Publish) -> None:
    """A new shop has no buyers yet; 25 zeros would look like a fault."""
    published([])

    test = app("rfm")

    no_failure(test)
    assert "nothing to score" in said(test)


def test_groups_stand_below_with_what_they_mean(app: Open, published: Publish) -> None:
    """Names alone are guessed at differently by everybody."""
    published([scored(1, 5, 5, 5, net="120.00")])

    test = app("rfm")

    assert "Bought very recently, buy often and spend most." in said(test)
    test.button(key="group-Champions").click().run()
    assert "1 person" in said(test)


@pytest.mark.parametrize(("surface", "accent"), [("#FFFFFF", "#2F5FD0"), ("#191F29", "#7FA3FF")])
def test_figures_read_on_every_shade(surface: str, accent: str) -> None:
    """From the palest to the fullest cell, in light and dark, the figure keeps a contrast of 4.5."""
    for share in range(101):
        shade = mixed(surface, accent, share / 100)
        assert contrast(shade, ink_on(shade)) >= 4.5, (shade, share)
