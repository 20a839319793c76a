"""A rule from its text: a recursive-descent parser, with `parse(to_text(t)) == t`.

The grammar, loosest first; words are read in any case, strings stand in double (or single) quotes with a backslash
before a quote or a backslash::

    rule      = all ("or" all)*
    all       = part ("and" part)*
    part      = "not" part | "(" rule ")" | leaf
    leaf      = FIELD compared | ("orders" | "bought") "(" term ("," term)* ")" | "in_segment" "(" TEXT ")"
    term      = TERM compared | aged
    compared  = ("=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "starts with" | "ends with") VALUE
              | "between" VALUE "and" VALUE
              | ("in" | "not in") "(" VALUE ("," VALUE)* ")"
              | ("is null" | "is not null")
              | aged
    aged      = ("older than" | "within") NUMBER ("days" | "weeks")

An age without a name in the brackets of a query is that of the order's day.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Literal, TypeVar

from transforms.rule_errors import RuleError, shorten
from transforms.rule_fields import ABSENCE, AGES, COMPARISONS, FIELDS, Field
from transforms.rule_hints import after_rule, field_meant, operator_meant, parts_number, unit_meant, value_meant
from transforms.rule_lexer import SIGNS, Token, tokens
from transforms.rule_terms import BOUGHT_TERMS, ORDER_TERMS, TermField
from transforms.rule_tree import (
    MAX_LEVELS,
    MAX_TERMS,
    MAX_TEXT,
    And,
    BoughtQuery,
    Condition,
    InSegment,
    Not,
    Or,
    OrdersQuery,
    Rule,
    Term,
    check_size,
    field_named,
    term_named,
)
from transforms.rule_values import MAX_LIST, Age, check_operator, day

Made = TypeVar("Made")

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_JOINS = ("and", "or", "not")
_QUERIES: Mapping[str, tuple[Mapping[str, TermField], type[OrdersQuery] | type[BoughtQuery]]] = {
    "orders": (ORDER_TERMS, OrdersQuery),
    "bought": (BOUGHT_TERMS, BoughtQuery),
}
_FUNCTIONS = (*_QUERIES, "in_segment")
_WORD_OPERATORS = ("contains", "starts with", "ends with", "not in", "in", "between", *AGES, *ABSENCE)


def parse(text: str) -> Rule:
    """Return the tree of `text`. Raises RuleError with the position, what was found and what would be right.

    >>> parse("orders_count >= 3 and last_order older than 90 days").parts[0]
    Condition(field='orders_count', op='>=', value=3)
    """
    if len(text) > MAX_TEXT:
        raise RuleError(f"A rule has at most {MAX_TEXT} characters; this one has {len(text)}.", position=MAX_TEXT)
    parser = _Parser(tokens(text))
    rule = parser.rule()
    parser.end()
    check_size(rule)
    return rule


class _Parser:
    """One pass over the tokens; each method reads what its name says and stands behind it afterwards."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._level = 0
        self._values: list[tuple[Token, Any]] = []  # of the comparison that is being read

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _skip(self, *words: str) -> bool:
        """Step over `words` if they come next, all of them."""
        if not self._ahead(*words):
            return False
        self._at += len(words)
        return True

    def _ahead(self, *words: str) -> bool:
        ahead = self._tokens[self._at : self._at + len(words)]
        return [token.text for token in ahead if token.kind in ("word", "sign")] == list(words)

    def _expect(self, right: str, *words: str) -> None:
        if not self._skip(*words):
            raise self._error(right)

    def _error(self, right: str) -> RuleError:
        token = self._next
        found = shorten(token.written)
        if token.text == ")" and self._at > 0 and self._tokens[self._at - 1].text == ",":
            right = f"no comma in front of it, or {right}"
        stop = "" if right.endswith("?") else "."
        said = f"“{found}” does not fit here; what fits is {right}{stop}"
        if token.kind == "end":
            said = f"The rule stops too early; what comes next is {right}{stop}"
        return RuleError(said, position=token.position, found=found, expected=right)

    def _too_many(self, right: str) -> RuleError:
        return RuleError(f"A rule has {right}.", position=self._next.position, expected=right)

    def end(self) -> None:
        if self._next.kind != "end":
            raise self._error(after_rule(self._tokens, self._at))

    def rule(self) -> Rule:
        return self._joined("or", lambda: self._joined("and", self._part, And), Or)

    def _joined(self, word: str, part: Callable[[], Rule], join: type[And] | type[Or]) -> Rule:
        parts = [part()]
        while self._skip(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _part(self) -> Rule:
        # The level is counted here, so that a text of a thousand brackets ends in a sentence and not in the stack.
        self._level += 1
        if self._level > MAX_LEVELS:
            raise self._too_many(f"at most {MAX_LEVELS} levels of brackets and “not”")
        try:
            if self._skip("not"):
                return Not(self._part())
            if self._skip("("):
                opened = self._tokens[self._at - 1].position + 1
                rule = self.rule()
                self._expect(f"“and”, “or”, or a closing bracket for the one at character {opened}", ")")
                return rule
            return self._leaf()
        finally:
            self._level -= 1

    def _leaf(self) -> Rule:
        name = self._next
        if name.kind != "word" or name.text in (*_JOINS, "true", "false"):
            raise self._error(field_meant(self._tokens, self._at))
        opens = self._tokens[self._at + 1]
        if opens.kind != "sign" or opens.text != "(":
            field = _placed(name, lambda: field_named(name.text))
            self._take()
            return self._compared(field, lambda op, value: Condition(field.name, op, value))
        if name.text in _QUERIES:
            return self._query()
        if name.text == "in_segment":
            return self._in_segment()
        found, right = shorten(name.written), ", ".join(f"{each}(…)" for each in _FUNCTIONS)
        close = difflib.get_close_matches(name.text[:40], _FUNCTIONS, n=1, cutoff=0.7)
        hint = f"; did you mean {close[0]}(…)?" if close and name.text not in FIELDS else "."
        said = f"“{found}” takes no brackets; what does is {right}{hint}"
        raise RuleError(said, position=name.position, found=found, expected=right)

    def _query(self) -> Rule:
        name = self._take()
        table, query = _QUERIES[name.text]
        self._take()
        terms = [self._term(name.text, table)]
        while self._skip(","):
            if len(terms) == MAX_TERMS:
                raise self._too_many(f"at most {MAX_TERMS} terms in {name.text}(…)")
            terms.append(self._term(name.text, table))
        self._expect("a comma before the next term, or a closing bracket", ")")
        return _placed(name, lambda: query(tuple(terms)))

    def _term(self, query: str, table: Mapping[str, TermField]) -> Term:
        name = self._next
        if any(self._ahead(*age.split()) for age in AGES):
            return self._compared(table["day"], lambda op, value: Term("day", op, value))
        if name.kind != "word" or name.text in _JOINS:
            right = parts_number(self._tokens, self._at - 1) or f"a term of {query}(…): {', '.join(table)}"
            raise self._error(right)
        term = _placed(name, lambda: term_named(name.text, table))
        self._take()
        return self._compared(term, lambda op, value: Term(term.name, op, value))

    def _in_segment(self) -> Rule:
        self._take()
        self._take()
        name = self._next
        if name.kind != "text":
            raise self._error('the name of a segment in quotes, such as "vip"')
        segment = self._single("=")
        self._expect("a closing bracket", ")")
        return _placed(name, lambda: InSegment(segment, name.position))

    def _compared(self, field: Field, make: Callable[[str, Any], Made]) -> Made:
        """Read what follows the name: an operator and its value."""
        place = self._next
        op = self._operator(field)
        _placed(place, lambda: check_operator(field, op))
        at_value, self._values = self._next, []
        value = self._value(op)
        if op in ("between", "in", "not in"):
            # Each alone first, so that one that does not fit is told at its own place.
            for token, single in self._values:
                alone = (single, single) if op == "between" else (single,)
                _placed(token, partial(make, op, alone))
        return _placed(at_value, lambda: make(op, value))

    def _operator(self, field: Field) -> str:
        for words in _WORD_OPERATORS:
            if self._skip(*words.split()):
                return words
        text = SIGNS.get(self._next.text, self._next.text)
        if self._next.kind == "sign" and text in COMPARISONS:
            self._take()
            return text
        meant = operator_meant(self._tokens[self._at : self._at + 4], field)
        raise self._error(f"one of {', '.join(field.operators)}{f'; did you mean “{meant}”?' if meant else ''}")

    def _value(self, op: str) -> Any:
        if op in ABSENCE:
            return None
        if op in AGES:
            return self._age()
        if op == "between":
            return self._range()
        return self._list() if op in ("in", "not in") else self._single(op)

    def _range(self) -> tuple[Any, Any]:
        low = self._single("between")
        self._expect("“and” with the larger value, as in: between 3 and 5", "and")
        return low, self._single("between")

    def _list(self) -> tuple[Any, ...]:
        self._expect('an opening bracket before a list of values, as in: in ("DE", "AT")', "(")
        items = [self._single("in")]
        while self._skip(","):
            if len(items) == MAX_LIST:
                raise self._too_many(f"at most {MAX_LIST} values in a list")
            items.append(self._single("in"))
        self._expect("a comma or a closing bracket", ")")
        return tuple(items)

    def _single(self, op: str) -> Any:
        token = self._next
        if token.kind == "word" and token.text in ("true", "false"):
            value: Any = token.text == "true"
        elif token.kind == "text":
            value = _ESCAPE.sub(r"\1", token.text[1:-1])
        elif token.kind == "day":
            value = _placed(token, lambda: day(token.text))
        elif token.kind == "number":
            value = Decimal(token.text) if "." in token.text or len(token.text) > 30 else int(token.text)
        else:
            raise self._error(value_meant(token, op))
        self._values.append((token, value))
        self._take()
        return value

    def _age(self) -> Age:
        token = self._next
        if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 9:
            raise self._error("a whole number of days or weeks, such as 30 days")
        self._take()
        if self._skip("days") or self._skip("day"):
            return self._placed_age(token, "days")
        if self._skip("weeks") or self._skip("week"):
            return self._placed_age(token, "weeks")
        raise self._error(unit_meant(token, self._next))

    def _placed_age(self, token: Token, unit: Literal["days", "weeks"]) -> Age:
        return _placed(token, lambda: Age(int(token.text), unit))


def _placed(token: Token, make: Callable[[], Made]) -> Made:
    """Return what `make` makes; a RuleError from it gets the token's position."""
    try:
        return make()
    except RuleError as error:
        if error.position is None:
            error.position = token.position
        raise
