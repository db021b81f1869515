"""What generated digits are worth: one judge, many measures, one report.

judge      the classifier that looks: load, look, train
distort    what its training digits go through
metrics    the measures, as pure functions of features, logits and pixels
reference  the figures of real digits, at the n of the question
report     figures with their n, seeds and judge; as JSON and as a table
evaluate   all of it for images already drawn
"""
