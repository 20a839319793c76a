"""Pure Polars: lazy frames and `as_of` in, lazy frames out. No clock, no I/O, no framework."""
