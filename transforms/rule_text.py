"""A rule as text: a tokenizer, a recursive-descent parser, and the printer, with `parse(to_text(t)) == t`.

The grammar, loosest first; words are read in any case, strings stand in double (or single) quotes with a backslash
before a quote or a backslash::

    rule      = all ("or" all)*
    all       = part ("and" part)*
    part      = "not" part | "(" rule ")" | condition
    condition = FIELD ("=" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "starts with" | "ends with") VALUE
              | FIELD ("in" | "not in") "(" VALUE ("," VALUE)* ")"
              | FIELD ("older than" | "within") NUMBER ("days" | "weeks")
              | FIELD ("is null" | "is not null")

Brackets that group nothing new are dropped by the printer: `(a)` prints as `a`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeVar

from transforms.rule_tree import (
    MAX_LEVELS,
    MAX_LIST,
    MAX_TEXT,
    Age,
    And,
    Condition,
    Not,
    Or,
    Rule,
    RuleError,
    Value,
    check_size,
    day,
    field_named,
    shorten,
)

Made = TypeVar("Made")

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<day>\d{4}-\d{2}-\d{2}(?![\w.-]))
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.-]))
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><=|>=|!=|<>|==|[=<>≤≥≠(),])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "<>": "!=", "==": "="}
_STARTS = ("and", "or", "not")


@dataclass(frozen=True)
class _Token:
    kind: str  # one of the groups above, or 'end'
    text: str  # as it stands; words in lower case
    position: int


def parse(text: str) -> Rule:
    """Return the tree of `text`. Raises RuleError with the position, what was found and what would be right.

    >>> parse("orders_count >= 3 and last_order older than 90 days").parts[0]
    Condition(field='orders_count', op='>=', value=3)
    """
    if len(text) > MAX_TEXT:
        raise RuleError(f"A rule has at most {MAX_TEXT} characters; this one has {len(text)}.", position=MAX_TEXT)
    parser = _Parser(_tokens(text))
    rule = parser.rule()
    parser.end()
    check_size(rule)
    return rule


def to_text(rule: Rule) -> str:
    """Return the canonical text of `rule`. Raises RuleError where the rule or its text is too large.

    >>> to_text(parse("ORDERS_COUNT>=3 AND (country in ('DE','AT'))"))
    'orders_count >= 3 and country in ("DE", "AT")'
    """
    check_size(rule)
    text = _print(rule)
    if len(text) > MAX_TEXT:
        raise RuleError(f"The text of a rule has at most {MAX_TEXT} characters; this one has {len(text)}.")
    return text


def _print(rule: Rule) -> str:
    if isinstance(rule, Condition):
        value = "" if rule.value is None else f" {_print_value(rule.value)}"
        return f"{rule.field} {rule.op}{value}"
    if isinstance(rule, Not):
        return f"not {_print_part(rule.part)}"
    return (" and " if isinstance(rule, And) else " or ").join(_print_part(part) for part in rule.parts)


def _print_part(rule: Rule) -> str:
    text = _print(rule)
    return f"({text})" if isinstance(rule, And | Or) else text


def _print_value(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"({', '.join(_print_value(item) for item in value)})"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind = str(match.lastgroup)
        if kind != "space":
            piece = match.group().lower() if kind == "word" else match.group()
            tokens.append(_Token(kind, piece, position))
        position = match.end()
    return [*tokens, _Token("end", "", len(text))]


def _unreadable(text: str, position: int) -> RuleError:
    found = shorten(text[position : position + 20].split(maxsplit=1)[0])
    if text[position] in "\"'":
        right = "a closing quote"
    elif text[position] in "“”„’‘":
        right = 'straight quotes: "'
    elif text[position].isdigit():
        right = "a number such as 3 or 19.90, or a day such as 2026-01-31"
    else:
        right = "a field, a comparison, a value, “and”, “or”, “not” or brackets"
    return RuleError(
        f"“{found}” cannot be read; right would be {right}.", position=position, found=found, expected=right
    )


class _Parser:
    """One pass over the tokens; each method reads what its name says and stands behind it afterwards."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._level = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _skip(self, *words: str) -> bool:
        """Step over `words` if they come next, all of them."""
        ahead = [
            token.text for token in self._tokens[self._at : self._at + len(words)] if token.kind in ("word", "sign")
        ]
        if ahead != list(words):
            return False
        self._at += len(words)
        return True

    def _expect(self, right: str, *words: str) -> None:
        if not self._skip(*words):
            raise self._error(right)

    def _error(self, right: str) -> RuleError:
        token = self._next
        said = f"“{shorten(token.text)}” does not fit here; what fits is {right}."
        if token.kind == "end":
            said = f"The rule stops too early; what comes next is {right}."
        return RuleError(said, position=token.position, found=token.text, expected=right)

    def _too_many(self, right: str) -> RuleError:
        return RuleError(f"A rule has {right}.", position=self._next.position, expected=right)

    def end(self) -> None:
        if self._next.kind != "end":
            raise self._error("“and”, “or” or the end of the rule")

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
                rule = self.rule()
                self._expect("a closing bracket", ")")
                return rule
            return self._condition()
        finally:
            self._level -= 1

    def _condition(self) -> Rule:
        name = self._next
        if name.kind != "word" or name.text in _STARTS:
            raise self._error("a field such as orders_count")
        field = _placed(name, lambda: field_named(name.text))
        self._take()
        place = self._next
        op = self._operator(field.operators)
        at_value = self._next
        value = self._value(op)
        # An operator that the language knows but the field does not is the operator's fault, not the value's.
        return _placed(at_value if op in field.operators else place, lambda: Condition(field.name, op, value))

    def _operator(self, fitting: tuple[str, ...]) -> str:
        for words in _WORD_OPERATORS:
            if self._skip(*words.split()):
                return words
        text = _SIGNS.get(self._next.text, self._next.text)
        if self._next.kind == "sign" and text in ("=", "!=", "<", "<=", ">", ">="):
            self._take()
            return text
        raise self._error(f"one of {', '.join(fitting)}")

    def _value(self, op: str) -> Any:
        if op in ("is null", "is not null"):
            return None
        if op in ("older than", "within"):
            return self._age()
        return self._list() if op in ("in", "not in") else self._single()

    def _list(self) -> tuple[Any, ...]:
        self._expect("an opening bracket", "(")
        items = [self._single()]
        while self._skip(","):
            if len(items) == MAX_LIST:
                raise self._too_many(f"at most {MAX_LIST} values in a list")
            items.append(self._single())
        self._expect("a comma or a closing bracket", ")")
        return tuple(items)

    def _single(self) -> Any:
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
            raise self._error(
                'a value: a number, a day such as 2026-01-31, true, false, or a text in quotes such as "vip"'
            )
        self._take()
        return value

    def _age(self) -> Age:
        token = self._next
        if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 9:
            raise self._error("a whole number of days or weeks")
        self._take()
        if self._skip("days") or self._skip("day"):
            return self._placed_age(token, "days")
        if self._skip("weeks") or self._skip("week"):
            return self._placed_age(token, "weeks")
        raise self._error("“days” or “weeks”")

    def _placed_age(self, token: _Token, unit: Literal["days", "weeks"]) -> Age:
        return _placed(token, lambda: Age(int(token.text), unit))


_WORD_OPERATORS = (
    "contains",
    "starts with",
    "ends with",
    "not in",
    "in",
    "older than",
    "within",
    "is not null",
    "is null",
)


def _placed(token: _Token, make: Callable[[], Made]) -> Made:
    """Return what `make` makes; a RuleError from it gets the token's position."""
    try:
        return make()
    except RuleError as error:
        if error.position is None:
            error.position = token.position
        raise
