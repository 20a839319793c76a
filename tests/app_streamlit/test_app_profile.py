"""A person's screen: who, what and how much; the timeline, the orders, the sums, what waits to be merged."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from app_streamlit import reads
from app_streamlit.components import timeline
from regulars.inbox.answers import append_answer
from regulars.models import Note, PersonEvent
from tests.app_streamlit.test_app_views import Open, Publish, metrics, no_failure, said, table
from tests.regulars.directory.builders import (
    AS_OF,
    BERLIN,
    HOSTILE,
    SHOP,
    a_buyer,
    a_line,
    a_person,
    a_refund,
    also_in,
    an_order,
    frame,
    tricky_people,
)
from tests.regulars.directory.test_directory_unmerged import an_account_body, an_order_body
from transforms.metrics import currency_totals

Body = dict[str, Any]


def opened(app: Callable[..., AppTest], tab: str, key: str = "woo:1") -> AppTest:
    """Open somebody's profile at a tab."""
    test = app("customer", customer=key)
    test.session_state[f"tabs-{key}"] = tab
    return test.run()


def arrived(topic: str, *bodies: Body) -> None:
    """Put bodies into the inbox, as the receiver does."""
    for body in bodies:
        assert append_answer(reads.inbox(), SHOP, topic, body, datetime.now(UTC)) == "processed"


def events_of(test: AppTest) -> list[str]:
    """Return the lines of the timeline without icons, escapes and the month's head."""
    lines = [line for block in test.markdown for line in block.value.split("  \n") if line.startswith(":material")]
    return [line.split(": ", 1)[1].replace("\\", "").replace("\u2060", "").replace("**", "") for line in lines]


@pytest.mark.parametrize("person", tricky_people(), ids=lambda person: str(person["customer_key"]))
def test_every_tricky_person_has_a_profile(app: Open, published: Publish, person: Body) -> None:
    """Gaps, odd names, negative sums: each profile opens."""
    published(tricky_people())

    no_failure(app("customer", customer=person["customer_key"]))


def test_a_profile_tells_who_what_and_how_much(app: Open, published: Publish) -> None:
    """The link in a mail opens the whole person: contacts, sums, orders, refunds, scores."""
    person = a_buyer(
        1, first_name="Anna", last_name="Ek", net="95.00", refunded="25.00", phone="+46 8 1", orders=2, days=12
    )
    address = {
        "first_name": "Anna",
        "last_name": "Ek",
        "address_1": "Storgatan 1",
        "postcode": "111 22",
        "city": "Stockholm",
    }
    person["billing"] = dict.fromkeys(("company", "address_2", "state", "country", "email", "phone"), "") | address
    published([person], orders=[an_order(11, "woo:1")], about={"live": False})

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert metrics(test) == {
        "Net": "95.00 EUR",
        "Orders": "2",
        "Average order": "47.50 EUR",
        "Last order": "12 days ago",
    }
    shown = said(test)
    assert "Storgatan 1\n111 22 Stockholm" in shown
    assert "+46 8 1" in shown
    assert "Recency 5 of 5 · Frequency 3 of 5 · Monetary 4 of 5" in shown
    assert "Buy often or spend much" in shown
    assert "together, 4 (their mean, rounded up)" in shown


def test_a_currency_is_shown_as_text(app: Open, published: Publish) -> None:
    """It comes out of the shop's orders, as names do, and labels read Markdown."""
    published([a_buyer(1, currency="**X**")], orders=[an_order(11, "woo:1", currency="**X**")])

    test = opened(app, "Spend")

    no_failure(test)
    assert "= Net, \\*\\*X\\*\\*" in metrics(test)


def test_an_unknown_person_is_a_sentence(app: Open, published: Publish) -> None:
    """Links get old."""
    published([a_buyer(1)])

    for key in ("woo:404", "woo:", "woo:-3", "woo:" + "9" * 50, "woo:１", "guest:x", HOSTILE):
        test = app("customer", customer=key)
        assert not test.exception
        assert "Nobody in this shop has this key" in test.warning[0].value
        assert test.button[0].label == "All customers"


def test_people_without_orders_have_no_figures_made_up(app: Open, published: Publish) -> None:
    """Unknown is a dash, zero is 0."""
    published([a_person(1, first_name="Nora", last_name="Never")])

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert metrics(test) == {"Net": "–", "Orders": "0", "Average order": "–", "Last order": "–"}
    for tab in ("Orders", "Spend", "Notes"):
        no_failure(opened(app, tab))


MONEY = st.decimals(min_value="0.01", max_value="999.99", places=2)
BOUGHT = st.lists(st.tuples(MONEY, st.booleans(), st.sampled_from(["EUR", "JPY"])), min_size=1, max_size=8)
BACK = st.lists(st.tuples(MONEY, st.booleans(), st.sampled_from(["EUR", "JPY"])), max_size=4)


@settings(max_examples=8, deadline=None)
@given(bought=BOUGHT, back=BACK)
def test_each_sum_is_the_sum_of_the_rows_below_it(
    bought: list[tuple[Decimal, bool, str]], back: list[tuple[Decimal, bool, str]]
) -> None:
    """Who asks where a figure comes from adds up the rows, and must get the same, in each currency."""
    orders = [
        an_order(n, "woo:1", total=str(total), counted=counted, currency=code)
        for n, (total, counted, code) in enumerate(bought)
    ]
    refunds = [
        a_refund(n, 0, "woo:1", str(amount), counted=counted, currency=code)
        for n, (amount, counted, code) in enumerate(back)
    ]
    sums = currency_totals(frame("orders", orders).lazy(), frame("refunds", refunds).lazy()).collect()

    test = AppTest.from_function(_spend, args=(sums, frame("orders", orders), frame("refunds", refunds), BERLIN)).run()

    assert not test.exception
    assert [warning.value for warning in test.warning] == []
    assert len(test.metric) == 3 * sums.height


def _spend(sums, orders, refunds, zone):  # type: ignore[no-untyped-def] # runs as a script, where no name is known
    from types import SimpleNamespace

    from app_streamlit.components.spend import spend

    spend(sums, orders, refunds, SimpleNamespace(timezone=zone))


def test_a_figure_opens_into_its_orders_and_refunds(app: Open, published: Publish) -> None:
    """Gross, refunded and net, each with what it is made of; what does not count is in none of them."""
    person = a_buyer(1, net="15.00", refunded="25.00", orders=1)
    published(
        [person],
        more_currencies=[also_in(person, "USD", "30.5")],
        orders=[
            an_order(11, "woo:1", total="40.00"),
            an_order(12, "woo:1", total="99.00", status="cancelled", counted=False),
            an_order(13, "woo:1", total="30.50", currency="USD"),
        ],
        refunds=[a_refund(5, 11, "woo:1", "25.00", reason=HOSTILE)],
    )

    test = opened(app, "Spend")

    no_failure(test)
    figures = metrics(test)
    assert [figures[f"{part}, EUR"] for part in ("Gross", "− Refunded", "= Net")] == [
        "40.00 EUR",
        "25.00 EUR",
        "15.00 EUR",
    ]
    assert figures["= Net, USD"] == "30.50 USD"
    assert [frame.value["order"].tolist() for frame in test.dataframe] == [["11"], ["11"], ["13"]]
    assert "Sum of 1: 40.00 EUR" in said(test)
    assert "1 order does not count" in said(test)
    assert [warning.value for warning in test.warning] == []


def some_orders() -> list[Body]:
    """Return orders that differ in everything that can be filtered and sorted by."""
    midnight = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)  # 1 November in Berlin
    return [
        an_order(11, "woo:1", total="40.00", created_at=AS_OF - timedelta(days=12)),
        an_order(12, "woo:1", total="9.00", created_at=midnight),
        an_order(13, "woo:1", total="70.00", status="cancelled", counted=False, created_at=AS_OF - timedelta(days=50)),
        an_order(14, "woo:1", total="5.00", status="on-hold", created_at=AS_OF - timedelta(days=90)),
    ]


def numbers(test: AppTest) -> list[str]:
    """Return the numbers of the orders on the screen."""
    return [str(number) for number in table(test, "orders-woo")["number"]]


def test_orders_are_filtered_by_each_thing_that_people_ask_for(app: Open, published: Publish) -> None:
    """People name an order as the one in October, with the teapot."""
    lines = [a_line(11, 1), a_line(13, 2, name="Teapot, *blue*", sku="POT-9"), a_line(14, 3, name=None, sku=None)]
    published([a_buyer(1)], orders=some_orders(), order_lines=lines)
    test = opened(app, "Orders")
    assert numbers(test) == ["12", "11", "13", "14"]

    test.button_group(key="status-woo:1").set_value(["on-hold", "cancelled"]).run()
    assert numbers(test) == ["13", "14"]
    test.button_group(key="counted-woo:1").set_value("Count").run()
    assert numbers(test) == ["14"]
    assert "1 of 4 orders" in said(test)
    test.button_group(key="status-woo:1").set_value([]).run()
    test.button_group(key="counted-woo:1").set_value(None).run()

    for text, found in (("TEAPOT", ["13"]), ("pot-9", ["13"]), ("#12", ["12"]), ("1", ["12", "11", "13", "14"])):
        test.text_input(key="order-text-woo:1").set_value(text).run()
        assert numbers(test) == found
    test.text_input(key="order-text-woo:1").set_value("(").run()
    assert "0 of 4 orders" in said(test)
    test.button[[button.label for button in test.button].index("Show all orders")].click().run()
    assert len(numbers(test)) == 4


def test_days_are_the_shops_and_both_ends_are_in(app: Open, published: Publish) -> None:
    """An order of half past midnight belongs to the day that the shop's calendar says."""
    published([a_buyer(1)], orders=some_orders())
    test = opened(app, "Orders")

    test.date_input(key="order-from-woo:1").set_value(date(2026, 10, 30)).run()
    test.date_input(key="order-to-woo:1").set_value(date(2026, 10, 31)).run()
    assert numbers(test) == ["11"]
    test.date_input(key="order-to-woo:1").set_value(date(2026, 11, 1)).run()
    assert numbers(test) == ["12", "11"]


def test_orders_are_sorted_without_a_mouse(app: Open, published: Publish) -> None:
    """Heads of a painted table cannot be reached by everybody."""
    published([a_buyer(1)], orders=some_orders())
    test = opened(app, "Orders")

    for sort, found in (("Highest total", ["13", "11", "12", "14"]), ("Oldest first", ["14", "13", "11", "12"])):
        test.selectbox(key="order-sort-woo:1").set_value(sort).run()
        assert numbers(test) == found


def test_a_guest_has_no_account_that_was_created(app: Open, published: Publish) -> None:
    """What is known of a guest begins with the first order, and the shop has no account to look for."""
    key = "guest:0f3a9c2b11d04e77"
    people = [a_buyer(1), a_buyer(2, customer_key=key, woocommerce_id=None, created_at=AS_OF - timedelta(days=30))]
    published(people, orders=[an_order(11, key), an_order(12, "woo:1")])

    def told(person: str) -> list[str]:
        return [line.split(" · ")[0] for line in events_of(app("customer", customer=person))]

    assert told("woo:1") == ["Order 12, completed", "Account created"]
    assert told(key) == ["Order 11, completed"]


def test_the_timeline_tells_everything_newest_first() -> None:
    """Orders, refunds, notes, tags, edits and deletions are one story."""
    at = [AS_OF + timedelta(minutes=n) for n in range(8)]
    done = [
        PersonEvent(id=n, shop=SHOP, customer_key="woo:1", at=at[n], author="ann", kind=kind, detail=detail)
        for n, kind, detail in (
            (3, "tag_added", "b2b"),
            (4, "edited", "billing.address_1, email"),
            (5, "hidden", ""),
            (6, "shown", ""),
        )
    ]
    note = Note(
        id=1, shop=SHOP, customer_key="woo:1", text=HOSTILE, author="bo", created_at=at[2], edited_at=at[7], version=2
    )

    found = timeline.events(
        a_buyer(1, created_at=AS_OF - timedelta(days=3)),
        frame("orders", [an_order(11, "woo:1", created_at=at[0]), an_order(12, "woo:1", created_at=None)]),
        frame("refunds", [a_refund(5, 11, "woo:1", "4.00", created_at=at[1], reason=None)]),
        [note],
        done,
    )

    assert [(event.kind, event.what) for event in found] == [
        ("Notes", f"Note edited: {HOSTILE}"),
        ("Deleted here", "Shown again"),
        ("Deleted here", "Deleted here"),
        ("Edits", "Edited here: billing street, e-mail"),
        ("Tags", "Tag “b2b” given"),
        ("Notes", "Note written, edited since"),
        ("Refunds", "Refund on order 11"),
        ("Orders", "Order 11, completed"),
        ("Edits", "Account created"),
    ]
    assert found[6].amount == "−4.00 EUR"


def test_the_timeline_is_filtered_by_kind_grouped_and_opened_further(app: Open, published: Publish) -> None:
    """A regular has hundreds of events: what is asked for must be findable."""
    orders = [an_order(n, "woo:1", created_at=AS_OF - timedelta(days=n)) for n in range(1, 100)]
    published([a_buyer(1)], orders=orders, refunds=[a_refund(5, 1, "woo:1", "4.00")])
    test = app("customer", customer="woo:1")
    assert len(events_of(test)) == timeline.AT_ONCE
    assert "**November 2026**" in said(test)

    next(button for button in test.button if button.label.startswith(f"Show {timeline.MORE} older")).click().run()
    assert len(events_of(test)) == timeline.AT_ONCE + timeline.MORE
    test.button_group(key="kinds-woo:1").set_value(["Refunds"]).run()
    assert [line.split(" · ")[:2] for line in events_of(test)] == [["Refund on order 1: arrived broken", "−4.00 EUR"]]
    test.button_group(key="by-woo:1").set_value("Day").run()
    assert "**7 November 2026**" in said(test)


def test_what_people_wrote_is_text_in_the_timeline(app: Open, published: Publish) -> None:
    """A note, a tag and a reason may hold Markdown, HTML and icons; the timeline is written in Markdown."""
    published([a_buyer(1)], orders=[an_order(1, "woo:1")], refunds=[a_refund(5, 1, "woo:1", "4.00", reason=HOSTILE)])
    reads.directory(SHOP)
    reads.records().add_note(SHOP, "woo:1", HOSTILE, "ann")
    reads.records().add_tag(SHOP, "woo:1", "**x** [y](z)", "ann")

    test = app("customer", customer="woo:1")

    no_failure(test)
    lines = [line for block in test.markdown for line in block.value.splitlines() if line.startswith(":material")]
    assert all("](" not in line.replace("\\]\\(", "") for line in lines)
    assert all(re.search(r"(?<!\\)<", line) is None for line in lines)
    assert len(lines) == 5


def test_changes_that_are_not_merged_yet_are_shown_as_such(app: Open, published: Publish) -> None:
    """Who is on the phone has just ordered and just moved: the profile is never staler than the receiver."""
    published([a_buyer(1, first_name="Anna", last_name="Ek")], about={"change_seq": 0})
    arrived("order.created", an_order_body(77, status="on-hold", total="12.50"), an_order_body(78, customer_id=9))
    arrived("customer.updated", an_account_body(last_name="Berg", billing={"phone": "+46 9", "city": "Lund"}))

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert [expander.label for expander in test.expander] == ["2 changes have arrived that are not merged yet"]
    shown = said(test)
    assert "New order 77, on hold · 12.50 EUR" in shown
    assert "Profile changed: first name, last name, billing address" in shown
    assert "78" not in shown
    assert test.title[0].value.endswith("Berg")
    assert "+46 9" in shown


def test_an_account_that_nobody_published_yet_has_a_profile(app: Open, published: Publish) -> None:
    """Whoever made a customer is shown the customer, not a sentence about an old link."""
    published([a_buyer(1)], about={"change_seq": 0})
    arrived("customer.created", an_account_body(9, first_name="Nia", last_name="New"))

    test = app("customer", customer="woo:9")

    no_failure(test)
    assert test.title[0].value == "Nia New"
    assert "not merged yet" in test.info[0].value
    for tab in ("Orders", "Spend", "Notes"):
        no_failure(opened(app, tab, "woo:9"))


def test_change_rows_that_cannot_be_read_leave_the_profile_standing(app: Open, published: Publish) -> None:
    """A broken inbox is a sentence on the profile, not instead of it."""
    published([a_buyer(1, first_name="Anna", last_name="Ek")], about={"change_seq": 0})
    reads.paths().inbox.write_bytes(b"this is no database" * 100)

    test = app("customer", customer="woo:1")

    assert not test.exception
    assert test.title[0].value == "Anna Ek"
    assert any("cannot be shown now" in warning.value for warning in test.warning)


def test_whoever_was_deleted_here_says_so_and_can_be_shown_again(app: Open, published: Publish) -> None:
    """Deleting hides; it must be plain that it does, and as easy to take back."""
    published([a_buyer(1), a_buyer(2)])
    test = app("customer", customer="woo:1")
    test.button(key="delete-here").click().run()
    no_failure(test)
    assert "in no list, count or segment" in said(test)
    assert test.button(key="show-again").label == "Undo"
    assert "1 person" in said(app("customers"))

    test = app("customer", customer="woo:1")
    assert test.button(key="show-again").label == "Show again"
    test.button(key="show-again").click().run()

    no_failure(test)
    assert reads.records().hidden(SHOP) == {}
    assert "2 people" in said(app("customers"))
    assert [line.split(" · ")[0] for line in events_of(test)][:2] == ["Shown again", "Deleted here"]


def test_previous_and_next_follow_the_list_that_was_left(app: Open, published: Publish) -> None:
    """Going through a filtered list one by one is a morning's work."""
    published([a_buyer(n, net=str(n), rfm_group="Lost" if n % 2 else "New") for n in range(1, 9)])
    test = app("customers", rfm="Lost", sort="-net")

    test._page_hash = calc_hash("customer")
    test.query_params["customer"] = "woo:3"
    test.run()

    assert test.title[0].value == "First3 Last3"
    assert "2 of 4" in said(test)
    test.button(key="step-Next").click().run()
    assert test.title[0].value == "First5 Last5"
    test.button(key="step-Next").click().run()
    assert test.button(key="step-Next").disabled
    assert "2 of 4" not in said(app("customer", customer="woo:3"))


def test_segments_of_a_person_are_named(app: Open, published: Publish) -> None:
    """Ids are for machines."""
    published([a_buyer(1, orders=6, days=20)])

    test = app("customer", customer="woo:1")

    no_failure(test)
    assert pl.Series([element.value for element in test.markdown]).str.contains("Frequent buyers").any()
