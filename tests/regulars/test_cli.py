"""The commands as a shell sees them: exit codes, one sentence, quick help, JSON on standard output alone."""

import json
import resource
import sys
from datetime import date
from pathlib import Path

import pytest

from demo_shop.generate import generate
from demo_shop.model import ApiKey
from demo_shop.server import create_app, serve
from tests.e2e.running import KEY, SECRET, Place, connected

SHOP = connected("https://shop.example.com")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty place without any settings of a shop."""
    return Place(tmp_path)


BAD_USE = {
    "no shop": (("sync",), {}, "No shop is configured: set WOOCOMMERCE_URL"),
    "no shop to serve": (("up",), {}, "No shop is configured: set WOOCOMMERCE_URL"),
    "unknown shop": (("sync", "--shop", "west"), SHOP, "No shop is called 'west'; there is: shop."),
    "half a shop": (("up",), {"WOOCOMMERCE_URL": "https://x.example.com"}, "no WOOCOMMERCE_CONSUMER_KEY"),
    "bad address": (("sync",), {**SHOP, "WOOCOMMERCE_URL": "ftp://x"}, "WOOCOMMERCE_URL must be an address"),
    "bad day": (("demo", "--as-of", "2011-13-40"), {}, "'2011-13-40' is no day; write one as 2011-12-10."),
    "bad zone": (("sync",), {**SHOP, "REGULARS_SHOP_TIMEZONE": "Mars/X"}, "'Mars/X' is not an IANA time zone"),
    "bad setting": (("up",), {**SHOP, "REGULARS_APP_PORT": "x"}, "REGULARS_APP_PORT"),
    "unknown command": (("dance",), {}, "No such command 'dance'."),
    "unknown option": (("sync", "--fast"), SHOP, "No such option: --fast"),
    "no such file": (("demo", "--orders", "/nowhere.parquet"), {}, "'/nowhere.parquet' does not exist"),
}


@pytest.mark.parametrize("case", BAD_USE)
def test_bad_use_is_one_sentence_and_code_2(place: Place, case: str) -> None:
    """A script tells a typing error from a failed sync by the code, a person by the sentence."""
    arguments, settings, sentence = BAD_USE[case]

    done = place.run(*arguments, **settings)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_help_answers_at_once(place: Place) -> None:
    """Whoever looks up an option should not wait for Polars and pydantic to load."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = place.run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert done.returncode == 0
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 1.0
    for command in ("up", "demo", "sync", "doctor", "demo-order", "demo-edit"):
        assert f" {command} " in done.stdout


def test_alone_it_shows_its_help(place: Place) -> None:
    """The first thing people type."""
    assert "Commands" in place.run().stdout


def test_help_loads_no_heavy_library(place: Place) -> None:
    """Each command imports what it needs; one import at the top would slow down all of them."""
    import subprocess

    program = "import sys, regulars.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert not {"polars", "pydantic", "requests", "sqlalchemy", "dagster", "dlt", "streamlit"} & set(loaded)


@pytest.mark.parametrize("command", ["demo-order", "demo-edit"])
def test_acting_in_a_demo_shop_that_does_not_run_fails_in_a_sentence(place: Place, command: str) -> None:
    """The likeliest mistake: the demo runs on another port, or not yet."""
    done = place.run(command)

    assert done.returncode == 1
    assert (
        done.stderr
        == f"The shop at {place.url('REGULARS_DEMO_PORT')} does not answer (ConnectionError): is the demo running?\n"
    )


def test_a_doctor_who_finds_nothing_ends_well(place: Place) -> None:
    """Scripts wait for a shop with it: code 0 means a sync would work."""
    with serve(create_app(generate(5, 1, date(2026, 11, 20), keys=(ApiKey(KEY, SECRET),)))) as url:
        done = place.run("doctor", "--json", **connected(url))

    findings = json.loads(done.stdout)["findings"]
    assert done.returncode == 0, done.stdout
    assert {finding["check"] for finding in findings} >= {"address", "permalinks", "clock", "time zone"}
    assert all(set(finding) == {"shop", "check", "ok", "message", "advice"} for finding in findings)


def test_a_doctor_who_finds_something_fails_and_says_what_to_do(place: Place) -> None:
    """A wrong secret, by far the most frequent finding, read by a person."""
    with serve(create_app(generate(5, 1, date(2026, 11, 20), keys=(ApiKey(KEY, SECRET),)))) as url:
        done = place.run("doctor", **connected(url, WOOCOMMERCE_CONSUMER_SECRET="cs_wrong"))

    assert done.returncode == 1
    assert "ok" in done.stdout
    assert "\nno  " in done.stdout
    assert "cs_wrong" not in done.stdout + done.stderr


def test_a_file_that_is_no_order_history_is_refused_with_the_reason(place: Place) -> None:
    """The demo shop reads it in a process of its own; its words must reach the terminal."""
    file = place.folder / "letters.parquet"
    file.write_text("not a Parquet file")

    done = place.run("demo", "--orders", str(file), "--once")

    assert done.returncode == 1
    assert "Cannot read the orders" in done.stderr
    assert "Traceback" not in done.stderr
