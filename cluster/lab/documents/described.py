"""How a type says what its fields are: by the text below each of them.

A description stands there alone: the schemas have it, and a test holds docs/run-json.md against it.
"""

from typing import Final

from pydantic import ConfigDict

DESCRIBED: Final = ConfigDict(use_attribute_docstrings=True)
"""What every class of a document is configured with."""
