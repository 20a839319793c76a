"""Soon."""


def show() -> None:
    """Show the page."""
