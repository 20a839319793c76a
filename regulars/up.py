"""Everything with one command: app, HTTP side, first sync, Dagster; and the end of all of it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from regulars.backup.unfinished import refuse_half_restored
from regulars.dagster_home import make_dagster_home
from regulars.directory.layout import current_version
from regulars.errors import FolderInUse, RegularsError
from regulars.first_syncs import FirstSyncs
from regulars.paths import DataPaths
from regulars.processes import Child, Children, refuse_taken_ports, wait_for_http
from regulars.settings import Settings, process_environment
from regulars.summary import show, summarise
from regulars.sync import sync

APP_SECONDS, HTTP_SECONDS, DAGSTER_SECONDS = 90.0, 30.0, 240.0


@dataclass(frozen=True)
class Deployment:
    """One data folder and what serves it. `environment` is what its processes are given."""

    settings: Settings
    environment: Mapping[str, str]
    console: Console
    sync_options: tuple[str, ...] = ()

    @property
    def paths(self) -> DataPaths:
        """Where things lie."""
        return DataPaths(self.settings.data_dir.absolute())


def deployment_of(settings: Settings, console: Console, overrides: Mapping[str, str] | None = None) -> Deployment:
    """Return the deployment of the settings, its data folder and DAGSTER_HOME made.

    Raises BackupError where a restore into the data folder was broken off.
    """
    paths = DataPaths(settings.data_dir.absolute())
    refuse_half_restored(paths.root)
    paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds personal data
    environment = process_environment(
        REGULARS_DATA=str(paths.root),
        DAGSTER_HOME=str(make_dagster_home(paths.dagster)),
        PYTHONUNBUFFERED="1",  # what a child says stands in its log at once, and in order
        **(overrides or {}),
    )
    return Deployment(settings, environment, console)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own the data folder: a second `up` on it is refused. Raises FolderInUse."""
    lock = FileLock(folder / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FolderInUse(
            f"Another `regulars up` or `demo` uses {folder}: stop it, or name another REGULARS_DATA."
        ) from None
    try:
        yield
    finally:
        lock.release()


def sync_one(deployment: Deployment, shop: str) -> None:
    """Sync the only shop, progress on screen. Raises SyncFailed where it has nothing published to go on with."""
    published = deployment.paths.published(shop)
    try:
        sync(shop, deployment.paths.progress(shop), deployment.environment, deployment.console, deployment.sync_options)
    except RegularsError as error:
        if current_version(published) is None:
            raise
        deployment.console.print(
            # What a shop says is text, not markup.
            f"{shop}: {error.message} The last published data are served.",
            style="yellow",
            markup=False,
        )
    else:
        show(summarise(published), deployment.console)


def sync_several(syncs: FirstSyncs, children: Children) -> None:
    """Sync the shops side by side until one of them can be served. Raises SyncFailed where none can, ChildEnded."""
    pause = threading.Event()
    syncs.step()
    while not syncs.first_published():
        _refuse_ended(children)
        pause.wait(0.2)
        syncs.step()


def serve(
    deployment: Deployment,
    children: Children,
    ready: Callable[[], None] = lambda: None,
    syncs: FirstSyncs | None = None,
) -> None:
    """Start app and HTTP side, sync, start Dagster, and say where each is. Raises ChildEnded or SyncFailed.

    `ready` is called when the HTTP side answers, before the first sync. Of several shops, which `syncs` has, the others
    go on with theirs while Dagster starts and serves those that are done.
    """
    settings, console = deployment.settings, deployment.console
    home = f"http://{settings.host}"
    app = children.start("app", ["-m", "app_streamlit"])
    receiver = children.start("http", ["-m", "webhook_receiver", "--api"])
    wait_for_http(receiver, f"{home}:{settings.http_port}/healthz", HTTP_SECONDS)
    ready()
    wait_for_http(app, f"{home}:{settings.app_port}/_stcore/health", APP_SECONDS)
    console.print(f"App       {home}:{settings.app_port}")
    if syncs is None:
        sync_one(deployment, settings.shop().name)
    else:
        sync_several(syncs, children)
    dagster = start_dagster(deployment, children)
    wait_for_http(dagster, f"{home}:{settings.dagster_port}/server_info", DAGSTER_SECONDS)
    console.print(f"\nApp       {home}:{settings.app_port}", highlight=False)
    console.print(f"Dagster   {home}:{settings.dagster_port}", highlight=False)
    console.print(f"API       {home}:{settings.http_port}/docs", highlight=False)
    hooks = settings.public_url.rstrip("/") if settings.public_url else f"{home}:{settings.http_port}"
    for shop in settings.shops:
        console.print(f"Webhooks  {hooks}/api/customers/webhooks/{shop}/<topic>", highlight=False, markup=False)


def start_dagster(deployment: Deployment, children: Children) -> Child:
    """Start Dagster's web server and daemon over our pipelines."""
    settings = deployment.settings
    return children.start(
        "dagster",
        ["-m", "dagster", "dev", "-m", "pipelines.definitions", "-h", settings.host, "-p", str(settings.dagster_port)],
    )


def watch(children: Children, syncs: FirstSyncs | None = None) -> None:
    """Wait until a child ends, which it should not, and keep the logs bounded. Raises its ChildEnded.

    First syncs that are still under way go on meanwhile.
    """
    pause = threading.Event()
    while True:
        _refuse_ended(children)
        children.bound_logs()
        if syncs is not None:
            syncs.step()
        pause.wait(0.5)


def _refuse_ended(children: Children) -> None:
    if (ended := children.first_ended()) is not None:
        raise ended.ended()


def up(deployment: Deployment) -> None:
    """Serve the configured shops until somebody asks for the end, as `stoppable` turns it into Stopped.

    Raises SettingsError where no shop is configured or a port is taken, FolderInUse, SyncFailed or ChildEnded.
    """
    settings = deployment.settings
    settings.shop(next(iter(settings.shops), None))
    for sentence in settings.broken_shops.values():
        deployment.console.print(
            f"{sentence} The other shops go on without it.", style="yellow", markup=False, highlight=False
        )
    with owned(deployment.paths.root):
        refuse_taken_ports(settings.host, our_ports(settings))
        with Children(deployment.paths.logs, deployment.environment) as children, first_syncs(deployment) as syncs:
            serve(deployment, children, syncs=syncs)
            deployment.console.print("Ctrl-C ends everything.")
            watch(children, syncs)


def first_syncs(deployment: Deployment) -> AbstractContextManager[FirstSyncs | None]:
    """Return the first syncs of the shops, None where there is only one: that one is shown with a bar."""
    shops = sorted(deployment.settings.shops)
    if len(shops) + len(deployment.settings.broken_shops) == 1:
        return nullcontext()
    return FirstSyncs(shops, deployment.paths, deployment.environment, deployment.console)


def our_ports(settings: Settings) -> dict[str, int]:
    """Return the ports that `up` listens on, by the setting that names them."""
    return {
        "REGULARS_APP_PORT": settings.app_port,
        "REGULARS_HTTP_PORT": settings.http_port,
        "REGULARS_DAGSTER_PORT": settings.dagster_port,
    }
