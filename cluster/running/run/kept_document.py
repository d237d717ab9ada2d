"""A JSON file that was written for programs, as it is read back: of a schema that is known, or refused.

Rules: one that was written before a field was added is read, and lacks it (docs/run-json.md).
"""

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cluster.lab.config.errors import reason_of
from cluster.lab.documents.document_kind import DocumentKind
from cluster.lab.verdict.summary import Document
from cluster.running.run.kept_values import KeptError


def read_document(path: Path, wanted: DocumentKind) -> Document:
    """What a file of the wanted kind says. KeptError, FileNotFoundError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeptError(f"{path}: {reason_of(error)}") from error
    except (ValueError, RecursionError) as error:
        raise KeptError(f"{path}: not as it was written: {error}") from error
    if not wanted.reads(found):
        raise KeptError(f"{path}: {wanted.refusal(found)}")
    checked: Document = found
    return checked


def check_fields(path: Path, kind: type, document: object) -> None:
    """KeptError if a document lacks a field that its type has, or has something else in its place."""
    try:
        TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise KeptError(f"{path}: not as it was written: {where}: {first['msg']}") from error
