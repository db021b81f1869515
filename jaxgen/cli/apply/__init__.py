"""``bin/apply``: applications of the models. The first argument names the application."""

from jaxgen.cli import parts

APPS = {
    "complete": "fill in the hidden part of a digit",
    "correct": "mend damaged handwriting",
    "restyle": "write digits in the hand of one image",
    "convert": "turn digits into others, in the same hand",
    "augment": "make a data set of drawn digits, or study whether such data help",
    "sheet": "make a page of handwritten exercises to print",
    "figure": "make a picture to teach with: latent plane, codebook, noise, training",
}
EXAMPLES = ("bin/apply complete --model ddpm --hide left",)


def main(args: list[str]) -> int:
    return parts.run("apply", "application", APPS, EXAMPLES, args)
