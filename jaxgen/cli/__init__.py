"""The commands: one thin file a verb, and what they share in ``common``."""
