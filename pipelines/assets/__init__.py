"""The assets: raw, staging, marts, published, and their checks."""
