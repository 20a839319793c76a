"""Children: started so that none can be lost, ended with all that they started, their last words told."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from regulars import processes
from regulars.errors import SettingsError
from regulars.processes import ChildEnded, Children, refuse_taken_ports, wait_for_http, wait_until
from regulars.settings import process_environment
from regulars.stopping import Stopped, held_signals, stoppable

# Starts a child of its own, tells its id, and ignores every polite request, as its child does.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 1:
    print(subprocess.Popen([sys.executable, __file__, "child"]).pid, flush=True)
time.sleep(120)
"""


@pytest.fixture
def children(tmp_path: Path) -> Children:
    """Return children with logs of their own; each test enters them."""
    return Children(tmp_path / "logs", process_environment())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the patience with children that do not end."""
    for name in ("POLITE_SECONDS", "FIRM_SECONDS"):
        monkeypatch.setattr(processes, name, 0.3)


def first_line(log: Path) -> str:
    """Wait for the first line of a log and return it."""
    assert wait_until(lambda: "\n" in log.read_text(), 20)
    return log.read_text().splitlines()[0]


def gone(pid: int) -> Callable[[], bool]:
    """Return whether no process of that id runs any more."""

    def is_gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return is_gone


def test_even_stubborn_children_end_with_what_they_started(children: Children, tmp_path: Path, impatient: None) -> None:
    """Dagster starts four processes of its own, and a run may hang in a network call."""
    program = tmp_path / "stubborn.py"
    program.write_text(STUBBORN)
    with children:
        child = children.start("stubborn", [str(program)])
        grandchild = int(first_line(child.log))

    assert not child.running
    assert wait_until(gone(grandchild), 5)


def test_children_get_the_chance_to_end_in_order(children: Children) -> None:
    """SQLite, DuckDB and the demo shop's courier have something to finish."""
    tidy = (
        "import time\ntry:\n  print('up', flush=True)\n  time.sleep(60)\nexcept KeyboardInterrupt:\n  print('tidied')"
    )
    with children:
        child = children.start("tidy", ["-c", tidy])
        first_line(child.log)

    assert child.process.returncode == 0
    assert child.log.read_text().splitlines() == ["up", "tidied"]


def test_a_child_that_ends_is_told_with_its_log_and_its_last_words(children: Children) -> None:
    """`up` ends with this sentence; whoever reads it needs the reason, not yesterday's."""
    with children:
        children.start("app", ["-c", "print('yesterday')"]).process.wait(20)
        child = children.start("app", ["-c", "print('a start', flush=True); raise SystemExit('the disk is full')"])
        child.process.wait(20)

        assert children.first_ended() is not None
        message = child.ended().message

    assert message == f"app ended with code 1; its log is {child.log}. Its last words: the disk is full"
    assert child.log.read_text().startswith("yesterday")


def test_a_child_without_a_word_is_told_without_the_words_of_the_last_one(children: Children) -> None:
    """Somebody else's last words would send the reader looking in the wrong place."""
    with children:
        children.start("app", ["-c", "print('yesterday')"]).process.wait(20)
        child = children.start("app", ["-c", "raise SystemExit(3)"])
        child.process.wait(20)

        assert child.ended().message == f"app ended with code 3; its log is {child.log}."


def test_waiting_for_a_child_that_ends_does_not_wait_on(children: Children) -> None:
    """A wrong setting ends a server at once; nobody should wait a minute and a half to learn that."""
    with children, pytest.raises(ChildEnded, match="no such module"):
        wait_for_http(
            children.start("app", ["-c", "raise SystemExit('no such module')"]), "http://127.0.0.1:9/", seconds=60
        )


def test_waiting_for_a_child_that_never_answers_ends_too(children: Children) -> None:
    """It hangs, and its log says where."""
    with children, pytest.raises(ChildEnded, match=r"did not answer .* within 1 s; its log is"):
        wait_for_http(children.start("app", ["-c", "import time; time.sleep(60)"]), "http://127.0.0.1:9/", seconds=1)


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """The signal 9 runs no `finally`: Linux itself must end them."""
    program = textwrap.dedent(f"""
        import time
        from pathlib import Path
        from regulars.processes import Children
        from regulars.settings import process_environment
        with Children(Path({str(tmp_path)!r}), process_environment()) as children:
            print(children.start("sleeper", ["-c", "import time; time.sleep(120)"]).process.pid, flush=True)
            time.sleep(120)
        """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        assert not gone(child)()
        parent.kill()

    assert wait_until(gone(child), 10)


def test_a_signal_while_a_child_starts_finds_it_in_the_list(children: Children) -> None:
    """Between the fork and the list an interrupt would lose the child: it waits until both are done.

    Another thread runs, as Polars' do once figures were shown: the system may hand the signal to any of them.
    """
    pids, done = [], threading.Event()
    idle = threading.Thread(target=done.wait)
    idle.start()

    def interrupted() -> None:
        with held_signals():
            os.kill(os.getpid(), signal.SIGINT)
            pids.append(children.start("sleeper", ["-c", "import time; time.sleep(120)"]).process.pid)

    try:
        with pytest.raises(Stopped), stoppable(), children:
            interrupted()
    finally:
        done.set()
        idle.join()

    assert wait_until(gone(pids[0]), 10)


def test_a_child_takes_signals_though_its_parent_holds_them(children: Children) -> None:
    """A child that inherited the parent's deafness would never end politely."""
    with children, held_signals():
        child = children.start("sleeper", ["-c", "import time; print('up', flush=True); time.sleep(120)"])
        first_line(child.log)
        child.process.send_signal(signal.SIGTERM)

        assert child.process.wait(10) == -signal.SIGTERM


def test_a_second_ctrl_c_does_not_interrupt_the_ending(children: Children, tmp_path: Path, impatient: None) -> None:
    """Impatient people press it again and again; the ending must still reach its end."""
    program = tmp_path / "stubborn.py"
    program.write_text(STUBBORN)
    # Another process presses it, once and then again and again while we end.
    presser = f"import os, time\nfor _ in range(8):\n  os.kill({os.getpid()}, 2)\n  time.sleep(0.1)"
    started = []

    def interrupted() -> None:
        started.append(children.start("stubborn", [str(program)]))
        first_line(started[0].log)
        with subprocess.Popen([sys.executable, "-c", presser]):
            time.sleep(30)

    with pytest.raises(Stopped), stoppable(), children:
        interrupted()

    assert not started[0].running


def test_signals_mean_again_what_they_meant_before() -> None:
    """The command may go on after serving, and a library must not keep the terminal's Ctrl-C."""
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(Stopped), stoppable():
        os.kill(os.getpid(), signal.SIGTERM)

    assert signal.getsignal(signal.SIGINT) is before


def test_logs_stay_bounded_while_they_are_written(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's sensors say something every five seconds, for months."""
    monkeypatch.setattr(processes, "LOG_BYTES", 1_000)
    talker = "import time\nfor n in range(200):\n  print(f'line {n:03d}', flush=True)\n  time.sleep(0.01)"
    with children:
        child = children.start("talker", ["-c", talker])
        while child.running:
            children.bound_logs()
            time.sleep(0.005)
        children.bound_logs()

    kept = child.log.with_suffix(".log.1")
    assert child.log.stat().st_size < 2_000
    assert kept.stat().st_size < 2_000
    assert (kept.read_text() + child.log.read_text()).splitlines()[-1] >= "line 190"


def test_a_taken_port_is_named_with_its_setting() -> None:
    """The message must say which of four ports, and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(SettingsError, match=rf"Port {port} on 127.0.0.1 .* Set REGULARS_HTTP_PORT to a free port"):
            refuse_taken_ports("127.0.0.1", {"REGULARS_HTTP_PORT": port})


def test_two_settings_with_one_port_are_refused() -> None:
    """Each alone is free; together the second server would fail a minute later, in a log."""
    with pytest.raises(SettingsError, match="REGULARS_APP_PORT and REGULARS_HTTP_PORT are both 1"):
        refuse_taken_ports("127.0.0.1", {"REGULARS_APP_PORT": 1, "REGULARS_HTTP_PORT": 1})
