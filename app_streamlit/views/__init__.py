"""One thin script a screen."""
