"""What the doctor finds, and one visit to a shop in which it does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from regulars.models import ShopConfig
from regulars.settings import Settings
from regulars.shop.client import ShopClient

# Seconds for the connection and for each answer: a shop that needs longer is not well, and the visit has an end.
TIMEOUT: Final = (5.0, 20.0)


@dataclass(frozen=True)
class Finding:
    """One check. `ok` is None where it could not be told; `advice` is empty where there is nothing to do.

    `shop` is the shop it is about, None for this machine.
    """

    check: str
    ok: bool | None
    message: str
    advice: str = ""
    shop: str | None = None


@dataclass
class Visit:
    """One look at one shop: what is found is kept as it comes, since a visit may be broken off.

    `say` is told in plain words what is being asked. `doing` is the last such thing.
    """

    settings: Settings
    shop: ShopConfig
    say: Callable[[str], None]
    findings: list[Finding] = field(default_factory=list)
    doing: str = ""

    def now(self, doing: str) -> None:
        """Say what is asked next."""
        self.doing = doing
        self.say(f"{self.shop.name}: {doing}")

    def well(self, check: str, message: str, advice: str = "") -> None:
        """Keep a finding that all is well."""
        self.findings.append(Finding(check, ok=True, message=message, advice=advice, shop=self.shop.name))

    def ill(self, check: str, message: str, advice: str = "") -> None:
        """Keep a finding that has to be mended."""
        self.findings.append(Finding(check, ok=False, message=message, advice=advice, shop=self.shop.name))

    def unsure(self, check: str, message: str, advice: str = "") -> None:
        """Keep a finding that could not be told, or that is for somebody to judge."""
        self.findings.append(Finding(check, ok=None, message=message, advice=advice, shop=self.shop.name))

    def client(self, **changes: object) -> ShopClient:
        """Return a client that asks once, of the shop with `changes` to its configuration. Raises SettingsError."""
        return ShopClient(self.shop.model_copy(update=changes), patience=0.0, timeout=TIMEOUT)
