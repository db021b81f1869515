"""What the models are for: completing, correcting, restyling, converting and augmenting digits, and
teaching with them.

Each application is a few functions over the family contract (``jaxgen.families.base``). The judge
compares each with a method that needs no model (``apps.measuring``).
"""
