"""The library that every process of Regulars shares."""
