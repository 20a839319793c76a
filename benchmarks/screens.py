"""The app in a real browser: from the press of a key or button until the answer is drawn and nothing runs any more.

The peer is the target: an analyst should not feel a wait, so 400 ms at the median, the pause in typing that the search
box waits for included.
"""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.comparison import MEGABYTE, Comparison
from benchmarks.ground import Ground
from regulars.settings import process_environment
from tests.chromium import CHROMIUM, missing

TARGET_MS = 400.0
START_SECONDS = 60
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WINDOW = {"width": 1440, "height": 1700}  # high enough for a whole page of the list

# What stands there and the key that is pressed then; each press changes who is found.
PRESSES = (
    ("", "m"),
    ("m", "u"),
    ("an", "n"),
    ("sch", "m"),
    ("cl", "a"),
    ("12345", "6"),
    ("ben sch", "u"),
    ("gmb", "h"),
)
RULES = ("orders_count >= {}", "total_spent >= {}00 and last_order older than 90 days", 'email contains "müller{}"')
LIST, PROFILE, PREVIEW = ".st-key-people-wide canvas", "h1", ".st-key-preview"

# Waits until nothing has run and nothing has changed for half a second: what was typed is sent after a pause.
REST = """() => new Promise(resolve => {
  const told = () => location.search + document.body.innerText;
  const atRest = () => document.querySelector("[data-testid=stApp]").dataset.testScriptState !== "running";
  let [before, since] = [told(), performance.now()];
  const look = () => {
    if (!atRest() || told() !== before) [before, since] = [told(), performance.now()];
    if (performance.now() - since > 500) resolve(); else setTimeout(look, 20);
  };
  look();
})"""

# Waits, frame by frame, for another address or another text, and for the app to be at rest. It need not have been seen
# running: a quick answer comes and is drawn between two frames.
WATCH = """selector => {
  const told = () => location.search + (document.querySelector(selector)?.textContent ?? "");
  const atRest = () => document.querySelector("[data-testid=stApp]").dataset.testScriptState !== "running";
  const bench = (window.bench = {before: told(), pressed: null, drawn: null});
  const press = () => { bench.pressed ??= performance.now(); };
  for (const kind of ["keydown", "pointerdown"]) window.addEventListener(kind, press, {capture: true, once: true});
  const look = () => requestAnimationFrame(() => {
    if (bench.pressed !== null && told() !== bench.before && atRest()) bench.drawn = performance.now();
    else look();
  });
  look();
}"""


@dataclass(frozen=True)
class Screen:
    """The app in a window, and what its process takes."""

    page: Page
    address: str
    app: psutil.Process

    @property
    def memory_mb(self) -> float:
        """What the app's process holds in memory, the mapped files among it."""
        return float(self.app.memory_info().rss / MEGABYTE)

    def open(self, path: str) -> None:
        """Open a page and wait until it is at rest."""
        self.page.goto(self.address + path)
        self.page.wait_for_selector("h1")
        self.rest()

    def rest(self) -> None:
        """Wait until nothing runs."""
        self.page.evaluate(REST)

    def milliseconds(self, selector: str, act: Callable[[], object]) -> float:
        """Return how long it takes from the press in `act` until what stands at `selector` is another and at rest."""
        self.page.evaluate(WATCH, selector)
        act()
        self.page.wait_for_function("window.bench.drawn !== null")
        return float(self.page.evaluate("window.bench.drawn - window.bench.pressed"))


def list_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield search, turning a page, and opening a person."""
    if missing():
        return
    with _screen(ground) as screen:
        for what, measure in (("search, a key", _search), ("next page", _turn), ("open a person", _profile)):
            yield _against_target("app_list", what, screen, [measure(screen, turn) for turn in range(ground.repeats)])


def rule_cases(ground: Ground) -> Iterator[Comparison]:
    """Yield a change in a rule's text until its people, net and sample are there."""
    if missing():
        return
    with _screen(ground) as screen:
        yield _against_target(
            "app_rule", "edit a rule", screen, [_rule(screen, turn) for turn in range(ground.repeats)]
        )


def _search(screen: Screen, turn: int) -> float:
    there, key = PRESSES[turn % len(PRESSES)]
    screen.open("/customers")
    box = screen.page.get_by_placeholder("Name, e-mail")
    box.fill(there)
    screen.rest()
    box.press("End")
    return screen.milliseconds(LIST, lambda: screen.page.keyboard.press(key))


def _turn(screen: Screen, turn: int) -> float:
    if turn == 0:
        screen.open("/customers")
    taken = screen.milliseconds(LIST, screen.page.get_by_role("button", name="Next page").click)
    screen.rest()
    return taken


def _profile(screen: Screen, turn: int) -> float:
    screen.open("/customers")
    grid = screen.page.locator(".st-key-people-wide .dvn-scroller").first
    box = grid.bounding_box()
    assert box is not None
    x, y = box["x"] + 150, box["y"] + 36 + 40 * turn + 20
    screen.page.mouse.move(x + 40, y, steps=4)
    screen.page.mouse.move(x, y, steps=4)
    return screen.milliseconds(PROFILE, lambda: screen.page.mouse.click(x, y))


def _rule(screen: Screen, turn: int) -> float:
    if turn == 0:
        screen.open("/segment")
    box = screen.page.get_by_role("textbox", name="As text")
    box.fill(RULES[turn % len(RULES)].format(turn + 1))
    screen.rest()
    before_the_end = 1 if box.input_value().endswith('"') else 0
    box.press("End")
    for _ in range(before_the_end):
        box.press("ArrowLeft")
    if "older than" in box.input_value():
        box.press("Home")
        for _ in range(len("total_spent >= 1")):
            box.press("ArrowRight")
    return screen.milliseconds(PREVIEW, lambda: screen.page.keyboard.press("3"))


def _against_target(case: str, what: str, screen: Screen, taken: list[float]) -> Comparison:
    return Comparison(case, f"browser: {what}", "target", median(taken), TARGET_MS, screen.memory_mb)


@contextmanager
def _screen(ground: Ground) -> Iterator[Screen]:
    """Serve the app over the made-up shop, far from any .env, and open a window on it."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="regulars-bench-app-") as elsewhere, (Path(elsewhere) / "app.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app_streamlit"],
            env=process_environment(REGULARS_DATA=str(ground.data.resolve()), REGULARS_APP_PORT=str(port)),
            cwd=elsewhere,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"{address}/_stcore/health")
            with sync_playwright() as playwright:
                browser: Any = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
                page = browser.new_context(viewport=WINDOW).new_page()
                page.set_default_timeout(START_SECONDS * 1000)
                yield Screen(page, address, psutil.Process(process.pid))
                browser.close()
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"The app did not answer within {START_SECONDS} s.")
