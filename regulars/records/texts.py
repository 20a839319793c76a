"""What text the records take, and when two tags or names are the same. Pure; every adapter uses it."""

import re
import unicodedata

from regulars.errors import RecordInvalid

NOTE_LENGTH = 10_000
TAG_LENGTH = 40
TAGS_A_PERSON = 50
TAG_CHANGES_A_SHOP = 100
SYNCS_A_SHOP = 500
NAME_LENGTH = 80
DESCRIPTION_LENGTH = 500
MESSAGE_LENGTH = 10_000
KEY_LENGTH = 200
SLUG_LENGTH = 40

_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
_NO_SLUG = re.compile(r"[^a-z0-9]+")


def is_text(text: object) -> bool:
    """Return whether this is text that every store can keep: no NUL, no lone surrogates."""
    return isinstance(text, str) and not _NO_TEXT.search(text)


def checked(text: object, what: str, longest: int, *, shortest: int = 1) -> str:
    """Return `text` without its outer white space. Raises RecordInvalid; the message never holds the text."""
    if not isinstance(text, str) or not is_text(text):
        raise RecordInvalid(f"{what} must be plain text, without NUL or broken characters.")
    text = text.strip()
    if len(text) < shortest:
        raise RecordInvalid(f"{what} is empty; write at least one character.")
    if len(text) > longest:
        raise RecordInvalid(f"{what} has {len(text):,} characters; at most {longest:,} are kept.")
    return text


def shown_tag(tag: object) -> str:
    """Return `tag` as it is shown: compatibility forms made alike, white space single. Raises RecordInvalid."""
    text = unicodedata.normalize("NFKC", checked(tag, "A tag", KEY_LENGTH))
    text = checked(_SPACES.sub(" ", text), "A tag", TAG_LENGTH)
    if any(unicodedata.category(character) == "Cc" for character in text) or not folded(text):
        raise RecordInvalid("A tag must be made of characters that can be seen.")
    return text


def folded(text: str) -> str:
    """Return what two equal tags or names have in common: case, form, white space and invisible characters aside."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", bare.casefold())).strip()


def slug(name: str) -> str:
    """Return an id made from `name`: up to 40 of a-z, 0-9 and hyphens; `segment` where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return _NO_SLUG.sub("-", plain).strip("-")[:SLUG_LENGTH].rstrip("-") or "segment"
