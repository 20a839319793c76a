"""Everything the app writes: notes, tags and segments, each with the name of the one who wrote it."""

from collections.abc import Iterable

from app_streamlit import reads
from regulars.models import Note, Segment


def add_note(shop: str, key: str, text: str) -> Note:
    """Write a note on a person. Raises RecordInvalid for an empty or too long one."""
    return reads.records().add_note(shop, key, text, reads.settings().user)


def edit_note(note: Note, text: str) -> Note:
    """Replace a note's text. Raises StaleVersion when somebody else changed it since it was read."""
    return reads.records().edit_note(note.id, text, reads.settings().user, note.version)


def set_tags(shop: str, key: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Give a person exactly these tags, those given under earlier keys included. Raises RecordInvalid."""
    author = reads.settings().user
    written = reads.records().set_tags(shop, key, tags, author)
    for earlier in reads.earlier_keys(shop, key):
        reads.records().set_tags(shop, earlier, (), author)
    return written


def save_segment(shop: str, name: str, rule: str, description: str = "", replaces: Segment | None = None) -> Segment:
    """Save a new segment, or a new version of the one it replaces. Raises RecordInvalid, StaleVersion."""
    author = reads.settings().user
    if replaces is None:
        return reads.records().create_segment(shop, name, rule, author, description)
    return reads.records().edit_segment(
        shop,
        replaces.id,
        name=name,
        rule=rule,
        author=author,
        expected_version=replaces.version,
        description=description,
    )


def delete_segment(segment: Segment) -> None:
    """Remove a segment. Raises RecordNotFound, or StaleVersion when somebody changed it meanwhile."""
    reads.records().delete_segment(segment.shop, segment.id, segment.version)
