"""JSON Schemas (draft 2020-12) of the files that programs read, by name.

Rules: what a schema forbids is a wrong type or a field that is missing. One more field is no fault, since
fields are added without a new number.
Source: https://json-schema.org/draft/2020-12
"""

from typing import Any, Final

from pydantic import TypeAdapter

from cluster.lab.documents.curve_document import CurveDocument
from cluster.lab.documents.matrix_document import MatrixDocument
from cluster.lab.documents.run_document import RunDocument
from cluster.lab.documents.sweep_document import SweepLine
from cluster.lab.documents.timeline_document import TimelineDocument

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: Final[dict[str, Any]] = {
    "run": RunDocument,
    "timeline": TimelineDocument,
    "sweep": SweepLine,
    "matrix": MatrixDocument,
    "curve": CurveDocument,
}


def json_schema(name: str) -> dict[str, Any]:
    """The schema of one of `DOCUMENTS`."""
    made: dict[str, Any] = _in_lines(TypeAdapter(DOCUMENTS[name]).json_schema())
    return {"$schema": DIALECT, **made}


def _in_lines(part: Any) -> Any:  # noqa: ANN401 (any part of a schema)
    """The same with every description in one line, however it is broken in the source."""
    if isinstance(part, list):
        return [_in_lines(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: " ".join(each.split()) if key == "description" and isinstance(each, str) else _in_lines(each)
        for key, each in part.items()
    }
