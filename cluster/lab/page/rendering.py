"""Templates and values made into text.

Rules: whatever is not known to be HTML is escaped; a name that a template does not get is an error.
"""

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

GENERATOR: Final = '<meta name="generator" content="domzero report">'
"""By this line, near its beginning, a page of ours is known."""
_HEAD: Final = 1024


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def rendered(template: str, **values: object) -> str:
    """The text that a template makes of values."""
    return _templates().get_template(template).render(generator=GENERATOR, **values)


def is_page(path: Path) -> bool:
    """Whether a file is a page that was made here. OSError if it cannot be read."""
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(_HEAD)
