"""What a list of people asks for: search, filters, sort, page and columns, as all of it stands in the address.

Pure: no widget is drawn here. Values within one filter are alternatives, filters are joined by "and".
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from regulars.directory.query import SORTS, PeopleQuery
from regulars.models import Segment
from transforms.rfm import RFM_GROUPS
from transforms.rules import (
    And,
    Condition,
    Or,
    Rule,
    RuleError,
    by_id,
    check_size,
    evaluation_order,
    parse,
    place_of,
    segments_named,
    to_text,
    words,
)

SORT_LABELS: Mapping[str, str] = {
    "net": "Net, highest first",
    "orders": "Orders, most first",
    "average": "Average order, highest first",
    "last_order": "Last order, newest first",
    "-last_order": "Last order, oldest first",
    "-first_order": "Customers longest",
    "-name": "Name, A to Z",
    "-country": "Country, A to Z",
    "-rfm": "RFM group, best first",
    "-net": "Net, lowest first",
    "-orders": "Orders, fewest first",
    "-average": "Average order, lowest first",
    "first_order": "First order, newest first",
    "created": "Newest accounts first",
    "-created": "Oldest accounts first",
    "name": "Name, Z to A",
    "country": "Country, Z to A",
    "rfm": "RFM group, lost first",
}
DEFAULT_SORT = "net"
COLUMNS: Mapping[str, str] = {
    "net": "Net",
    "last_order": "Last order",
    "rfm": "RFM group",
    "orders": "Orders",
    "average": "Average",
    "country": "Country",
    "tags": "Tags",
    "city": "City",
    "phone": "Phone",
    "company": "Company",
    "gross": "Gross",
    "refunded": "Refunded",
    "first_order": "First order",
    "created": "Created",
}
DEFAULT_COLUMNS = ("net", "last_order", "rfm", "orders", "average", "country", "tags")
# The names in the address are a contract: links to a list are kept in mails and notes.
ADDRESS = ("q", "rfm", "segment", "tag", "country", "rule", "hidden", "sort", "page", "columns")
LONGEST_PAGE = 9
MOST_COUNTRIES, LONGEST_COUNTRY = 100, 40


@dataclass(frozen=True)
class ListState:
    """One list. `segments` are ids, `rule` is text that parses (or empty), `sort` is a key of SORT_LABELS."""

    search: str = ""
    rfm: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    rule: str = ""
    hidden: bool = False
    sort: str = DEFAULT_SORT
    page: int = 1
    columns: tuple[str, ...] = DEFAULT_COLUMNS

    @property
    def filtered(self) -> bool:
        """Whether anything narrows the list; sort, page and columns do not."""
        return replace(self, sort=DEFAULT_SORT, page=1, columns=DEFAULT_COLUMNS) != ListState()

    def unfiltered(self) -> "ListState":
        """Return the list of everybody, sorted and shown as this one."""
        return ListState(sort=self.sort, columns=self.columns)

    def query(self, page_size: int) -> PeopleQuery:
        """Return what to ask the directory for."""
        return PeopleQuery(
            search=self.search,
            rfm_groups=self.rfm,
            segments=self.segments,
            tags=self.tags,
            rule=joined([*_country_rules(self.countries), *([parse(self.rule)] if self.rule else [])]),
            sort=self.sort.removeprefix("-"),
            descending=not self.sort.startswith("-"),
            page=self.page,
            page_size=page_size,
            hidden=self.hidden,
        )

    def address(self) -> dict[str, list[str]]:
        """Return the values of the address by name; what is as usual stays out of it."""
        values = {
            "q": [self.search],
            "rfm": list(self.rfm),
            "segment": list(self.segments),
            "tag": list(self.tags),
            "country": list(self.countries),
            "rule": [self.rule],
            "hidden": ["1" if self.hidden else ""],
            "sort": ["" if self.sort == DEFAULT_SORT else self.sort],
            "page": ["" if self.page == 1 else str(self.page)],
            "columns": ["" if self.columns == DEFAULT_COLUMNS else ",".join(self.columns) or "none"],
        }
        return {name: kept for name, given in values.items() if (kept := [value for value in given if value])}


@dataclass(frozen=True)
class Chip:
    """One filter as a phrase, and the list without it. The phrase may quote what people wrote: escape it."""

    label: str
    without: ListState


def from_address(values: Mapping[str, Sequence[str]]) -> tuple[ListState, str]:
    """Return the list that an address names, and a sentence on what of it cannot be read (mostly empty).

    Addresses are typed, cut and kept for years: what makes no sense is left out.
    """
    given = {name: [value for value in values.get(name, ()) if value] for name in ADDRESS}
    last = {name: found[-1] if found else "" for name, found in given.items()}
    rule, problem = _readable(last["rule"])
    page = last["page"][:LONGEST_PAGE]
    state = ListState(
        search=last["q"],
        rfm=tuple(group for group in RFM_GROUPS if group in given["rfm"]),
        segments=tuple(dict.fromkeys(given["segment"])),
        tags=tuple(dict.fromkeys(given["tag"])),
        countries=tuple(dict.fromkeys(code for code in given["country"][:MOST_COUNTRIES] if _is_country(code))),
        rule=rule,
        hidden=last["hidden"] == "1",
        sort=last["sort"] if last["sort"] in SORT_LABELS else DEFAULT_SORT,
        page=max(1, int(page)) if page.isascii() and page.isdecimal() else 1,
        columns=_columns(last["columns"]),
    )
    return state, problem


def without_gone(state: ListState, saved: Sequence[Segment]) -> tuple[ListState, str]:
    """Return the list without what asks for segments that are no more or cannot be evaluated, and a sentence on that."""
    usable = evaluation_order(saved).rules
    lost = set(state.segments) - set(usable)
    problem = ""
    if lost:
        why = "cannot be evaluated" if lost <= {segment.id for segment in saved} else "was deleted"
        problem = f"A segment in this address {why}; it filters nothing."
        state = replace(state, segments=tuple(one for one in state.segments if one in usable))
    try:
        rule = _usable(parse(state.rule), saved, usable) if state.rule else None
    except RuleError as error:
        return replace(state, rule=""), f"The rule in this address filters nothing. {error.message}"
    return replace(state, rule=to_text(rule) if rule else ""), problem


def chips(state: ListState, names: Mapping[str, str]) -> list[Chip]:
    """Return each filter of the list as a phrase; `names` are the segments' names by id.

    A rule of several parts joined by "and" has a chip for each part.
    """
    found = [
        *(Chip(f"RFM group: {one}", replace(state, rfm=_less(state.rfm, one))) for one in state.rfm),
        *(
            Chip(f"segment: {names.get(one, one)}", replace(state, segments=_less(state.segments, one)))
            for one in state.segments
        ),
        *(Chip(f"tag: {one}", replace(state, tags=_less(state.tags, one))) for one in state.tags),
        *(Chip(f"country: {one}", replace(state, countries=_less(state.countries, one))) for one in state.countries),
    ]
    if state.rule:
        parts = parts_of(parse(state.rule))
        for place, part in enumerate(parts):
            rest = joined([other for index, other in enumerate(parts) if index != place])
            found.append(Chip(words(part, names), replace(state, rule=to_text(rest) if rest else "")))
    if state.hidden:
        found.append(Chip("deleted here", replace(state, hidden=False)))
    return [replace(chip, without=replace(chip.without, page=1)) for chip in found]


def with_rule(state: ListState, text: str, saved: Sequence[Segment]) -> ListState:
    """Return the list narrowed by one more rule, which may name `saved` segments.

    Raises RuleError where the text cannot be read, or names a segment that is not there or cannot be evaluated.
    """
    added = _usable(parse(text), saved, evaluation_order(saved).rules)
    parts = [*(parts_of(parse(state.rule)) if state.rule else []), *parts_of(added)]
    rule = joined(list(dict.fromkeys(parts)))
    if rule is not None:
        check_size(rule)
    return replace(state, rule=to_text(rule) if rule else "", page=1)


def as_segment(state: ListState, saved: Sequence[Segment]) -> tuple[str, list[str]]:
    """Return the rule that says what the filters say, and a sentence on each thing that no rule can say.

    The rule is empty where no filter can be said. Segments are taken over as the rules they have now.
    """
    rules: list[Rule] = []
    left_out: list[str] = []
    if state.search.strip():
        left_out.append("The search: a rule can ask for a name or an e-mail, but not for whatever was typed.")
    if state.hidden:
        left_out.append("“Deleted here”: whoever was deleted here is in no segment.")
    if state.rfm:
        rules.append(_among("rfm_group", state.rfm))
    try:
        chosen = [parse(segment.rule) for segment in saved if segment.id in state.segments]
    except RuleError:
        chosen = []
        left_out.append("A segment whose rule can no longer be read.")
    tagged: list[Rule] = [Condition("tags", "contains", tag) for tag in state.tags]
    rules += [rule for rule in (alternatives(chosen), alternatives(tagged)) if rule is not None]
    rules += _country_rules(state.countries)
    rules += parts_of(parse(state.rule)) if state.rule else []
    rule = joined(rules)
    return (to_text(rule) if rule else ""), left_out


def joined(rules: Sequence[Rule]) -> Rule | None:
    """Return the rule that all of `rules` make together, None for none."""
    if len(rules) < 2:
        return rules[0] if rules else None
    return And(tuple(part for rule in rules for part in parts_of(rule)))


def alternatives(rules: Sequence[Rule]) -> Rule | None:
    """Return the rule that holds where one of `rules` does, None for none."""
    if len(rules) < 2:
        return rules[0] if rules else None
    return Or(tuple(rules))


def parts_of(rule: Rule) -> list[Rule]:
    """Return what an "and" joins, any other rule as the one part it is."""
    return list(rule.parts) if isinstance(rule, And) else [rule]


def _usable(rule: Rule, saved: Sequence[Segment], usable: Container[str]) -> Rule:
    """Return the rule with segments named by id. Raises RuleError where one is not there or cannot be evaluated."""
    named = by_id(rule, saved)
    if broken := [segment for segment in saved if segment.id in segments_named(named) and segment.id not in usable]:
        said = f"The segment “{broken[0].name}” cannot be evaluated; its card says why."
        raise RuleError(said, position=place_of(named, broken[0].id))
    return named


def _country_rules(countries: tuple[str, ...]) -> list[Rule]:
    return [_among("country", countries)] if countries else []


def _among(field: str, values: tuple[str, ...]) -> Rule:
    return Condition(field, "=", values[0]) if len(values) == 1 else Condition(field, "in", values)


def _less(values: tuple[str, ...], gone: str) -> tuple[str, ...]:
    return tuple(value for value in values if value != gone)


def _readable(text: str) -> tuple[str, str]:
    if not text.strip():
        return "", ""
    try:
        return to_text(parse(text)), ""
    except RuleError as error:
        return "", f"The rule in this address cannot be read, so it filters nothing. {error.message}"


def _is_country(code: str) -> bool:
    return len(code) <= LONGEST_COUNTRY and code.isprintable() and code.strip() == code


def _columns(text: str) -> tuple[str, ...]:
    if not text:
        return DEFAULT_COLUMNS
    asked = text.split(",")
    known = tuple(column for column in COLUMNS if column in asked)
    return known if known or text == "none" else DEFAULT_COLUMNS


assert {label.removeprefix("-") for label in SORT_LABELS} == set(SORTS)
