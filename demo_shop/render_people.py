"""The JSON bodies of customers and products."""

import hashlib
import html
import re
import zlib

from demo_shop.model import Address, Customer, Product
from demo_shop.money import fixed, plain
from demo_shop.pricing import net_price
from demo_shop.render import ALL_METHODS, Body, both, links, meta_data
from demo_shop.store import Records

_CUSTOMER_ADDRESS = (
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "postcode",
    "country",
    "state",
    "email",
    "phone",
)


def customer_body(shop: Records, customer: Customer, base: str, viewer: str = "administrator") -> Body:
    """Write a customer's body as ``GET /customers/{id}`` answers it to a key whose owner has the role ``viewer``.

    Only administrators see ``meta_data``. Counts of orders and money are not part of wc/v3.
    """
    deletable = viewer == "administrator" and customer.role in ("customer", "subscriber")
    zone_name = shop.profile.time_zone
    gravatar = hashlib.sha256(customer.email.strip().lower().encode()).hexdigest()
    body: Body = {
        "id": customer.id,
        **both("date_created", customer.created, zone_name),
        **both("date_modified", customer.modified, zone_name),
        "email": customer.email,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "role": customer.role,
        "username": customer.username,
        "billing": _address(customer.billing, email=True),
        "shipping": _address(customer.shipping, email=False),
        "is_paying_customer": customer.is_paying,
        "avatar_url": f"https://secure.gravatar.com/avatar/{gravatar}?s=96&d=mm&r=g",
        "meta_data": meta_data(customer.meta),
    }
    if viewer != "administrator":
        del body["meta_data"]
    allow = ALL_METHODS if deletable else ALL_METHODS[:-1]
    body["_links"] = links(base, f"customers/{customer.id}", allow, "customers")
    return body


def _address(address: Address, *, email: bool) -> Body:
    return {name: getattr(address, name) for name in _CUSTOMER_ADDRESS if email or name != "email"}


def product_body(shop: Records, product: Product, base: str) -> Body:
    """Write a product's body as ``GET /products/{id}`` answers it."""
    slug = re.sub(r"[^a-z0-9]+", "-", product.name.casefold()).strip("-") or str(product.id)
    sizes = [shop.products[number] for number in product.variations]
    variable = bool(sizes)
    price = plain(min((size.price for size in sizes), default=product.price))
    body: Body = {
        "id": product.id,
        "name": product.name,
        "slug": slug,
        "permalink": f"{base}/product/{slug}/",
        **both("date_created", product.created, shop.profile.time_zone),
        **both("date_modified", product.created, shop.profile.time_zone),
        "type": "variable" if variable else "simple",
        "status": "publish",
        "featured": False,
        "catalog_visibility": "visible",
        "description": "",
        "short_description": "",
        "sku": product.sku,
        "price": price,
        "regular_price": "" if variable else price,
        "sale_price": "",
        "date_on_sale_from": None,
        "date_on_sale_from_gmt": None,
        "date_on_sale_to": None,
        "date_on_sale_to_gmt": None,
        "on_sale": False,
        "purchasable": True,
        "total_sales": product.total_sales,
        "virtual": product.virtual,
        "downloadable": product.virtual,
        "downloads": [],
        "download_limit": -1,
        "download_expiry": -1,
        "external_url": "",
        "button_text": "",
        "tax_status": "taxable",
        "tax_class": "reduced-rate" if product.reduced else "",
    }
    return {
        **body,
        **_stock(product),
        **_catalogue(product, sizes),
        **_closing(shop, product, base, variable),
    }


def _stock(product: Product) -> Body:
    return {
        "manage_stock": False,
        "stock_quantity": None,
        "backorders": "no",
        "backorders_allowed": False,
        "backordered": False,
        "low_stock_amount": None,
        "sold_individually": False,
        "weight": "",
        "dimensions": {"length": "", "width": "", "height": ""},
        "shipping_required": not product.virtual,
        "shipping_taxable": not product.virtual,
        "shipping_class": "",
        "shipping_class_id": 0,
        "reviews_allowed": True,
        "average_rating": "0.00",
        "rating_count": 0,
    }


def _catalogue(product: Product, sizes: list[Product]) -> Body:
    size = {"id": 0, "name": "Size", "slug": "Size", "position": 0, "visible": True, "variation": True}
    return {
        "upsell_ids": [],
        "cross_sell_ids": [],
        "parent_id": product.parent_id,
        "purchase_note": "",
        "categories": [_category(name) for name in product.categories],
        "brands": [],
        "tags": [],
        "images": [],
        "attributes": [{**size, "options": [each.size for each in sizes]}] if sizes else [],
        "default_attributes": [],
        "variations": list(product.variations),
        "grouped_products": [],
        "menu_order": 0,
    }


def _category(name: str) -> Body:
    """Return a category of the catalogue; WooCommerce's own one has the id 15, others follow by their name."""
    slug = "-".join(re.findall(r"[a-z]+", name.lower()))
    return {"id": 15 + (zlib.crc32(slug.encode()) % 1000 if slug != "uncategorized" else 0), "name": name, "slug": slug}


def _closing(shop: Records, product: Product, base: str, variable: bool) -> Body:
    net = fixed(net_price(shop.profile, product.price, reduced=product.reduced), shop.profile.decimals)
    return {
        "price_html": f'<span class="woocommerce-Price-amount amount"><bdi>{html.escape(net)}&nbsp;'
        f'<span class="woocommerce-Price-currencySymbol">{shop.profile.currency}</span></bdi></span>',
        "related_ids": [],
        "meta_data": [],
        "stock_status": "instock",
        "has_options": variable,
        "post_password": "",
        "global_unique_id": "",
        "_links": links(base, f"products/{product.id}", ALL_METHODS, "products"),
    }
