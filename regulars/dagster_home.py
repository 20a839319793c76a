"""DAGSTER_HOME: made on first start, with a configuration of ours; nobody has to write one."""

from pathlib import Path

CONFIGURATION = """\
# Written by Regulars at each start.
telemetry:
  enabled: false
# Runs start at once and wait for their shop's warehouse on a file lock, which a killed run gives back by itself.
# Dagster's queue would count a killed run as running.
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
# How far a long stage came, and what went wrong beside the work, stands in the log of the run.
python_logs:
  python_log_level: INFO
  managed_python_loggers:
    - regulars
retention:
  schedule:
    purge_after_days: 14
  sensor:
    purge_after_days:
      skipped: 1
      failure: 14
      success: 14
"""


def make_dagster_home(folder: Path) -> Path:
    """Create the folder with its `dagster.yaml` and return its absolute path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "dagster.yaml"
    if not file.exists() or file.read_text() != CONFIGURATION:
        file.write_text(CONFIGURATION)
    return folder.absolute()
