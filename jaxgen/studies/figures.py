"""The figures of a run: what each is called, and whether less of it is better."""

from typing import NamedTuple


class Figure(NamedTuple):
    """A figure that every run of a family has."""

    name: str
    better: int
    """-1 where less is better, 1 where more is, 0 where neither is."""


FIGURES = {
    "error": Figure("squared error of a reconstruction", -1),
    "train_error": Figure("squared error of training digits", -1),
    "bound": Figure("bound in nats", -1),
    "rate": Figure("rate of the codes in nats", 0),
    "distortion": Figure("distortion in nats", 0),
    "used": Figure("perplexity of the codes", 1),
    "distance": Figure("Frechet distance in N", -1),
    "distance_normal": Figure("Frechet distance with codes from N(0, I)", -1),
    "recognised": Figure("share recognised as the digit asked for", 1),
    "coverage": Figure("coverage", 1),
    "diversity": Figure("diversity within a digit", 1),
    "collapsed": Figure("mode collapse", -1),
    "seconds": Figure("seconds of training", -1),
    "parameters": Figure("parameters", 0),
}
