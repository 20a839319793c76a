"""What it means when a shop's warehouse file cannot be used, and what to do about it: in one place for all who open it."""

from pathlib import Path

from regulars.errors import DataFolderError, WarehouseBusy


def trouble(warehouse: Path, error: Exception, verb: str) -> DataFolderError:
    """Return what to raise, from `error`, where DuckDB, dlt or the disk would not let the file be `verb`.

    WarehouseBusy where another process has it open, else DataFolderError. Their own words may hold data: left out.

    >>> trouble(Path("shop.duckdb"), OSError(28, "No space left on device"), "written").message
    "The warehouse shop.duckdb could not be written (OSError): check the disk's free space and the folder's rights."
    """
    if "Could not set lock" in str(error):
        return WarehouseBusy(f"Another program has {warehouse.name} open; DuckDB lets one at a time: close it.")
    return DataFolderError(
        f"The warehouse {warehouse.name} could not be {verb} ({type(error).__name__}): check the disk's free space and the "
        "folder's rights."
    )
