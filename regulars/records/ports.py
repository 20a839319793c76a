"""What the rest of Regulars may ask of the records: small Protocols, whose docstrings are the guarantees.

Every adapter keeps all of these, and one suite of tests holds each adapter to them:

* *Durable*: when a writing call returns, what it wrote survives a kill of every process and a loss of power.
* *Atomic*: a call happens wholly or not at all, also when several processes write at once.
* *Current*: a reading call sees every write that had returned before it began.
* *Versions*: a record that people edit carries `version`, from 1 upwards. An edit names the version it was made from;
  where somebody else saved in between, it changes nothing and raises StaleVersion.
* *Text* is Unicode as it was typed, its outer white space aside. Empty or too long text, NUL and lone surrogates raise
  RecordInvalid before anything is written.

All calls raise RecordsUnavailable where the store cannot be reached or written. Times are UTC, stamped by the store.
`shop` and `customer_key` are taken as they come: aliases are followed by readers, not here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from regulars.models import Note, Segment


class StartingRule(Protocol):
    """A segment that a shop begins with (`transforms.rules.STARTING_SEGMENTS` holds five)."""

    @property
    def id(self) -> str:
        """Its id, a slug."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def rule(self) -> str:
        """The text of its rule."""
        ...

    @property
    def description(self) -> str:
        """One sentence on who is in it."""
        ...


class Notes(Protocol):
    """Internal notes on people: 1 to 10,000 characters."""

    def add_note(self, shop: str, customer_key: str, text: str, author: str) -> Note:
        """Write a note. Ids grow in the order of writing and are never used twice."""
        ...

    def notes(self, shop: str, customer_key: str) -> list[Note]:
        """Return the person's notes, the newest first; an edit does not move a note."""
        ...

    def keys_with_notes(self, shop: str) -> set[str]:
        """Return the customer keys of everybody who has a note."""
        ...

    def edit_note(self, note_id: int, text: str, author: str, expected_version: int) -> Note:
        """Replace the text; `author` of the result is who wrote this version. Raises RecordNotFound, StaleVersion."""
        ...

    def note_history(self, note_id: int) -> list[Note]:
        """Return every version of a note, the first one first. Raises RecordNotFound."""
        ...

    def delete_note(self, note_id: int, expected_version: int) -> None:
        """Remove a note and its history for good. Raises RecordNotFound, StaleVersion."""
        ...


class Tags(Protocol):
    """Tags on people: up to 50 a person, each of 1 to 40 characters.

    Two tags are the same where they differ only in case, Unicode form, invisible characters or white space. A tag is
    shown everywhere in the shop as it was first written, for as long as somebody has it.
    """

    def tags_of(self, shop: str, customer_key: str) -> tuple[str, ...]:
        """Return the person's tags, alphabetically."""
        ...

    def tags(self, shop: str) -> dict[str, tuple[str, ...]]:
        """Return the tags of everybody who has one, by customer key."""
        ...

    def set_tags(self, shop: str, customer_key: str, tags: Iterable[str], author: str) -> tuple[str, ...]:
        """Replace the person's tags and return them as shown. Tags that stay keep who gave them and when."""
        ...

    def add_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Give one tag, return all; giving it twice changes nothing."""
        ...

    def remove_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Take one tag away, return the rest; taking away what is not there changes nothing."""
        ...


class Segments(Protocol):
    """Saved rules. Names have 1 to 80 characters and are unique in the shop without regard to case.

    An id is a slug of the first name; it never changes and is never given to another segment, even after a delete.
    A rule is stored in its canonical text; one that cannot be read raises RecordInvalid with the reader's sentence.
    """

    def ensure_shop(self, shop: str, starting: Sequence[StartingRule]) -> None:
        """Give a shop its starting segments, once in its life: a deleted one does not come back."""
        ...

    def segments(self, shop: str) -> list[Segment]:
        """Return the shop's segments in the order in which they were made."""
        ...

    def segment(self, shop: str, segment_id: str) -> Segment:
        """Return one. Raises RecordNotFound."""
        ...

    def create_segment(self, shop: str, name: str, rule: str, author: str, description: str = "") -> Segment:
        """Save a new segment."""
        ...

    def edit_segment(
        self,
        shop: str,
        segment_id: str,
        *,
        name: str,
        rule: str,
        author: str,
        expected_version: int,
        description: str = "",
    ) -> Segment:
        """Replace name, rule and description. Raises RecordNotFound, StaleVersion."""
        ...

    def delete_segment(self, shop: str, segment_id: str, expected_version: int | None = None) -> None:
        """Remove a segment; with `expected_version` only that version. Raises RecordNotFound, StaleVersion."""
        ...


class Aliases(Protocol):
    """Keys that people had before: `alias -> customer key`, so that what hung on an old key stays theirs."""

    def add_aliases(self, shop: str, aliases: Mapping[str, str]) -> int:
        """Record all of `aliases`, return how many were new or changed. Raises RecordInvalid where they go in a circle."""
        ...

    def aliases(self, shop: str) -> dict[str, str]:
        """Return the shop's aliases as recorded; a chain is not shortened."""
        ...


class Keys(Protocol):
    """Keys that are made here and kept with the records, because nobody could make them again."""

    def guest_key(self) -> tuple[str, bytes]:
        """Return the id and the 32 bytes that hash guests' e-mail addresses; made on first use, the same ever after."""
        ...


class Records(Notes, Tags, Segments, Aliases, Keys, Protocol):
    """All of the records behind one object."""

    def change_token(self) -> int:
        """Return a number that grows whenever something changes that published marts depend on.

        That is: segments, aliases, and tags where a segment of the shop asks for tags. A call that changed nothing
        does not move it. Read it before reading the rest: what was derived then is at least as new as the token.
        """
        ...

    def close(self) -> None:
        """Let go of the store; further calls open it again."""
        ...
