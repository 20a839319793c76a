"""What somebody may have meant whose rule stops making sense at a word: other languages' words, and plain English."""

import difflib
from collections.abc import Mapping, Sequence

from transforms.rule_fields import FIELDS, Field, Kind
from transforms.rule_lexer import Token
from transforms.rule_terms import TERMS

_CONTAINS, _STARTS, _ENDS = "contains", "starts with", "ends with"
# What people write for an operator. Longer ones first: the first that fits is told.
_MEANT: Mapping[str, tuple[str, ...]] = {
    "is not null": ("not null", "is not empty", "is not known", "exists"),
    "is null": ("isnull", "is empty", "is unknown", "is missing"),
    "not in": ("is not in", "is none of", "none of"),
    "in": ("is in", "is one of", "one of", "any of"),
    "!=": ("is not", "not =", "not equal", "isnt"),
    "older than": ("is older", "older", "before the last"),
    "within": ("newer", "younger", "in the last", "the last", "last", "during"),
    ">=": ("at least", "is at least", "min", "since", "from", "gte", "ge"),
    "<=": ("at most", "is at most", "max", "until", "lte", "le"),
    ">": ("more", "greater", "above", "over", "after", "is more", "is greater", "is above", "is after", "gt"),
    "<": ("less", "fewer", "below", "under", "before", "is less", "is below", "is before", "lt"),
    "=": ("is", "equals", "equal", "eq", "are"),
    _CONTAINS: ("contain", "like", "ilike", "has", "have", "includes", "include", "matches", "=", "in", "is", "holds"),
    _STARTS: ("startswith", "starts", "start", "begins", "begin", "starts_with", "like"),
    _ENDS: ("endswith", "ends", "end", "ends_with"),
}
_NOT = ("does not", "doesnt", "do not", "has not", "not")
_ABSENT = ("null", "none", "nil", "empty", "unknown", "missing", "undefined", "nan")
_TODAY = ("today", "now", "yesterday", "current_date", "getdate")
_UNITS: Mapping[str, int] = {"month": 30, "months": 30, "year": 365, "years": 365, "quarter": 91, "quarters": 91}


def operator_meant(ahead: Sequence[Token], field: Field) -> str:
    """Return the operator that fits `field` and that somebody may have meant by what comes next; empty for none."""
    words = [token.text for token in ahead[:3]]
    if field.kind == Kind.BOOL and (not words[0] or words[0] in ("and", "or", ")")):
        return "= true"
    for denied in _NOT:
        here = denied.split()
        if words[: len(here)] == here and (meant := _meant(words[len(here) :], field)) in _OPPOSED:
            return f"not {field.name} {meant}"
    return _meant(words, field)


_OPPOSED = (_CONTAINS, _STARTS, _ENDS, "between", "older than", "within")


def _meant(words: Sequence[str], field: Field) -> str:
    for operator in sorted(field.operators, key=len, reverse=True):
        if list(words[: len(operator.split())]) == operator.split():
            return operator
    found = [
        (len(phrase.split()), operator)
        for operator, phrases in _MEANT.items()
        for phrase in phrases
        if operator in field.operators and list(words[: len(phrase.split())]) == phrase.split()
    ]
    if found:
        return max(found, key=lambda one: one[0])[1]
    spelt = [operator for operator in field.operators if operator[0].isalpha()]
    close = difflib.get_close_matches(" ".join(words[:2])[:40], spelt, n=1, cutoff=0.75)
    return (close or difflib.get_close_matches(words[0][:40] if words else "", spelt, n=1, cutoff=0.7) or [""])[0]


def value_meant(token: Token, operator: str) -> str:
    """Return what would be right in place of a word that is no value, such as a text without quotes."""
    if token.text in _ABSENT and operator in ("=", "!="):
        return "“is null” or “is not null” in place of the comparison"
    if token.text in _TODAY:
        return "a day such as 2026-01-31, or an age: within 1 day"
    if token.text in ("yes", "no", "y", "n"):
        return f'{"true" if token.text[0] == "y" else "false"}, or a text in quotes: "{token.written}"'
    if token.text in FIELDS or token.text in TERMS:
        return f'a value: a number, a day, true, false, or a text in quotes: "{token.written}" (two fields are not compared)'
    if token.kind == "sign" and token.text == "(":
        return 'a value; several of them take “in”, as in: in ("DE", "AT")'
    written = token.written if token.kind == "word" and len(token.written) <= 30 else "vip"
    return f'a value: a number, a day such as 2026-01-31, true, false, or a text in quotes such as "{written}"'


def unit_meant(amount: Token, unit: Token) -> str:
    """Return the units that an age takes, and how many days somebody means who wrote months or years."""
    days = _UNITS.get(unit.text, 0) * int(amount.text)
    return f"“days” or “weeks” ({amount.text} {unit.text} are about {days} days)" if days else "“days” or “weeks”"


def parts_number(tokens: Sequence[Token], at: int) -> str:
    """Return what would be right where the comma at `at`, or before it, separates the thousands of a number; or nothing."""
    for comma in (at, at - 1):
        around = tokens[comma - 1 : comma + 2] if comma > 0 else ()
        if len(around) == 3 and around[1].text == "," and (around[0].kind, around[2].kind) == ("number", "number"):
            left, _, right = around
            if left.after == around[1].position and around[1].after == right.position:
                whole = (
                    f"{left.written}{right.written}" if len(right.written) == 3 else f"{left.written}.{right.written}"
                )
                return f"the number without separators: {whole}"
    return ""


def after_rule(tokens: Sequence[Token], at: int) -> str:
    """Return what would be right at `at`, where a rule could end, and something else stands."""
    here, before = tokens[at], tokens[at - 1]
    if part := parts_number(tokens, at):
        return part
    if here.text == ")":
        return "“and”, “or” or the end of the rule: no bracket is open"
    if before.kind == "text" and here.position == before.after:
        return '“and”, “or” or the end of the rule; a quote inside of a text takes a backslash: \\"'
    if before.kind == "number" and here.kind == "word" and here.written.isupper() and len(here.written) == 3:
        return "“and”, “or” or the end of the rule: amounts are written without a currency"
    if here.kind == "sign" and here.text != ",":
        return "“and”, “or” or the end of the rule; a range is written: between 3 and 5"
    return "“and”, “or” or the end of the rule"


def field_meant(tokens: Sequence[Token], at: int) -> str:
    """Return what would be right at `at`, where a field has to stand, and something else does."""
    here = tokens[at]
    following = tokens[at + 1] if at + 1 < len(tokens) else here
    again = at > 0 and tokens[at - 1].text in ("and", "or")
    if here.kind == "text" and (following.kind == "sign" and following.text not in "(),"):
        return "a field such as orders_count, without quotes"
    if here.kind in ("text", "number") and following.kind == "sign" and following.text not in "(),":
        return "a field such as orders_count first, and then the value"
    if again and (here.kind in ("text", "number", "day") or (here.kind == "sign" and here.text not in "(),")):
        return (
            'a field such as orders_count: it is named again in each condition, or takes a list, as in: in ("DE", "AT")'
        )
    return "a field such as orders_count"
