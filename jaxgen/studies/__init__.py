"""What the course asks: how structure and learning parameters change a model, by many runs.

questions   the questions that have a name
plan        the runs of a study: settings, and seeds
work        one run: trained and measured, in a process of its own where that pays
study       carries a plan out, and keeps each finding
findings    differences over paired seeds, and what may be said of them
report      the report for a person
"""
