"""The tokens of a rule's text, each with its place."""

import re
from dataclasses import dataclass

from transforms.rule_errors import RuleError
from transforms.rule_pieces import unreadable

SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "<>": "!=", "==": "="}

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<day>\d{4}-\d{2}-\d{2}(?![\w./-]))
      | (?P<number>(?!\d{1,3}(?:\.\d{3})+,\d|\d{1,3}(?:,\d{3})+\.\d)-?\d+(?:\.\d+)?(?![\w./-]))
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><=(?!>)|>=|!=|<>|==(?!=)|=(?![<>!=])|<(?!<)|>(?!>)|[≤≥≠(),])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of the text. `kind`: text, day, number, word, sign or end. `text`: words in lower case, `written` as typed."""

    kind: str
    text: str
    position: int
    written: str = ""

    @property
    def after(self) -> int:
        """The place behind it."""
        return self.position + len(self.written)


def tokens(text: str) -> list[Token]:
    """Return the tokens of `text`, and one of kind 'end'. Raises RuleError at a piece that is none."""
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind, written = str(match.lastgroup), match.group()
        if kind != "space":
            found.append(Token(kind, written.lower() if kind == "word" else written, position, written))
        position = match.end()
    return [*found, Token("end", "", len(text))]


def _unreadable(text: str, position: int) -> RuleError:
    found, right = unreadable(text, position)
    said = f"“{found}” cannot be read; right would be {right}."
    return RuleError(said, position=position, found=found, expected=right)
