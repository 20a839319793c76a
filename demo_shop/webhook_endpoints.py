"""The REST endpoints of webhooks. Secrets go in and are never answered."""

from typing import Any

from demo_shop import errors
from demo_shop.answers import Answer
from demo_shop.calls import Call, Handler
from demo_shop.query import Listing
from demo_shop.render import ALL_METHODS, Body, both, links
from demo_shop.webhooks import HOOKS, Webhook, Webhooks


def webhook_body(hook: Webhook, base: str, zone: str) -> Body:
    """Write a webhook's body: neither its secret nor its failure count is shown."""
    resource, event = hook.topic.split(".")
    return {
        "id": hook.id,
        "name": hook.name,
        "status": hook.status,
        "topic": hook.topic,
        "resource": resource,
        "event": event,
        "hooks": HOOKS[hook.topic],
        "delivery_url": hook.url,
        **both("date_created", hook.created, zone),
        **both("date_modified", hook.modified, zone),
        "_links": links(base, f"webhooks/{hook.id}", ALL_METHODS, "webhooks"),
    }


class WebhookEndpoints:
    """The handlers, bound to the shop's webhooks."""

    def __init__(self, webhooks: Webhooks) -> None:
        """Keep the webhooks."""
        self.webhooks = webhooks

    def handlers(self) -> dict[str, tuple[Handler, Handler | None]]:
        """Return the handlers of the list and of one webhook by method: (list, one)."""
        return {
            "GET": (self.list, self.read),
            "POST": (self.create, self.update),
            "PUT": (self.update, self.update),
            "PATCH": (self.update, self.update),
            "DELETE": (self.delete, self.delete),
        }

    def _body(self, call: Call, hook: Webhook) -> Body:
        return webhook_body(hook, call.request.base, call.shop.profile.time_zone)

    def _hook(self, call: Call) -> Webhook:
        hook = self.webhooks.hooks.get(call.ids[0])
        if hook is None:
            raise errors.ApiError(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        return hook

    def list(self, call: Call) -> Answer:
        """Answer ``GET /webhooks``."""
        values = call.values
        wanted = [h for h in self.webhooks.hooks.values() if values["status"] in ("all", h.status)]
        wanted.sort(key=lambda hook: (hook.created, hook.id), reverse=values["order"] == "desc")
        size = values["per_page"]
        page = wanted[(values["page"] - 1) * size : values["page"] * size]
        listing = Listing([hook.id for hook in page], len(wanted), -(-len(wanted) // size))
        return call.page([self._body(call, hook) for hook in page], listing, {})

    def read(self, call: Call) -> Answer:
        """Answer ``GET /webhooks/{id}``."""
        return call.answer(self._body(call, self._hook(call)))

    def create(self, call: Call) -> Answer:
        """Answer ``POST /webhooks``."""
        sent = call.request.json()
        missing = [name for name in ("topic", "delivery_url") if not sent.get(name)]
        if missing:
            raise errors.missing_params(missing)
        hook = self.webhooks.create(
            str(sent["topic"]),
            str(sent["delivery_url"]),
            name=str(sent.get("name", "")),
            secret=str(sent.get("secret", "")),
            status=_status(sent.get("status", "active")),
        )
        body = self._body(call, hook)
        return call.answer(body, status=201, extra=[("Location", body["_links"]["self"][0]["href"])])

    def update(self, call: Call) -> Answer:
        """Answer ``PUT /webhooks/{id}``."""
        sent, hook = call.request.json(), self._hook(call)
        fields: dict[str, Any] = {
            field: str(sent[name])
            for name, field in (("name", "name"), ("secret", "secret"), ("delivery_url", "url"))
            if sent.get(name)
        }
        if sent.get("topic"):
            if sent["topic"] not in HOOKS:
                raise errors.ApiError(
                    400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic must be valid."
                )
            fields["topic"] = str(sent["topic"])
        if "status" in sent:
            fields["status"] = _status(sent["status"])
        return call.answer(self._body(call, self.webhooks.update(hook, fields)))

    def delete(self, call: Call) -> Answer:
        """Answer ``DELETE /webhooks/{id}``, which needs ``force``."""
        hook = self._hook(call)
        if not call.values["force"]:
            raise errors.ApiError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        self.webhooks.delete(hook.id)
        return call.answer(self._body(call, hook))


def _status(value: Any) -> str:
    if value not in ("active", "paused", "disabled"):
        sentence = "status is not one of active, paused, and disabled."
        raise errors.invalid_params([("status", "rest_not_in_enum", sentence, None)])
    return str(value)
