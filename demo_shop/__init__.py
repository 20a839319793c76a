"""A stand-in for a WooCommerce shop, spoken to over HTTP like the real one.

It follows WooCommerce 9.9.5 with high-performance order storage (HPOS) as far as Regulars uses it, odd
behaviour included, and shares no code with the client it is used to test.

Where to begin:

* ``python -m demo_shop --help`` serves a shop of invented people, or of a real retailer's order file.
* :func:`demo_shop.generate.generate` and :func:`demo_shop.retail.load_retail` build a
  :class:`demo_shop.store.Shop`.
* :func:`demo_shop.server.create_app` and :func:`demo_shop.server.serve` put it on the wire.
"""
