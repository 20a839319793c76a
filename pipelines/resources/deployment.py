"""The settings as a resource: what is configured, and the ports that the assets are given."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from regulars.models import ShopConfig
from regulars.paths import DataPaths
from regulars.progress import ProgressFile
from regulars.settings import Settings, load_settings

if TYPE_CHECKING:
    from regulars.shop.client import ShopClient


class Deployment(dg.ConfigurableResource["Deployment"]):
    """Vends shops, clients and progress from the settings, read when a run needs them.

    It carries no configuration of its own: secrets must not stand in Dagster's run configuration.
    """

    @property
    def settings(self) -> Settings:
        """The settings of this process."""
        return load_settings()

    @property
    def paths(self) -> DataPaths:
        """Where things lie."""
        return DataPaths(self.settings.data_dir)

    def now(self) -> datetime:
        """Return the instant, in UTC: the one clock of the assets."""
        return datetime.now(UTC)

    def shop(self, name: str) -> ShopConfig:
        """Return the configuration of shop `name`. Raises SettingsError."""
        return self.settings.shop(name)

    def client(self, name: str) -> "ShopClient":
        """Return a client of shop `name`; the caller closes it."""
        from regulars.shop.client import ShopClient

        return ShopClient(self.shop(name))

    def progress(self, shop: str, run_id: str) -> ProgressFile:
        """Return the file in which this run tells where it stands."""
        return ProgressFile(self.paths.progress(shop), shop, run_id)
