"""The tokens of a rule's text, each with its place."""

import re
from dataclasses import dataclass

from transforms.rule_errors import RuleError, shorten

SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "<>": "!=", "==": "="}

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


@dataclass(frozen=True)
class Token:
    """A piece of the text. `kind`: text, day, number, word, sign or end. `text` as it stands; words in lower case."""

    kind: str
    text: str
    position: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of `text`, and one of kind 'end'. Raises RuleError at a piece that is none."""
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind = str(match.lastgroup)
        if kind != "space":
            piece = match.group().lower() if kind == "word" else match.group()
            found.append(Token(kind, piece, position))
        position = match.end()
    return [*found, Token("end", "", len(text))]


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
