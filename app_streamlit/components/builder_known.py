"""What the builder may suggest: the shop's own products, categories, countries, tags, statuses and saved segments."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app_streamlit import reads, reads_rules
from regulars.models import Segment
from transforms.rfm import RFM_GROUPS
from transforms.rules import InSegment, Rule, RuleError, by_id, refuse_circle, segments_named, unknown_values

_READERS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "rfm_group": lambda _: RFM_GROUPS,
    "country": reads.countries,
    "tags": lambda shop: sorted(reads.tag_counts(shop), key=str.casefold),
    "currency": lambda shop: reads_rules.order_words(shop, "currency"),
    "role": reads_rules.roles,
    "product": lambda shop: reads_rules.catalogue(shop, "name"),
    "sku": lambda shop: reads_rules.catalogue(shop, "sku"),
    "category": lambda shop: reads_rules.catalogue(shop, "categories"),
    "categories": lambda shop: reads_rules.catalogue(shop, "categories"),
    "status": lambda shop: reads_rules.order_words(shop, "status"),
    "payment_method": lambda shop: reads_rules.order_words(shop, "payment_method"),
    "coupon": lambda shop: reads_rules.order_words(shop, "coupons"),
    "coupons": lambda shop: reads_rules.order_words(shop, "coupons"),
}


@dataclass(frozen=True)
class Known:
    """What one shop has. `saved` are its segments, `own` is the id of the one that is edited, empty for a new one."""

    shop: str
    saved: Sequence[Segment]
    own: str = ""

    @property
    def segments(self) -> Mapping[str, str]:
        """The names, by id, of the segments that the rule may ask for: all but the one that is edited."""
        return {segment.id: segment.name for segment in self.saved if segment.id != self.own}

    def values(self, field: str) -> Sequence[str]:
        """Return the values that a field, or a term of a question, is known to have; empty where anything may be asked."""
        reader = _READERS.get(field)
        return reader(self.shop) if reader else ()

    def warnings(self, rule: Rule) -> Sequence[str]:
        """Return a sentence on each status, tag, country or the like in `rule` that the shop does not have today."""
        return unknown_values(rule, self._all_values)

    def _all_values(self, field: str) -> Sequence[str]:
        found = self.values(field)
        return found if len(found) < reads_rules.MOST_WORDS else ()  # cut: who is not in it may be there all the same

    def segment_of(self, text: str) -> str:
        """Return the id of the segment that a rule names by id or name. Raises RuleError where there is none."""
        (found,) = segments_named(by_id(InSegment(text), self.saved))
        if found == self.own:
            raise RuleError("A segment cannot ask who is in itself.")
        return found

    def check(self, rule: Rule) -> None:
        """Raise RuleError where the rule names no segment there is, or one that leads back to the one that is edited."""
        refuse_circle(self.own, rule, self.saved)
