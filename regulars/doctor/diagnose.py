"""All shops side by side, each within a bounded time: one that hangs holds up no other."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from regulars.doctor.access import check_access
from regulars.doctor.findings import Finding, Visit
from regulars.doctor.house import check_house
from regulars.doctor.identity import check_identity, check_software
from regulars.doctor.pace import check_pace
from regulars.doctor.reach import check_public_address, check_webhooks
from regulars.errors import RegularsError, SettingsError
from regulars.settings import Settings

LONGEST_SECONDS: Final = 60.0
AT_ONCE: Final = 8


def nothing(_: str) -> None:
    """Say nothing."""


def diagnose(
    settings: Settings,
    shops: Sequence[str],
    *,
    say: Callable[[str], None] = nothing,
    seconds: float = LONGEST_SECONDS,
) -> list[Finding]:
    """Return what is found on this machine and at each of `shops`, in the order in which it must be put right.

    `say` is told what is being asked, from several threads. What is not answered within `seconds` is left out, and said
    to be. Raises SettingsError where a name is of no shop; one that is half configured is a finding.
    """
    whole = [name for name in shops if name not in settings.broken_shops]
    visits = [Visit(settings, settings.shop(name), say) for name in whole]
    places = threading.Semaphore(AT_ONCE)
    # A thread that still waits for a shop when time is up ends with the process: nothing of it is needed then.
    threads = [threading.Thread(target=_visit, args=(each, places), daemon=True) for each in visits]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    findings = list(check_house(settings, say))
    for visit, thread in zip(visits, threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        findings += [*visit.findings, *([_unanswered(visit, seconds)] if thread.is_alive() else [])]
    return findings


def _visit(visit: Visit, places: threading.Semaphore) -> None:
    with places:
        try:
            _ask_everything(visit)
        except SettingsError as error:
            visit.ill("settings", error.message)
        except RegularsError as error:  # better told than lost with the thread
            visit.ill("unforeseen", error.sentence())


def _ask_everything(visit: Visit) -> None:
    with visit.client() as client:
        index = check_access(visit, client)
        if index is None:
            return
        software = check_software(visit, client)
        check_identity(visit, client, index)
        check_webhooks(visit, client)
        check_public_address(visit)
        check_pace(visit, client, software)


def _unanswered(visit: Visit, seconds: float) -> Finding:
    return Finding(
        "time",
        ok=False,
        message=f"Not everything was answered within {seconds:.0f} s; the last thing was {visit.doing or 'to wait'}.",
        advice="The shop hangs, or is very slow: have its host look at PHP and the database.",
        shop=visit.shop.name,
    )
