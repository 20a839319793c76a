"""Everything the app writes: notes, tags, segments and customers, each with the name of the one who wrote it."""

from collections.abc import Collection, Iterable, Mapping

from app_streamlit import reads
from regulars.dagster import Dagster
from regulars.directory.written import show_again, take_tag
from regulars.models import Note, Segment, TagChange
from regulars.shop import customers
from regulars.shop.customers import Saved
from regulars.shop.fields import CustomerFields, NewCustomer, nested, read_fields


def add_note(shop: str, key: str, text: str) -> Note:
    """Write a note on a person. Raises RecordInvalid for an empty or too long one."""
    return reads.records().add_note(shop, key, text, reads.settings().user)


def edit_note(note: Note, text: str) -> Note:
    """Replace a note's text. Raises StaleVersion when somebody else changed it since it was read."""
    return reads.records().edit_note(note.id, text, reads.settings().user, note.version)


def delete_note(note: Note) -> None:
    """Remove a note with its history. Raises RecordNotFound, or StaleVersion when somebody changed it meanwhile."""
    reads.records().delete_note(note.id, note.version)


def change_tags(shop: str, key: str, before: Collection[str], after: Collection[str]) -> None:
    """Give and take away what differs between two sets of tags, so that what others gave meanwhile stays.

    A tag that was given under an earlier key is taken away there. Raises RecordInvalid.
    """
    author = reads.settings().user
    for tag in [tag for tag in before if tag not in after]:
        take_tag(reads.records(), shop, reads.directory(shop).known_as(key), tag, author)
    for tag in [tag for tag in after if tag not in before]:
        reads.records().add_tag(shop, key, tag, author)


def create_customer(shop: str, values: Mapping[str, str]) -> Saved:
    """Create a customer in the shop from values by path. Raises ShopRequestInvalid with what is wrong, ShopError."""
    fields = read_fields(NewCustomer, nested(values))
    return customers.create_customer(
        reads.settings().shop(shop),
        fields,
        records=reads.records(),
        inbox=reads.inbox(),
        author=reads.settings().user,
    )


def edit_customer(shop: str, woocommerce_id: int | None, values: Mapping[str, str], expected: str) -> Saved:
    """Change a customer in the shop. Raises as `create_customer`, NoAccount, and StaleVersion with both states."""
    fields = read_fields(CustomerFields, nested(values))
    return customers.edit_customer(
        reads.settings().shop(shop),
        woocommerce_id,
        fields,
        records=reads.records(),
        inbox=reads.inbox(),
        author=reads.settings().user,
        expected=expected,
    )


def start_sync(shop: str, *, full: bool = False, reconcile: bool = False) -> str:
    """Start a sync in Dagster and return its run id. Raises DagsterUnavailable.

    `full` reads everything again; `reconcile` compares everything and mends what differs.
    """
    return Dagster(reads.settings()).start_sync(shop, full=full, reconcile=reconcile)


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


def tag_people(shop: str, keys: Iterable[str], tag: str) -> TagChange:
    """Give many people one tag. Raises RecordInvalid for a tag that is none."""
    return reads.records().tag_people(shop, keys, tag, reads.settings().user)


def untag_people(shop: str, keys: Iterable[str], tag: str) -> TagChange:
    """Take one tag away from many people, also where it was given under earlier keys."""
    known = reads.directory(shop).all_keys(keys)
    return reads.records().untag_people(shop, known, tag, reads.settings().user)


def undo_tag_change(change: TagChange) -> TagChange:
    """Undo a bulk change, for those who still are as it left them. Raises StaleVersion where it was undone before."""
    return reads.records().undo_tag_change(change.shop, change.id, reads.settings().user)


def rename_tag(shop: str, tag: str, new: str) -> int:
    """Show a tag under another name, or join it with the one of that name; return how many people have it.

    Raises RecordInvalid, RecordNotFound.
    """
    return reads.records().rename_tag(shop, tag, new, reads.settings().user)


def hide(shop: str, key: str) -> None:
    """Delete a person here: they are in no list until shown again. The shop keeps them."""
    reads.records().hide(shop, key, reads.settings().user)


def show(shop: str, key: str) -> None:
    """Show a person again who was deleted here, also where that was under an earlier key."""
    show_again(reads.records(), shop, reads.directory(shop).known_as(key), reads.settings().user)
