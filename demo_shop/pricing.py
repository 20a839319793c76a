"""Prices, taxes and totals, by the shop's rules.

Catalogue prices include the tax of the shop's own country (when the profile says so); a buyer elsewhere pays the
net price plus the tax of their country. An order's totals are sums of line amounts as displayed, so that at the
shop's decimals lines and taxes always add up to the total (as in all recorded orders).
"""

from typing import NamedTuple

from demo_shop.model import Line, Order, Product, Profile, Shipping, TaxRate
from demo_shop.money import rounded

HOME = "DE"
"""The country whose tax the catalogue prices of the invented shop include."""


class Totals(NamedTuple):
    """An order's amounts in millionths, each a sum of amounts rounded to the shop's decimals."""

    discount: int
    discount_tax: int
    shipping: int
    shipping_tax: int
    cart_tax: int
    total: int

    @property
    def total_tax(self) -> int:
        """All tax of the order."""
        return self.cart_tax + self.shipping_tax


def rate_for(profile: Profile, country: str, *, reduced: bool) -> TaxRate | None:
    """Return the tax rate of a country; a country without a reduced rate taxes everything alike."""
    rates = [rate for rate in profile.rates if rate.country == country]
    return next((rate for rate in rates if rate.reduced == reduced), rates[0] if rates else None)


def net_price(profile: Profile, price: int, *, reduced: bool) -> int:
    """Take the shop's own tax off a catalogue price."""
    home = rate_for(profile, HOME, reduced=reduced) if profile.prices_include_tax else None
    return price if home is None else round(price * 100 / (100 + home.percent))


def priced_line(profile: Profile, product: Product, quantity: int, country: str, *, percent_off: int = 0) -> Line:
    """Price one order line for a buyer in ``country``, with a discount of whole percents."""
    rate = rate_for(profile, country, reduced=product.reduced)
    subtotal = net_price(profile, product.price, reduced=product.reduced) * quantity
    total = subtotal - subtotal * percent_off // 100
    percent = rate.percent if rate else 0
    return Line(
        product.parent_id or product.id,
        product.id if product.parent_id else 0,
        quantity,
        subtotal,
        total,
        rate.rate_id if rate else 0,
        subtotal * percent // 100,
        total * percent // 100,
    )


def priced_shipping(profile: Profile, price: int, country: str) -> Shipping:
    """Price a flat-rate shipping line for a buyer in ``country``."""
    rate = rate_for(profile, country, reduced=False)
    net = rounded(net_price(profile, price, reduced=False), profile.decimals)
    return Shipping("Flat rate", net, rate.rate_id if rate else 0, net * (rate.percent if rate else 0) // 100)


def totals(order: Order, decimals: int) -> Totals:
    """Add up an order's lines, shipping and fees."""
    goods = tax = discount = discount_tax = 0
    for line in order.lines:
        shown_tax = rounded(line.total_tax, decimals) if line.total_tax else 0
        goods += rounded(line.total, decimals)
        tax += shown_tax
        if line.subtotal != line.total:
            discount += line.subtotal - line.total
            discount_tax += line.subtotal_tax - line.total_tax
    shipping = sum(rounded(part.total, decimals) for part in order.shipping_lines)
    shipping_tax = sum(rounded(part.tax, decimals) for part in order.shipping_lines)
    fees = sum(fee.total for fee in order.fees)
    return Totals(
        rounded(discount, decimals),
        rounded(discount_tax, decimals),
        shipping,
        shipping_tax,
        tax,
        goods + tax + shipping + shipping_tax + fees,
    )


def item_count(order: Order) -> int:
    """Return how many item ids an order takes: lines, shipping, fees, coupons and one per tax rate."""
    return len(order.lines) + len(order.shipping_lines) + len(order.fees) + len(order.coupons) + len(rates_of(order))


def rates_of(order: Order) -> list[int]:
    """Return the ids of the tax rates that appear in an order, in order of appearance."""
    seen = dict.fromkeys(line.rate_id for line in order.lines if line.rate_id)
    seen.update(dict.fromkeys(part.rate_id for part in order.shipping_lines if part.rate_id))
    return list(seen)
