"""Published numbers, and what our code makes of the same set-ups.

rows      the numbers, where they are from, and what is trained for each
measures  what is measured of the trained models
work      trains and measures, seed by seed
report    published and ours side by side
"""
