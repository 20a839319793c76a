"""What the rest of Regulars may ask of the records: small Protocols, whose docstrings are the guarantees.

What people write stands here, what the system writes in `system_ports`. Every adapter keeps all of these, and one suite
of tests holds each adapter to them:

* *Durable*: when a writing call returns, what it wrote survives a kill of every process and a loss of power.
* *Atomic*: a call happens wholly or not at all, also when several processes write at once. On MongoDB a change of the tags
  of more than 5,000 people is seen growing while it is made; broken off, it is finished by whoever opens the store next.
* *Current*: a reading call sees every write that had returned before it began.
* *Versions*: a record that people edit carries `version`, from 1 upwards. An edit names the version it was made from;
  where somebody else saved in between, it changes nothing and raises StaleVersion.
* *Text* is Unicode as it was typed, its outer white space aside. Empty or too long text, NUL and lone surrogates raise
  RecordInvalid before anything is written.

All calls raise RecordsUnavailable where the store cannot be reached or written. Times are UTC, stamped by the store.
`shop` and `customer_key` are taken as they come: aliases are followed by readers, not here.
"""

from collections.abc import Collection, Hashable, Iterable, Sequence
from types import TracebackType
from typing import Protocol, Self

from regulars.models import EventKind, Hidden, Note, PersonEvent, Segment, TagChange
from regulars.records.system_ports import Aliases, History, Keys, Portable, ShopStates, Tokens


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

    def note(self, note_id: int) -> Note:
        """Return one note as it is now. Raises RecordNotFound."""
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

    def set_tags(
        self,
        shop: str,
        customer_key: str,
        tags: Iterable[str],
        author: str,
        *,
        expected: Collection[str] | None = None,
    ) -> tuple[str, ...]:
        """Replace the person's tags and return them as shown. Tags that stay keep who gave them and when.

        With `expected`, only where the person has exactly those tags; raises StaleVersion where not.
        """
        ...

    def add_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Give one tag, return all; giving it twice changes nothing."""
        ...

    def remove_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Take one tag away, return the rest; taking away what is not there changes nothing."""
        ...

    def tag_counts(self, shop: str) -> dict[str, int]:
        """Return how many people have each tag, by the tag as shown, alphabetically."""
        ...

    def rename_tag(self, shop: str, tag: str, new: str, author: str) -> int:
        """Show `tag` as `new` from now on, for everybody who has it; return how many that are.

        Where `new` is another tag that is in use, the two become one, shown as `new` was; who had both keeps the
        one that was given first. Bulk changes of `tag` are of `new` then. It writes no events: nothing was done about a
        person. Raises RecordNotFound where nobody has `tag`.
        """
        ...

    def tag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Give many people one tag, as one change; whoever has it, or 50 others, is passed over and not counted.

        The newest 100 changes of a shop are kept and can be undone. A change of nobody is one too.
        """
        ...

    def untag_people(self, shop: str, customer_keys: Iterable[str], tag: str, author: str) -> TagChange:
        """Take one tag away from many people, as one change; whoever does not have it is passed over."""
        ...

    def undo_tag_change(self, shop: str, change_id: int, author: str) -> TagChange:
        """Undo a bulk change, for exactly those whom it changed and who still are as it left them; return it.

        A tag is taken back only where it is the one that the change gave: not where somebody took it away and gave it
        anew. A tag that the change took comes back with who had given it and when, unless the person has it or 50
        others now. Writes events as the change did. Raises RecordNotFound, and StaleVersion where it was undone before.
        """
        ...

    def tag_changes(self, shop: str, limit: int = 20) -> list[TagChange]:
        """Return the latest bulk changes, the newest first."""
        ...


class Segments(Protocol):
    """Saved rules. Names have 1 to 80 characters and are unique in the shop without regard to case.

    An id is a slug of the first name; it never changes and is never given to another segment, even after a delete.
    A rule is stored in its canonical text, in which it names other segments by their ids. One that cannot be read, names
    an unknown segment or closes a circle raises RecordInvalid with the reader's sentence.
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
        """Remove a segment; with `expected_version` only that version. Raises RecordNotFound, StaleVersion.

        Raises RecordInvalid where the rule of another segment names it; the sentence says which.
        """
        ...

    def segment_history(self, shop: str, segment_id: str) -> list[Segment]:
        """Return every version of a segment, the first one first, also of a deleted one. Raises RecordNotFound.

        Versions that were replaced before histories were kept (schema 1) are missing.
        """
        ...


class HiddenPeople(Protocol):
    """People who were deleted here. The shop keeps them, and so do notes, tags and published data."""

    def hide(self, shop: str, customer_key: str, author: str) -> Hidden:
        """Hide a person; hiding twice changes nothing and returns who hid them first."""
        ...

    def show(self, shop: str, customer_key: str, author: str) -> None:
        """Show a person again; showing who is not hidden changes nothing."""
        ...

    def hidden(self, shop: str) -> dict[str, Hidden]:
        """Return everybody who is hidden, by customer key."""
        ...


class Events(Protocol):
    """What was done about people here. Tags and hiding write their own events; edits are written by who made them."""

    def add_event(self, shop: str, customer_key: str, kind: EventKind, author: str, detail: str = "") -> PersonEvent:
        """Write an event. `detail` has at most 500 characters."""
        ...

    def events(self, shop: str, customer_key: str, limit: int = 500) -> list[PersonEvent]:
        """Return the person's events, the newest first."""
        ...


class Records(
    Notes, Tags, Segments, HiddenPeople, Events, History, ShopStates, Tokens, Aliases, Keys, Portable, Protocol
):
    """All of the records behind one object."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def change_token(self) -> int:
        """Return a number that grows whenever something changes that published marts depend on.

        That is: segments, aliases, hidden people, and tags where a segment of the shop asks for tags. A call that changed nothing
        does not move it. Read it before reading the rest: what was derived then is at least as new as the token.
        """
        ...

    def written(self, shop: str) -> Hashable:
        """Return a value to compare with an earlier one of the same object: equal means that nobody wrote in between.

        That is: tags, segments, aliases and hidden people of the shop are as they were, whichever process might have
        changed them. Values may also differ for nothing. Asking takes less than a millisecond, or one way to the server
        and back. Ask before reading the rest: what is read then is at least as new as the value.
        """
        ...

    def close(self) -> None:
        """Let go of the store; further calls open it again."""
        ...
