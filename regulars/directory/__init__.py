"""Read people and orders: what is published, with live records laid over it."""
