"""What a customer's form knows between two runs of the page: what was there when it was opened, what is typed, what is wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from regulars.shop.customers import Saved
from regulars.shop.fields import editable, fingerprint, nested


class Form:
    """The form of one customer of a shop; an empty key is that of a new one. Everything lives in the session's state."""

    def __init__(self, shop: str, key: str) -> None:
        self.shop, self.key = shop, key
        self.name = f"customer-form-{shop}-{key or 'new'}"

    def field(self, path: str) -> str:
        """Return the name of the box at a path."""
        return f"{self.name}-{path}"

    @property
    def is_open(self) -> bool:
        """Whether the form was filled, and its boxes are still there: leaving the page takes them away."""
        return all(self.field(path) in st.session_state for path in self._opened) if self._opened else False

    def open(self, values: Mapping[str, str]) -> None:
        """Fill the form, and forget what was typed and said before."""
        self.forget()
        self._keep("opened", dict(values))
        self._fill(values)

    def open_record(self, record: Mapping[str, Any]) -> None:
        """Fill the form with a customer as the shop has it."""
        self.open(editable(record))
        self._keep("fingerprint", fingerprint(record))

    def forget(self) -> None:
        """Drop everything, so that the form opens anew."""
        for name in [name for name in st.session_state if isinstance(name, str) and name.startswith(f"{self.name}-")]:
            del st.session_state[name]

    def typed(self) -> dict[str, str]:
        """Return what the boxes hold, by path."""
        return {path: st.session_state[self.field(path)] or "" for path in self._opened}

    def changes(self) -> dict[str, str]:
        """Return the values that are not those of the opened form."""
        return {path: value for path, value in self.typed().items() if value.strip() != self._opened[path]}

    @property
    def fingerprint(self) -> str:
        """The state of the shop's record that the changes are made from."""
        return str(self._state("fingerprint", ""))

    @property
    def saved(self) -> Saved | None:
        """What came of saving, None before."""
        found: Saved | None = self._state("saved")
        return found

    @property
    def left(self) -> bool:
        """Whether somebody asked to leave the form."""
        return bool(self._state("left", default=False))

    @left.setter
    def left(self, value: bool) -> None:
        self._keep("left", value)

    @property
    def message(self) -> str:
        """What is wrong with the whole, empty where nothing is."""
        return str(self._state("message", ""))

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong with single fields, by path."""
        found: Mapping[str, str] = self._state("errors", {})
        return found

    @property
    def conflict(self) -> Mapping[str, str] | None:
        """What the shop has now, where that is not what the form was opened with."""
        found: Mapping[str, str] | None = self._state("conflict")
        return found

    @property
    def opened(self) -> Mapping[str, str]:
        """What the shop had when the form was opened, by path."""
        return self._opened

    def take(self, saved: Saved) -> None:
        """Keep that the shop took it."""
        self._keep("saved", saved)

    def refuse(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        """Keep what is wrong, by field where it is about fields that the form has."""
        known = {path: said for path, said in (fields or {}).items() if path in self._opened}
        others = [f"{path}: {said}" for path, said in (fields or {}).items() if path not in known]
        self._keep("errors", known)
        self._keep("message", " ".join(others if known else [message, *others]))
        self._keep("conflict", None)

    def stale(self, current: Mapping[str, str]) -> None:
        """Keep what the shop has now: somebody changed it since the form was opened."""
        self._keep("conflict", dict(current))
        self._keep("message", "")
        self._keep("errors", {})

    def keep_mine(self) -> None:
        """Go on from what the shop has now, with everything that was typed."""
        self._rebase(mine=True)

    def take_theirs(self) -> None:
        """Go on from what the shop has now; of what was typed, keep what nobody else changed."""
        self._rebase(mine=False)

    def copy_billing(self) -> None:
        """Type the billing address into the boxes of the shipping address."""
        for path in self._opened:
            where, _, name = path.partition(".")
            if where == "shipping":
                st.session_state[self.field(path)] = st.session_state[self.field(f"billing.{name}")]

    def _rebase(self, *, mine: bool) -> None:
        current = self.conflict or self._opened
        typed = self.changes()
        kept = {path: value for path, value in typed.items() if mine or current[path] == self._opened[path]}
        self._keep("opened", dict(current))
        self._keep("fingerprint", fingerprint(nested(current)))
        self._keep("conflict", None)
        self._fill({**current, **kept})

    def _fill(self, values: Mapping[str, str]) -> None:
        for path, value in values.items():
            st.session_state[self.field(path)] = value

    @property
    def _opened(self) -> dict[str, str]:
        found: dict[str, str] = self._state("opened", {})
        return found

    def _state(self, name: str, default: Any = None) -> Any:
        return st.session_state.get(f"{self.name}-state-{name}", default)

    def _keep(self, name: str, value: Any) -> None:
        st.session_state[f"{self.name}-state-{name}"] = value


def differences(form: Form) -> Iterator[tuple[str, str, str, str]]:
    """Yield path, value when the form was opened, value in the shop now, and value typed, where the shop's differs."""
    typed = form.typed()
    for path, now in (form.conflict or {}).items():
        if now != form.opened[path]:
            yield path, form.opened[path], now, typed[path].strip()
