"""The course's comparison of the six families, measured.

plan       which recipes, seeds and lengths; which runs are there already
run        trains what is missing, and makes every finding
parts      keeps the findings, so that a comparison goes on where it stopped
claims     the course's three orderings, and what figures with intervals say of them
report     all findings as JSON, and as a report for a person
"""
