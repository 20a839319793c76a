"""Everything with one command: app, HTTP side, first sync, Dagster; and the end of all of it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from regulars.backup.unfinished import refuse_half_restored
from regulars.dagster_home import make_dagster_home
from regulars.directory.layout import current_version
from regulars.errors import FolderInUse, RegularsError
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


def sync_shops(deployment: Deployment) -> None:
    """Sync every shop, progress on screen. Raises SyncFailed of the first shop that has nothing published."""
    for shop in deployment.settings.shops:
        try:
            sync(
                shop,
                deployment.paths.progress(shop),
                deployment.environment,
                deployment.console,
                deployment.sync_options,
            )
        except RegularsError as error:
            if current_version(deployment.paths.published(shop)) is None:
                raise
            deployment.console.print(
                # What a shop says is text, not markup.
                f"{shop}: {error.message} The last published data are served.",
                style="yellow",
                markup=False,
            )
            continue
        show(summarise(deployment.paths.published(shop)), deployment.console)


def serve(deployment: Deployment, children: Children, ready: Callable[[], None] = lambda: None) -> None:
    """Start app and HTTP side, sync, start Dagster, then watch over them. Raises ChildEnded or SyncFailed.

    `ready` is called when the HTTP side answers, before the first sync.
    """
    settings, console = deployment.settings, deployment.console
    home = f"http://{settings.host}"
    app = children.start("app", ["-m", "app_streamlit"])
    receiver = children.start("http", ["-m", "webhook_receiver", "--api"])
    wait_for_http(receiver, f"{home}:{settings.http_port}/healthz", HTTP_SECONDS)
    ready()
    wait_for_http(app, f"{home}:{settings.app_port}/_stcore/health", APP_SECONDS)
    console.print(f"App       {home}:{settings.app_port}")
    sync_shops(deployment)
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


def watch(children: Children) -> None:
    """Wait until a child ends, which it should not, and keep the logs bounded. Raises its ChildEnded."""
    pause = threading.Event()
    while (ended := children.first_ended()) is None:
        children.bound_logs()
        pause.wait(0.5)
    raise ended.ended()


def up(deployment: Deployment) -> None:
    """Serve the configured shops until somebody asks for the end, as `stoppable` turns it into Stopped.

    Raises SettingsError where no shop is configured or a port is taken, FolderInUse, SyncFailed or ChildEnded.
    """
    settings = deployment.settings
    settings.shop(next(iter(settings.shops), None))
    with owned(deployment.paths.root):
        refuse_taken_ports(settings.host, our_ports(settings))
        with Children(deployment.paths.logs, deployment.environment) as children:
            serve(deployment, children)
            deployment.console.print("Ctrl-C ends everything.")
            watch(children)


def our_ports(settings: Settings) -> dict[str, int]:
    """Return the ports that `up` listens on, by the setting that names them."""
    return {
        "REGULARS_APP_PORT": settings.app_port,
        "REGULARS_HTTP_PORT": settings.http_port,
        "REGULARS_DAGSTER_PORT": settings.dagster_port,
    }
