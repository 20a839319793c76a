"""The WooCommerce client: `client.ShopClient` reads and writes, `doctor.diagnose` says what is wrong and what to do."""
