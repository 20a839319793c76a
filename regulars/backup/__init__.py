"""Backups: everything that nobody could fetch again from the shop, and what makes a restored app show data at once.

A backup is a folder of its own, whatever store it is of and whatever store it is restored into; that is also how a
deployment moves from SQLite to MongoDB and back. `layout` says what lies in it, `make.backup` makes one,
`restore.restore` restores it.
"""
