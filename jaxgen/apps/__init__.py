"""What the models are for: completing, correcting, restyling, converting and augmenting digits, and
teaching with them.

Each application is a few functions over the family contract (``jaxgen.families.base``), and each is
measured by the judge against what one would do without a model (``apps.measuring``).
"""
