"""``bin/digits``: digits on paper. The first argument says what to do with them."""

from jaxgen.cli import parts

ACTIONS = {
    "check": "look at a data set before anything learns from it",
    "judge": "train a judge for a data set that is not like MNIST",
    "writers": "part a data set by its writers",
    "mark": "mark the answers on photographed exercise sheets",
    "form": "print a form on which a person writes digits",
    "read": "find the digits of photographed or scanned pages, and cut them out",
}
EXAMPLES = (
    "bin/digits check mine/",
    "bin/digits read page.jpg --out mine/",
    "bin/digits form --out form.pdf",
    "bin/digits mark photo.jpg --sheet sheet.pdf --out marked.csv",
)


def main(args: list[str]) -> int:
    return parts.run("digits", "action", ACTIONS, EXAMPLES, args)
