"""Commands of `regulars …` that are not in `regulars.cli`, by what they are about."""
