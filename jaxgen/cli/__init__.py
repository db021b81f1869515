"""The commands: one thin file for each verb, and the parts that they share in ``common``."""
