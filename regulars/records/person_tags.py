"""How the tags of one person change, on whichever store; the guarantees stand in `ports.Tags`."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from regulars.records import sentences
from regulars.records.given import expected_tags, wanted_tags
from regulars.records.texts import TAGS_A_PERSON, folded, shown_tag


@dataclass(frozen=True)
class TagsAsked:
    """What is to happen to a person's tags, which are known by their folded form.

    `add` is given, folded form to form as written. Of those that the person has, `remove` is taken away, or with
    `keep_only` all but these. With `expected`, only where the person has exactly those.
    """

    add: Mapping[str, str] = field(default_factory=dict)
    remove: Collection[str] = ()
    keep_only: Collection[str] | None = None
    expected: Collection[str] | None = None

    def difference(self, had: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """Return which tags are new (as `add` has them) and which go (folded, sorted) for somebody who has `had`.

        Raises StaleVersion where that is not as expected, RecordInvalid where it would be too many.
        """
        if self.expected is not None and had.keys() != set(self.expected):
            raise sentences.tags_stale()
        new = {name: written for name, written in self.add.items() if name not in had}
        gone = had.keys() & set(self.remove) if self.keep_only is None else had.keys() - set(self.keep_only)
        if len(had) + len(new) - len(gone) > TAGS_A_PERSON:
            raise sentences.too_many_tags()
        return new, sorted(gone)


class PersonTags(ABC):
    """The three ways to change somebody's tags, all of them one step of a store."""

    def set_tags(
        self,
        shop: str,
        customer_key: str,
        tags: Iterable[str],
        author: str,
        *,
        expected: Collection[str] | None = None,
    ) -> tuple[str, ...]:
        """Replace the person's tags. See `ports.Tags`."""
        wanted = wanted_tags(tags)
        asked = TagsAsked(add=wanted, keep_only=set(wanted), expected=expected_tags(expected))
        return self._change(shop, customer_key, author, asked)

    def add_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Give one tag. See `ports.Tags`."""
        tag = shown_tag(tag)
        return self._change(shop, customer_key, author, TagsAsked(add={folded(tag): tag}))

    def remove_tag(self, shop: str, customer_key: str, tag: str, author: str) -> tuple[str, ...]:
        """Take one tag away. See `ports.Tags`."""
        return self._change(shop, customer_key, author, TagsAsked(remove={folded(shown_tag(tag))}))

    @abstractmethod
    def _change(self, shop: str, customer_key: str, author: str, asked: TagsAsked) -> tuple[str, ...]:
        """Do what is asked, with its events, wholly or not at all; return the person's tags as shown."""
