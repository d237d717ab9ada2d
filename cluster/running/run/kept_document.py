"""A JSON file that was written for programs, as it is read back: of a schema that is known, or refused.

Rules: one that was written before a field was added is read, and lacks it (docs/run-json.md).
"""

import json
from pathlib import Path

from cluster.lab.config.errors import reason_of
from cluster.lab.verdict.summary import Document
from cluster.running.run.kept_values import KeptError


def read_document(path: Path, what: str, schema: int) -> Document:
    """What a file says that should be `what`, as `a report`. KeptError, FileNotFoundError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeptError(f"{path}: {reason_of(error)}") from error
    except (ValueError, RecursionError) as error:
        raise KeptError(f"{path}: not as it was written: {error}") from error
    if not isinstance(found, dict) or "schema" not in found:
        raise KeptError(f"{path}: not {what}: it says no schema")
    if found["schema"] != schema:
        raise KeptError(f"{path}: {what} of schema {found['schema']!r}; this version reads schema {schema}")
    return found
