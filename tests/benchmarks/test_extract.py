"""The pages that are measured are a shop's, and each side makes the same of them."""

import json

import orjson
import pytest

from benchmarks.__main__ import main
from benchmarks.extract_by_hand import orders as by_hand
from benchmarks.woo import order_pages, refund_pages


def test_made_up_pages_are_the_same_each_time_and_hold_changes() -> None:
    """Two runs are compared only where they measure the same; without a change there would be nothing to merge."""
    pages = list(order_pages(300))
    assert pages == list(order_pages(300))
    items = [item for page in pages for item in orjson.loads(page)]
    latest = {item["id"]: item for item in items}
    assert (len(items), len(latest)) == (330, 300)
    assert 2_500 < sum(map(len, pages)) / len(items) < 3_500
    refunds = [item for page in refund_pages(300) for item in orjson.loads(page)]
    assert {refund["id"]: refund["parent_id"] for refund in refunds} == {
        refund["id"]: order["id"] for order in latest.values() for refund in order["refunds"]
    }


def test_the_script_by_hand_reads_money_exactly() -> None:
    """A peer that takes a short cut is no peer."""
    items = orjson.loads(next(order_pages(100)))
    frames = by_hand(items)
    assert [f"{total:.2f}" for total in frames["orders"]["total"]] == [item["total"] for item in items]
    assert frames["lines"].height == sum(len(item["line_items"]) for item in items)


@pytest.mark.deep
@pytest.mark.parametrize(("case", "count"), [("extract", 3), ("freshness", 1)])
def test_a_comparison_of_reading_a_shop_is_told_as_json(
    case: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sides run in processes of their own; one that fails or finds something else must not go by unseen."""
    main([case, "--pulled", "200", "--repeats", "1", "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["case"] for line in lines] == [case] * count
    assert all(line["ours"] > 0 and line["theirs"] > 0 for line in lines)
