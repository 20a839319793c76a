"""How fast the product is, beside the same thing done by hand: `python -m benchmarks`."""
