"""The examples in docstrings are run, so that they stay true (those of `transforms` run with its own tests)."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("regulars", "pipelines", "webhook_receiver", "app_streamlit", "demo_shop")
MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for file in (ROOT / package).rglob("*.py")
    if ">>> " in file.read_text()
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    """Who reads a docstring copies its example first."""
    outcome = doctest.testmod(import_module(name))

    assert outcome.attempted
    assert outcome.failed == 0
