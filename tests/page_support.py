"""The pages of the project and what is in them."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "depthactors").rglob("README.md")), ROOT / "examples" / "README.md"]
PAGES += sorted((ROOT / "tests").rglob("README.md"))
ADDRESS = "https://github.com/depthactors/depthactors"


@cache
def text(path):
    """Return a page's text, by its path from the project's folder."""
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(path, *languages):
    """Return the language and the text of each block of a page that is in one of the languages, in their order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", text(path), re.DOTALL | re.MULTILINE)
    return [(language, block) for language, block in found if language in languages]


def python_blocks(path):
    return [block for _, block in blocks(path, "python")]


def name_of(path):
    """Name a page for people, by its path from the project's folder."""
    return path.relative_to(ROOT).as_posix()


def anchors(path):
    """Return what a link to a page can have behind its `#`."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
