"""The copy of a WooCommerce shop: `sync.sync_shop` brings the raw tables up to date through dlt."""
