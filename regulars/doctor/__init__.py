"""The doctor: what stands between Regulars and its shops, and what to do about each of it.

Nothing is changed in a shop: that the key may write is learnt from a customer without an e-mail address, which
WooCommerce never accepts.
"""
