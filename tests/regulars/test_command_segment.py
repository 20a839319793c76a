"""`regulars segment` as a shell sees it: people now and as of a past day, as text, JSON and files."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from regulars import cli
from regulars.records import open_records
from regulars.settings import load_settings
from tests.regulars.directory.builders import AS_OF, SHOP, a_buyer, a_person, an_order, as_of_schema_1, publish_people

Asked = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the published folder of a shop: Ada bought long ago and now, Bea now alone, Cid never."""
    monkeypatch.setenv("REGULARS_DATA", str(tmp_path / "data"))
    for name in ("WOOCOMMERCE_URL", "REGULARS_SHOP"):  # of a shop that other tests of this process keep open
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "published" / SHOP
    publish_people(
        folder,
        [
            a_buyer(1, orders=2, net="80.00", first_name="=Ada", last_name="[b]A[/b]"),
            a_buyer(2, orders=1, net="40.00", first_name="Bea"),
            a_person(3, first_name="Cid"),
        ],
        orders=[
            an_order(1, "woo:1", created_at=AS_OF - timedelta(days=200), order_day=19_800),
            an_order(2, "woo:1"),
            an_order(3, "woo:2"),
        ],
    )
    return folder


@pytest.fixture
def asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Return a function that runs `regulars segment …` and returns its exit code."""

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["regulars", "segment", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0)

    return run


def test_people_net_and_some_of_them_are_printed(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer of a look: how many, how much, who. Names are shown as they are, never as markup."""
    assert asked("orders_count >= 1") == 0
    said = capsys.readouterr().out
    assert said.startswith("2 people, now; net 120.00 EUR.\n")
    assert "[b]A[/b]" in said
    assert "Cid" not in said


def test_a_past_day_is_reconstructed_and_says_what_it_takes_from_today(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a year ago only one of them had bought; the city is today's, and nobody may take it for that day's."""
    assert asked('orders_count >= 1 and city = "berlin"', "--as-of", "2026-06-01", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["how"], answer["as_of"], answer["people"]) == ("reconstructed", "2026-06-01", 1)
    assert answer["net"] == {"EUR": "40.000000"}
    assert answer["without_past"] == ["order statuses", "who is who", "who was deleted since", "city"]
    assert [one["key"] for one in answer["sample"]] == ["woo:1"]

    assert asked("orders_count >= 1", "--as-of", "2026-06-01") == 0
    said = capsys.readouterr().out
    assert "1 person, reconstructed as of 2026-06-01; net 40.00 EUR." in said
    assert "Today's values, since they have no past here: order statuses, who is who, who was deleted since." in said


def test_what_a_named_segment_asks_of_today_is_told_too(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer rests on it just as much as on what the rule itself asks."""
    with open_records(load_settings()) as records:
        records.create_segment(SHOP, "In Bonn", 'city = "Bonn"', "Ann")

    assert asked('in_segment("in-bonn")', "--as-of", "2026-06-01", "--json") == 0
    assert "city" in json.loads(capsys.readouterr().out)["without_past"]


def test_hidden_people_tags_and_other_segments_count_as_in_the_app(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two answers to one question would make people trust neither."""
    with open_records(load_settings()) as records:
        records.create_segment(SHOP, "Buyers", "orders_count >= 1", "Ann")
        records.add_tag(SHOP, "woo:2", "vip", "Ann")
        records.hide(SHOP, "woo:1", "Ann")
    for as_of in ((), ("--as-of", "2026-11-12")):
        assert asked('in_segment("buyers") and tags contains "VIP"', "--json", *as_of) == 0
        assert [one["key"] for one in json.loads(capsys.readouterr().out)["sample"]] == ["woo:2"]
        assert asked('in_segment("buyers")', "--json", *as_of) == 0
        assert json.loads(capsys.readouterr().out)["people"] == 1


@pytest.mark.parametrize("as_of", [(), ("--as-of", "2026-11-12")], ids=["now", "past"])
def test_everybody_is_written_into_a_file(
    asked: Asked, tmp_path: Path, as_of: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """For a mailing or a notebook; a spreadsheet must not run a name as a formula."""
    csv, parquet = tmp_path / "them.csv", tmp_path / "them.PARQUET"

    assert asked("orders_count >= 0", "--out", str(csv), *as_of) == 0
    assert asked("orders_count >= 0", "--out", str(parquet), *as_of) == 0

    assert "'=Ada" in csv.read_text(encoding="utf-8-sig")
    read = pl.read_parquet(parquet)
    assert sorted(read["customer_key"]) == ["woo:1", "woo:2", "woo:3"]
    assert csv.stat().st_mode & 0o077 == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data", "them.PARQUET", "them.csv"]


def test_the_orders_criteria_object_is_a_rule_too(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts of before speak it; the answer shows it as text."""
    assert asked('{"orders_count": {"min": 2}}', "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["rule"], answer["people"], answer["how"]) == ("orders_count >= 2", 1, "current")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("orders_cout >= 2",), "did you mean orders_count"),
        (("orders_count >=",), "at character"),
        (("{orders: 3}",), "not JSON"),
        (('{"height": {"min": 2}}',), "no criterion"),
        (('in_segment("nobody")',), "There is no segment"),
        (('m = 5 or in_segment("nobody")',), "(at character 21)"),
        (('rfm_group = "Champion"',), "did you mean Champions?"),
        (("orders_count > 1", "--as-of", "yesterday"), "is no day"),
        (("orders_count > 1", "--as-of", "2026-11-13"), "are as of 2026-11-12"),
        (("orders_count > 1", "--out", "them.xlsx"), ".csv or .parquet"),
        (("orders_count > 1", "--shop", "nowhere"), "shop"),
    ],
)
def test_bad_use_is_one_sentence_and_2(
    asked: Asked, words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script tells a wrong question from a failure by the code, a person by the sentence."""
    assert asked(*words) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err + said.out


def test_a_place_that_cannot_be_written_is_one_sentence_and_1(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is wrong with the question."""
    assert asked("orders_count > 1", "--out", str(tmp_path / "no" / "such" / "them.csv")) == 1
    assert "cannot be written: No such file or directory." in capsys.readouterr().err


def test_versions_of_an_earlier_release_are_asked_like_any_other(
    asked: Asked, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an update the first publish may be hours away."""
    (version,) = (entry for entry in folder.iterdir() if entry.is_dir())
    as_of_schema_1(version)

    assert asked("orders_count >= 1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["people"] == 2
    assert asked("orders_count >= 1", "--as-of", "2026-06-01", "--json") == 0
    assert json.loads(capsys.readouterr().out)["people"] == 1


def test_what_the_next_sync_works_out_first_is_no_answer_of_nobody(
    asked: Asked, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an update the fields of the new release are empty: "0 people" would be believed. The past is worked out."""
    (version,) = (entry for entry in folder.iterdir() if entry.is_dir())
    as_of_schema_1(version)
    with open_records(load_settings()) as records:
        records.create_segment(SHOP, "Often", "median_days_between < 30", "Ann")

    for rule in ("median_days_between < 30", 'not in_segment("often")'):
        assert asked(rule) == 1
        assert "worked out from the next sync on: median days between orders." in capsys.readouterr().err
    assert asked("median_days_between < 30", "--as-of", "2026-06-01") == 0


def test_a_file_that_is_there_is_written_over_only_on_asking(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped name must not cost somebody the list they mailed last week."""
    csv = tmp_path / "them.csv"
    csv.write_text("kept")

    assert asked("orders_count >= 1", "--out", str(csv)) == 2
    assert "--force" in capsys.readouterr().err
    assert csv.read_text() == "kept"
    assert asked("orders_count >= 1", "--out", str(csv), "--force") == 0
    assert "Bea" in csv.read_text(encoding="utf-8-sig")
