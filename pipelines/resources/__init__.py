"""Configuration and lifecycle of what the assets need; each vends a port."""
