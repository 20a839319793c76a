"""`regulars backup`, `restore` and `token` as a shell sees them."""

from pathlib import Path

import pytest

from regulars.records import open_records
from tests.e2e.running import Place
from tests.regulars.backup.house import held, settings_of


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty place without any settings of a shop."""
    return Place(tmp_path)


def test_a_token_is_made_listed_and_revoked(place: Place) -> None:
    """The secret is shown once; what is listed afterwards lets nobody in."""
    made = place.result("token", "add", "cron on web1")
    place.result("token", "add", "laptop")
    revoked = place.result("token", "revoke", "1")

    listed = place.result("token", "list")["tokens"]
    with open_records(settings_of(place.data)) as records:
        assert records.token_of(made["secret"]) is None
    assert [(token["id"], token["name"], token["revoked_at"] is None) for token in listed] == [
        (1, "cron on web1", False),
        (2, "laptop", True),
    ]
    assert revoked == listed[0]
    assert made["secret"] not in place.run("token", "list").stdout


def test_a_token_is_shown_to_people(place: Place) -> None:
    """Whoever types the command wants to copy one line; names are text, not markup."""
    said = place.run("token", "add", "[red]x[/]").stdout
    with open_records(settings_of(place.data)) as records:
        token = records.token_of(said.strip().splitlines()[-1])
    assert token is not None
    assert "valid  [red]x[/]" in place.run("token", "list").stdout


def test_what_cannot_be_revoked_is_one_sentence(place: Place) -> None:
    """A typing error must not look as if a token had ended."""
    done = place.run("token", "revoke", "7")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == "There is no such token; `regulars token list` shows those there are."


def test_a_deployment_goes_through_a_backup(place: Place, tmp_path: Path) -> None:
    """The commands of the handbook, one after the other, on a deployment without anything but a token."""
    place.result("token", "add", "cron")
    before = held(settings_of(place.data))

    told = place.result("backup", str(tmp_path / "backup"))
    assert (told["backup"], told["store"], told["records"]["tokens"]) == (str(tmp_path / "backup"), "sqlite", 1)

    again = place.run("restore", str(tmp_path / "backup"))
    assert (again.returncode, again.stdout) == (1, "")
    assert "There are records in" in again.stderr
    assert "--replace" in again.stderr

    done = place.result("restore", str(tmp_path / "backup"), "--replace")
    assert held(settings_of(place.data)) == before
    assert Path(done["aside"]).is_dir()


def test_a_backup_is_told_in_words(place: Place, tmp_path: Path) -> None:
    """Whoever backs up by hand sees at a glance whether it is what they meant."""
    place.result("token", "add", "cron")
    said = place.run("backup", "backup").stdout
    assert f"Backed up to {tmp_path / 'backup'}: notes 0," in said
    assert "API tokens 1" in said
    moved = place.run("restore", "backup", REGULARS_DATA=str(tmp_path / "other"))
    assert "Restored the backup of" in moved.stdout
    assert held(settings_of(tmp_path / "other")) == held(settings_of(place.data))


def test_bad_use_of_a_backup_is_code_1_and_a_sentence(place: Place) -> None:
    """No traceback, whatever is missing."""
    done = place.run("backup", "target")
    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing to back up" in done.stderr
    assert not any(place.folder.iterdir())
