"""Matplotlib's SVG made fit for a page: its colours become the page's, its letters the reader's.

Charts are drawn in the colours here, which stand for names and which nobody would choose; they are
exchanged for the variables of theme.css. So a chart follows light and dark with the page.
"""

import copy
import re
from xml.etree import ElementTree

from jaxgen.pages.document import COLOURS

INK, MUTED, RULE = "#010203", "#010204", "#010205"
SERIES = [f"#0103{place:02}" for place in range(COLOURS)]
NAMESPACE = "http://www.w3.org/2000/svg"
_VARIABLES = {INK: "ink", MUTED: "muted", RULE: "rule"} | {
    colour: f"series-{place}" for place, colour in enumerate(SERIES)
}
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")
_SVG = f"{{{NAMESPACE}}}"
_LINK = "{http://www.w3.org/1999/xlink}href"


def cleaned(drawn: bytes, name: str) -> ElementTree.Element:
    """Return Matplotlib's SVG without what a page has no use for, in the colours of the theme.

    Its identifiers begin with ``name``, and it has no namespace, as within a page.
    """
    root = ElementTree.fromstring(drawn)
    for above in list(root.iter()):
        for element in list(above):
            if element.tag.endswith("metadata") or element.tag == f"{_SVG}style":
                above.remove(element)
    used = set()
    for element in root.iter():
        used |= {link[1:] for link in [element.get(_LINK, "")] if link}
        used |= set(re.findall(r"url\(#([^)]+)\)", " ".join(element.attrib.values())))
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.attrib = dict(_attributes(element.attrib, used, name))
        if element.tag != "text":
            element.text = None
        element.tail = None
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib = {"class": "chart", "viewBox": f"0 0 {float(width):g} {float(height):g}"}
    return root


def _attributes(given, used, name):
    for key, value in given.items():
        match key:
            case "id" if value in used:
                yield "id", f"{name}-{value}"
            case "id" if value.startswith("halo"):
                yield "class", "halo"
            case "id":
                pass
            case "transform" if value.startswith("rotate(-0"):
                pass
            case "clip-path":
                yield key, value.replace("url(#", f"url(#{name}-")
            case "style":
                yield key, _style(value)
            case _ if key == _LINK:
                yield "href", f"#{name}-{value[1:]}"
            case "d" | "x" | "y" | "transform":
                yield key, re.sub(r"-?\d+\.\d+", _short, " ".join(value.split()))
            case _:
                yield key, value


def _style(style: str) -> str:
    # The font is the page's; its size and the side that text is set from are the chart's.
    style = re.sub(r"font: ([\d.]+px)[^;]*", r"font-size: \1", style)
    style = re.sub(r"font-family: [^;]*;\s*", "", style)
    for colour, variable in _VARIABLES.items():
        style = style.replace(colour, f"var(--{variable})")
    return style.strip()


def stand_alone(root: ElementTree.Element, theme: str) -> None:
    """Change a cleaned SVG, in place, into one that needs no page: style becomes attributes, which
    all programs know, and only the colours by dark are left to a style sheet."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): ([^;]+);", part)) for part in theme.split("@media")
    )
    root.attrib |= {"font-family": light["sans"].replace('"', "'"), "stroke-linejoin": "round"}
    for element in root.iter():
        for key, value in re.findall(r"([\w-]+):\s*([^;]+)", element.attrib.pop("style", "")):
            element.set(key, _VARIABLE.sub(lambda found: light[found[1]], value.strip()))
    for element in list(root.iter()):
        if element.attrib.pop("class", None) == "halo":
            _surround(element, light["panel"])
    sheet = ElementTree.Element("style")
    rules = (
        f'[{key}="{light[name]}"] {{ {key}: {dark[name]} }}'
        for name in ("panel", *_VARIABLES.values())
        for key in ("fill", "stroke")
    )
    sheet.text = "@media (prefers-color-scheme: dark) { " + " ".join(rules) + " }"
    root.insert(0, sheet)


def _surround(group: ElementTree.Element, colour: str) -> None:
    """Put a broad edge behind each text of a group, so that it can be read where it lies on
    points."""
    for above in list(group.iter()):
        for text in above.findall("text"):
            text.set("font-weight", "bold")
            behind = copy.deepcopy(text)
            behind.attrib |= {"stroke": colour, "stroke-width": "4", "fill": colour}
            above.insert(list(above).index(text), behind)


def _short(found: re.Match[str]) -> str:
    return f"{float(found.group()):.2f}".rstrip("0").rstrip(".")
