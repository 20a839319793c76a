"""The documents name only what exists: commands, options, targets of `make`, files, settings."""

import re
from pathlib import Path

import pytest
import typer

from regulars.cli import app
from regulars.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").rglob("*.md"))
NAMES = [str(document.relative_to(ROOT)) for document in DOCUMENTS]
# What is typed: in backticks, or on a line of a block that begins with a command.
TYPED = re.compile(r"`([^`\n]+)`|^((?:\.venv/bin/)?regulars .*|make .*|cp .*)$", re.MULTILINE)


def typed(document: Path) -> list[str]:
    """Return the commands and names in a document."""
    return [first or second for first, second in TYPED.findall(document.read_text())]


def commands() -> dict[str, set[str]]:
    """Return the options of each command."""
    group = typer.main.get_command(app)
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_command_that_a_document_names_exists_with_its_options(name: str) -> None:
    """The first thing a newcomer does is to copy a line from the README."""
    known = commands()
    for text in typed(ROOT / name):
        found = re.match(r"(?:\.venv/bin/)?regulars ([a-z][a-z-]*)(.*)", text.partition("#")[0])
        if found:
            command, rest = found.groups()
            assert command in known, text
            assert set(re.findall(r"(?<!\w)--[a-z-]+", rest)) <= known[command] | {"--help"}, text


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_that_a_document_names_exists(name: str) -> None:
    """`make` answers "No rule to make target", which tells a newcomer nothing."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for text in typed(ROOT / name):
        found = re.match(r"make ([a-z-]+)", text)
        if found:
            assert found[1] in targets, text


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_that_a_document_names_exists(name: str) -> None:
    """A variable that nothing reads is set in vain."""
    aliases = {str(field.alias) for field in Settings.model_fields.values()}
    named = set(re.findall(r"\b(?:REGULARS|WOOCOMMERCE)_[A-Z_]+\b", (ROOT / name).read_text()))

    assert named <= aliases


@pytest.mark.parametrize("name", NAMES)
def test_every_link_between_documents_leads_somewhere(name: str) -> None:
    """Chapters are linked by their heading, files by their place."""
    document = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        path, _, chapter = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if chapter:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert chapter in slugs, target


def test_the_readme_lists_every_command() -> None:
    """A command that the README does not name is one that nobody finds."""
    text = (ROOT / "README.md").read_text()

    assert {name for name in commands() if f"`regulars {name}" not in text} == set()


def test_make_alone_lists_every_target_with_a_sentence() -> None:
    """`make` is the first thing that people try in a checkout."""
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony

    described = set(re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE))

    assert set(phony[1].split()) == described
