"""What generated digits are worth: one judge, many measures, one report.

judge      the classifier that looks: load, look, train
distort    what its training digits go through
metrics    the measures, as pure functions of features, logits and pixels
reference  the figures of real digits, at the n of the question
report     figures with their n, seeds and judge; as JSON and as a table
evaluate   all of it for images already drawn
codes      what a code keeps of a digit, beside principal components
smoothness how even the ways between digits are
usefulness what a classifier learns from drawn digits alone
likelihood bounds of the likelihood of real digits, where there is one
parzen     windows about drawn digits, for history
suite      all that applies to a trained model
"""
