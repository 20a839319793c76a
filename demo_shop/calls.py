"""One request at an endpoint, and the answers that it can give: a record, a list, or a page with links to others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from demo_shop import params, query
from demo_shop.answers import Answer, Incoming, ok
from demo_shop.changes import Shop
from demo_shop.render import Body

LIST = "GET, POST"
ONE = "GET, POST, PUT, PATCH, DELETE"


@dataclass(slots=True)
class Call:
    """One request at an endpoint: checked parameters, the ids in its path, and the shop."""

    shop: Shop
    request: Incoming
    values: Mapping[str, Any]
    ids: tuple[int, ...]
    allow: str

    @property
    def dp(self) -> int | None:
        """The decimals asked for, if any."""
        found: int | None = self.values.get("dp")
        return found

    @property
    def viewer(self) -> str:
        """The role of the key's owner."""
        return self.request.key.role if self.request.key else ""

    def answer(self, body: Any, **more: Any) -> Answer:
        """Answer with a record, or a list without pages, cut down to ``_fields``."""
        fields = self.request.raw.get("_fields")
        cut = [_only(each, fields) for each in body] if isinstance(body, list) else _only(body, fields)
        return ok(self.request, cut, allow=self.allow, **more)

    def page(self, bodies: list[Body], listing: query.Listing, moved: Mapping[str, Any]) -> Answer:
        """Answer with a page of records and its paging headers.

        ``moved``: parameters that the real shop writes at the end of its links.
        """
        fields = self.request.raw.get("_fields")
        extra = [("X-WP-Total", str(listing.total)), ("X-WP-TotalPages", str(listing.pages))]
        return ok(
            self.request,
            [_only(body, fields) for body in bodies],
            allow=self.allow,
            link=self._links(listing, moved),
            extra=extra,
        )

    def _links(self, listing: query.Listing, moved: Mapping[str, Any]) -> str:
        page = self.values["page"]
        url = f"{self.request.base}{self.request.path.rstrip('/')}"
        found = []
        if page > 1:
            before = params.link_query(self.request.raw, self.values, moved, min(page - 1, listing.pages))
            found.append(f'<{url}?{before}>; rel="prev"')
        if page < listing.pages:
            after = params.link_query(self.request.raw, self.values, moved, page + 1)
            found.append(f'<{url}?{after}>; rel="next"')
        return ", ".join(found)


Handler = Callable[[Call], Answer]


def _only(body: Body, fields: Any) -> Body:
    """Keep the fields named by ``_fields``, ``billing.email`` too; lists are not looked into."""
    names = [name for name in str(fields).replace(" ", "").split(",") if name] if fields else []
    if not names:
        return body
    tree: dict[str, Any] = {}
    for name in names:
        head, _, rest = name.partition(".")
        if not rest:
            tree[head] = ""
        elif tree.get(head) != "":
            tree[head] = f"{tree[head]},{rest}" if head in tree else rest
    kept = {}
    for name, value in body.items():
        if name in tree and not tree[name]:
            kept[name] = value
        elif name in tree and isinstance(value, dict):
            kept[name] = _only(value, tree[name])
    return kept
