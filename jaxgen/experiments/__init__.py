"""Experiments: many trainings and measurements, and a report of their results.

An experiment (``course``, ``study``, ``reproduction``, ``augmentation``) describes its trials and
makes a document of their results. ``execute`` carries the trials out, on this machine or on a
cluster, and ``store`` keeps each result, so that the same command goes on after a stop.
"""
