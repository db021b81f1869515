"""The course's comparison of the six families, measured.

plan       which recipes, seeds and lengths; which runs are there already
run        trains what is missing, and makes every finding
measuring  what is measured of recipes and of models
clock      says how much time is left for all of it
parts      keeps the findings, so that a comparison goes on where it stopped
claims     the course's three orderings, and what figures with intervals say of them
figures    all findings as JSON, and the figures of each family
report     the same for a person
"""
