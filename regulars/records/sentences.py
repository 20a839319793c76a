"""What the records say when they refuse: one place, so that every adapter says the same."""

from regulars.errors import RecordInvalid, RecordNotFound, RecordsError, StaleVersion
from regulars.records.texts import TAGS_A_PERSON


def note_gone() -> RecordNotFound:
    """Return the error for a note that is not there."""
    return RecordNotFound("This note is gone: somebody deleted it.")


def note_stale(author: str) -> StaleVersion:
    """Return the error for a note that `author` saved in between."""
    return StaleVersion(f"{author} saved this note in between; look at that version and edit it again.")


def segment_gone() -> RecordNotFound:
    """Return the error for a segment that is not there."""
    return RecordNotFound("There is no such segment; somebody may have deleted it.")


def segment_stale(author: str) -> StaleVersion:
    """Return the error for a segment that `author` saved in between."""
    return StaleVersion(f"{author} saved this segment in between; look at that version and edit it again.")


def segment_name_taken() -> RecordInvalid:
    """Return the error for a second segment of one name."""
    return RecordInvalid("Another segment has this name already; choose one of its own.")


def too_many_tags() -> RecordInvalid:
    """Return the error for one tag too many."""
    return RecordInvalid(f"A person has at most {TAGS_A_PERSON} tags.")


def tags_stale() -> StaleVersion:
    """Return the error for tags that are not those that were expected."""
    return StaleVersion("Somebody changed this person's tags in between; look at them and change them again.")


def tag_unused() -> RecordNotFound:
    """Return the error for a tag that nobody has."""
    return RecordNotFound("Nobody has this tag; somebody may have renamed it or taken it away.")


def tag_change_gone() -> RecordNotFound:
    """Return the error for a bulk change that is not there."""
    return RecordNotFound("There is no such change of tags, or it is too old to be undone.")


def tag_change_undone() -> StaleVersion:
    """Return the error for a bulk change that was undone before."""
    return StaleVersion("This change of tags was undone already.")


def token_gone() -> RecordNotFound:
    """Return the error for a token that is not there."""
    return RecordNotFound("There is no such token; `regulars token list` shows those there are.")


def alias_circle() -> RecordInvalid:
    """Return the error for aliases that lead back to themselves."""
    return RecordInvalid("These aliases go in a circle: a key cannot lead back to itself.")


def one_person_already() -> RecordInvalid:
    """Return the error for merging what is one person."""
    return RecordInvalid("These two are one person already.")


def separated_already() -> RecordInvalid:
    """Return the error for separating twice."""
    return RecordInvalid("This was separated already, and is a person of its own.")


def undo_circle() -> RecordInvalid:
    """Return the error for undoing what later decisions were built on."""
    return RecordInvalid("Other decisions would then lead in a circle; undo those first.")


def decision_gone() -> RecordNotFound:
    """Return the error for a decision that is not there."""
    return RecordNotFound("There is no such decision on who is who.")


def decision_undone() -> StaleVersion:
    """Return the error for a decision that was undone before."""
    return StaleVersion("This decision was undone already.")


def not_empty() -> RecordsError:
    """Return the error for loading into a store that has records."""
    return RecordsError("This store has records already; nothing was loaded.")


def not_of_dump(number: int, why: str) -> RecordInvalid:
    """Return the error for the row at `number`, from 1, that no dump holds; `why` names columns, never values."""
    return RecordInvalid(f"Row {number:,} is not of a dump of records: {why}.")


def rows_collide() -> RecordInvalid:
    """Return the error for rows of which two claim one place."""
    return RecordInvalid("These rows are not of one dump of records: two of them have the same key.")
