"""The command lines, as a person runs them."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
import trustme

from demo_shop import act
from demo_shop.generate import generate
from demo_shop.server import create_app, serve
from tests.demo_shop.test_shop_generator import TODAY

ROOT = Path(__file__).parents[2]
KEYS = {"DEMO_SHOP_CONSUMER_KEY": "ck_command", "DEMO_SHOP_CONSUMER_SECRET": "cs_command"}


@contextmanager
def running(*arguments: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run ``python -m demo_shop`` on a free port and yield its first line."""
    command = [sys.executable, "-m", "demo_shop", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=KEYS, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline(), process
        finally:
            process.kill()


def _act(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "demo_shop.act", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=KEYS, cwd=ROOT, check=False)


def test_the_shop_prints_one_line_serves_and_leaves_on_ctrl_c() -> None:
    """`regulars demo` waits for this line and ends the shop with an interrupt."""
    options = ("--people", "40", "--today", "2026-01-01", "--storage", "legacy", "--busy", "600")
    with running(*options) as (line, process):
        found = re.fullmatch(r"Demo shop at (http://127\.0\.0\.1:\d+): (\d+) customers, (\d+) orders, .*\n", line)
        assert found, line
        assert requests.get(f"{found[1]}/wp-json/", timeout=5).json()["name"] == "Regulars Demo Shop"
        placed = _act("order", "--url", found[1], "--seed", "1")
        assert re.fullmatch(r"Placed order \d+ over \d+\.\d\d EUR for .*\.\n", placed.stdout), placed
        edited = _act("edit-customer", "--url", found[1], "--id", "5")
        assert edited.stdout.startswith("Gave customer 5 the phone number"), edited
        refused = _act("edit-customer", "--url", found[1], "--id", "99999")
        assert (refused.returncode, refused.stderr) == (1, "The shop refused (400): Invalid resource ID.\n")
        for act in ("trash", "restore", "delete", "touch", "refund", "unrefund", "delete-customer"):
            done = _act(act, "--url", found[1], "--seed", "1")
            assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1), act
        broken = _act("fault", "html", "--times", "0", "--url", found[1])
        assert broken.stdout == "The shop fails from now on (html), until `fault none`.\n"
        assert _act("touch", "--url", found[1]).returncode == 1
        assert _act("fault", "none", "--url", found[1]).stdout == "The shop answers as it should.\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_a_taken_port_and_a_missing_file_are_told_in_a_sentence() -> None:
    """Exit code 1, no traceback."""
    with running("--people", "5", "--today", "2026-01-01") as (line, _):
        port = re.search(r":(\d+): ", line)
        assert port
        command = [sys.executable, "-m", "demo_shop", "--port", port[1], "--people", "5"]
        taken = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
        assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
        command = [sys.executable, "-m", "demo_shop", "--port", "0", "--orders", "missing.parquet"]
        missing = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
        assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)


def test_acts_reach_a_shop_over_https_with_a_private_authority(tmp_path: Path) -> None:
    """Over HTTPS the key goes in a Basic header."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "shop.pem")
    shop = generate(10, 1, TODAY)
    before = len(shop.orders)
    with serve(create_app(shop), certfile=str(tmp_path / "shop.pem")) as url:
        caller = act.Caller(url, next(iter(shop.keys.values())), str(tmp_path / "ca.pem"))
        said = act.place_order(caller, 5, act.random.Random(1))
        caller.session.close()
    assert len(shop.orders) == before + 1
    assert said.endswith("for customer 5.")
