"""What is wrong with a rule, in one sentence, and how it quotes what it found."""


class RuleError(ValueError):
    """A rule cannot be read. Says where, what was found and what would be right.

    `position` is the offset in the text, or None for a rule that came as a tree. `message` is one sentence, which quotes
    at most 40 characters of the rule, and so does `found`.
    """

    def __init__(self, message: str, *, position: int | None = None, found: str = "", expected: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.found = found
        self.expected = expected

    @property
    def told(self) -> str:
        """The sentence with its place, counted from one as people count.

        >>> RuleError("“x” cannot be read.", position=4).told
        '“x” cannot be read (at character 5).'
        """
        return (
            self.message if self.position is None else f"{self.message.rstrip('.')} (at character {self.position + 1})."
        )


def shorten(text: str) -> str:
    """Return `text` as an error quotes it: at most 40 characters, on one line, each of them a real one."""
    flat = " ".join(text[:200].split()).encode("utf-8", "replace").decode()
    return flat if len(flat) <= 40 else f"{flat[:39]}…"


def excerpt(text: str, position: int, around: int = 15) -> str:
    """Return the part of `text` around `position` on one line, and below it a caret at the place.

    >>> print(excerpt("orders_count >= 3 && m = 5", 18))
    …ers_count >= 3 && m = 5
                    ^
    """
    flat = "".join(letter if letter.isprintable() else " " for letter in text)
    start, end = max(0, position - around), min(len(flat), position + around)
    before = f"{'…' if start else ''}{flat[start:position]}"
    return f"{before}{flat[position:end]}{'…' if end < len(flat) else ''}\n{' ' * len(before)}^"
