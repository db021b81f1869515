"""Measures of speed that take several runs: where the time of a step goes, two versions side by
side, the time to a quality, and other projects beside jaxgen."""
