"""The quality of generated digits: one judge, many measures, one report.

judge       the classifier of digits: load, look, train
distort     random distortions of its training digits
metrics     the measures, as pure functions of features, logits and pixels
reference   the figures of n real digits
report      figures with their n, seeds and judge; as JSON and as a table
evaluate    all measures of images
codes       what a code keeps of a digit, beside principal components
smoothness  how evenly images change between two drawn digits
likelihood  bounds of the likelihood of real digits, where there is one
parzen      windows about drawn digits, for history
suite       all measures of a trained model
classification_accuracy
            the accuracy of a classifier that learns from drawn digits alone
"""
