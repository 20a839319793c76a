"""Query strings as PHP reads them, and their checks as WordPress makes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from demo_shop import dates, errors
from demo_shop.model import ROLES, STATUSES

Raw = dict[str, str | dict[str, str]]
"""A parsed query string: scalars, and arrays as dictionaries of their PHP keys."""

_ARRAY = re.compile(r"^([^\[]+)\[([^\]]*)\]$")


def parse_query(text: str) -> Raw:
    """Parse a query string as PHP does: the last of equal names wins, ``a[]`` and ``a[3]`` make arrays."""
    found: Raw = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        array = _ARRAY.match(name)
        if not array:
            found[name] = value
            continue
        items = found.setdefault(array[1], {})
        if isinstance(items, dict):
            items[array[2] or str(len(items))] = value
    return found


@dataclass(frozen=True, slots=True)
class Param:
    """How one parameter is checked. ``kind``: integer, boolean, text, email, date, choice, choices or ids."""

    kind: str = "text"
    default: Any = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()


PAGING = {
    "page": Param("integer", 1, minimum=1),
    "per_page": Param("integer", 10, minimum=1, maximum=100),
    "search": Param(),
    "exclude": Param("ids", ()),
    "include": Param("ids", ()),
    "offset": Param("integer"),
}
DATED = {
    "after": Param("date"),
    "before": Param("date"),
    "modified_after": Param("date"),
    "modified_before": Param("date"),
    "dates_are_gmt": Param("boolean", default=False),
}
POST_ORDERBY = ("date", "id", "include", "title", "slug", "modified")
ORDERS = {
    "context": Param("choice", "view", choices=("view", "edit")),
    **PAGING,
    **DATED,
    "order": Param("choice", "desc", choices=("asc", "desc")),
    "orderby": Param("choice", "date", choices=POST_ORDERBY),
    "status": Param("choices", ("any",), choices=("any", "trash", "auto-draft", *STATUSES)),
    "customer": Param("integer"),
    "product": Param("integer"),
    "dp": Param("integer"),
}
CUSTOMERS = {
    "context": Param("choice", "view", choices=("view", "edit")),
    **PAGING,
    "order": Param("choice", "asc", choices=("asc", "desc")),
    "orderby": Param("choice", "name", choices=("id", "include", "name", "registered_date")),
    "email": Param("email"),
    "role": Param("choice", "customer", choices=ROLES),
}
REFUNDS = {
    "context": Param("choice", "view", choices=("view", "edit")),
    **PAGING,
    **DATED,
    "order": Param("choice", "desc", choices=("asc", "desc")),
    "orderby": Param("choice", "date", choices=POST_ORDERBY),
    "dp": Param("integer"),
}
PRODUCTS = {
    "context": Param("choice", "view", choices=("view", "edit")),
    **PAGING,
    **DATED,
    "order": Param("choice", "desc", choices=("asc", "desc")),
    "orderby": Param("choice", "date", choices=(*POST_ORDERBY, "price", "popularity", "rating", "menu_order")),
    "sku": Param(),
}
WEBHOOKS = {
    "context": Param("choice", "view", choices=("view", "edit")),
    **PAGING,
    "order": Param("choice", "desc", choices=("asc", "desc")),
    "orderby": Param("choice", "date", choices=("date", "id", "title")),
    "status": Param("choice", "all", choices=("all", "active", "paused", "disabled")),
}
SINGLE = {"context": Param("choice", "view", choices=("view", "edit")), "dp": Param("integer")}
DELETION = {"force": Param("boolean", default=False)}


def check(raw: Mapping[str, Any], schema: Mapping[str, Param]) -> dict[str, Any]:
    """Check and convert parameters; unknown ones are ignored without notice, as in the real shop.

    Returns every parameter of the schema, with defaults. Raises :class:`errors.ApiError` (400) naming all bad ones.
    """
    values: dict[str, Any] = {}
    bad: list[tuple[str, str, str, Any]] = []
    for name, param in schema.items():
        if name not in raw:
            values[name] = param.default
            continue
        try:
            values[name] = _convert(name, raw[name], param)
        except _Refused as refusal:
            bad.append((name, refusal.code, refusal.sentence, refusal.data))
    if bad:
        raise errors.invalid_params(bad)
    return values


class _Refused(Exception):
    def __init__(self, code: str, sentence: str, data: Any = None) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.data = code, sentence, data


def _convert(name: str, value: Any, param: Param) -> Any:
    if param.kind == "integer":
        return _integer(name, value, param)
    if param.kind == "boolean":
        if str(value).lower() in ("true", "1", "false", "0"):
            return str(value).lower() in ("true", "1")
        raise _Refused("rest_invalid_type", f"{name} is not of type boolean.", {"param": name})
    if param.kind in ("ids", "choices"):
        items = list(value.values()) if isinstance(value, dict) else [x for x in re.split(r"[\s,]+", value) if x]
        return _items(name, items, param)
    if not isinstance(value, str):
        raise _Refused("rest_invalid_type", f"{name} is not of type string.", {"param": name})
    if param.kind == "date" and not dates.is_rest_date(value):
        raise _Refused("rest_invalid_date", "Invalid date.")
    if param.kind == "email" and "@" not in value:
        raise _Refused("rest_invalid_email", "Invalid email address.")
    if param.kind == "choice" and value not in param.choices:
        raise _Refused("rest_not_in_enum", f"{name} is not one of {_listed(param.choices)}.")
    return value


def _integer(name: str, value: Any, param: Param) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise _Refused("rest_invalid_type", f"{name} is not of type integer.", {"param": name}) from None
    low, high = param.minimum, param.maximum
    if low is not None and high is not None and not low <= number <= high:
        raise _Refused("rest_out_of_bounds", f"{name} must be between {low} (inclusive) and {high} (inclusive)")
    if low is not None and number < low:
        raise _Refused("rest_out_of_bounds", f"{name} must be greater than or equal to {low}")
    return number


def _items(name: str, items: list[str], param: Param) -> tuple[Any, ...]:
    for place, item in enumerate(items):
        if param.kind == "choices" and item not in param.choices:
            raise _Refused("rest_not_in_enum", f"{name}[{place}] is not one of {_listed(param.choices)}.")
        if param.kind == "ids" and not re.fullmatch(r"-?\d+", item):
            raise _Refused(
                "rest_invalid_type", f"{name}[{place}] is not of type integer.", {"param": f"{name}[{place}]"}
            )
    return tuple(int(item) for item in items) if param.kind == "ids" else tuple(items)


def _listed(choices: tuple[str, ...]) -> str:
    if len(choices) == 2:
        return " and ".join(choices)
    return f"{', '.join(choices[:-1])}, and {choices[-1]}"


def link_query(raw: Raw, values: Mapping[str, Any], moved: Mapping[str, Any], page: int) -> str:
    """Write the query string of a ``Link`` header as the shop does: checked values, ``moved`` ones put last."""
    pairs: dict[str, Any] = {}
    for name, value in raw.items():
        if name in moved:
            if not isinstance(moved[name], tuple):
                pairs[name] = values.get(name, value)
        else:
            pairs[name] = values[name] if values.get(name) is not None else value
    if "page" in pairs:
        pairs["page"] = page
    pairs.update({name: value for name, value in moved.items() if name not in pairs})
    pairs["page"] = page
    written = []
    for name, value in pairs.items():
        if value is False:
            continue
        if isinstance(value, tuple | list):
            written += [f"{name}%5B{place}%5D={_encoded(item)}" for place, item in enumerate(value)]
        elif isinstance(value, dict):
            written += [f"{name}%5B{key}%5D={_encoded(item)}" for key, item in value.items()]
        else:
            written.append(f"{name}={_encoded(1 if value is True else value)}")
    return re.sub(r"=(&|$)", r"\1", "&".join(written))


def _encoded(value: Any) -> str:
    # The real shop leaves + and = as they are: a padded signature loses its "=", an offset its "%2B".
    return quote(str(value), safe="+=")
