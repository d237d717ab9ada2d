"""Prints how recordings went: what differs, as a diff, and a summary.

Rules: `-` is what a real Xen answered, `+` what was answered here; nothing else begins a line with either.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

import click

from cluster.studies.conformance.conform import CaseResult, shown
from cluster.studies.conformance.recording import RecordedCall


def print_results(results: Iterable[CaseResult]) -> int:
    """Print every difference and a summary; 0 if all cases passed, 1 otherwise."""
    found = list(results)
    failed = [result for result in found if not result.passed]
    if failed:
        click.echo("--- a real Xen, as recorded\n+++ the simulated hypervisor")
    for result in failed:
        for line in _lines(result):
            click.echo(line)
    steps = sum(len(result.case.steps) for result in found)
    click.echo(f"{len(found) - len(failed)} of {len(found)} cases passed ({steps} steps)")
    return 1 if failed else 0


def _lines(result: CaseResult) -> Iterator[str]:
    case = result.case
    yield f"@@ {case.place}: as {case.caller} on Xen {case.xen} @@"
    for step, differences in groupby(result.differences, lambda each: each.step):
        yield f"  step {step.identifier!r}: {_call(step)}"
        for each in differences:
            yield f"-     {each.field}: {each.recorded}"
            yield f"+     {each.field}: {each.found}"


def _call(step: RecordedCall) -> str:
    name = f"{step.hypercall}.{step.command}" if step.command else step.hypercall
    return f"{name}({', '.join(f'{key}={shown(value)}' for key, value in step.arguments.items())})"
