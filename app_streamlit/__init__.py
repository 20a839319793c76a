"""The app: lists, profiles, segments, over the published marts and the records."""
