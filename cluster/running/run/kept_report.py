"""`run.json` read back, with what was added since it was written.

Of all that came later anything may be missing, and a fault's `id` was a number at first. What an older report
does not say is null, an empty list, or what was so before it could be chosen.
"""

from pathlib import Path
from typing import Any, Final, cast

from cluster.lab.config.architecture import Architecture
from cluster.lab.documents.document_kind import RUN
from cluster.lab.documents.run_document import RunDocument
from cluster.lab.verdict.summary import Document
from cluster.lab.verdict.talk_result import guest_words, talks_words
from cluster.running.run.kept_document import check_fields, read_document
from cluster.running.run.kept_values import KeptError

_OF_HOST: Final[dict[str, object]] = {
    "spare": "none",
    "frontends": ["reconnect"],
    "links": "hypervisor",
    "drivers_end_machine": False,
    "device_models": False,
    "virtualised_dom0": False,
}
_OF_GUEST: Final[dict[str, object]] = {"came_back": None, **guest_words(None)}


def read_report(path: Path) -> Document:
    """The report in a file, with every field. KeptError if it is none, FileNotFoundError."""
    told = read_document(path, RUN)
    try:
        report = _whole(told)
    except (KeyError, TypeError, ValueError) as error:
        raise KeptError(f"{path}: not as it was written: {error!r}") from error
    check_fields(path, RunDocument, report)
    return report


def _whole(report: Document) -> dict[str, object]:
    later: dict[str, object] = {"clock_gaps": [], "talks": talks_words(None)}
    return {
        **later,
        **report,
        "hosts": [_host(each) for each in report["hosts"]],
        "faults": [{"never_fired": None, **each, "id": str(each["id"])} for each in report["faults"]],
        "fault_targets": [_target(each) for each in report["fault_targets"]],
        "guests": [{**_OF_GUEST, **each} for each in report["guests"]],
    }


def _host(host: dict[str, Any]) -> dict[str, object]:
    words = {**_OF_HOST, **host}
    return {"architecture": Architecture.of_words(words).name, **words}


def _target(target: dict[str, Any]) -> dict[str, object]:
    injection = cast("object", target["injection"])
    return {**target, "injection": None if injection is None else str(injection)}
