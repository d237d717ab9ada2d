"""The commands that only look: `domzero status`, `list`, `top`, `interrupts`, `env`, `export`.

Rules: that the reader of their output leaves early is for whoever runs the command line (`cli`).
"""

import contextlib
import json
import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from cluster.lab.terminal.data_console import DataConsole
from cluster.lab.terminal.table import Table, line, number, text
from cluster.running.control.client import CHOICE, ControlReply, NotRunning, ask
from cluster.running.metrics.openmetrics import openmetrics_of
from cluster.running.top.kept_interrupts import kept_interrupts
from cluster.running.top.screen import run_batch, run_view

DOMAINS: Final = (text("host"), number("domid"), text("name"), text("state"), number("pid"))
SCHEDULE: Final = (text("fault"), text("target"), text("when"), number("came"))
LISTED: Final = (
    *(text("Name"), number("ID"), number("Mem"), number("VCPUs")),
    *(text("State"), number("Time(s)")),
)
CLUSTER = click.option(
    "--cluster",
    "name",
    metavar="NAME",
    envvar=CHOICE,
    show_envvar=True,
    help="Which running cluster; needed when several run.",
)


def asked(reply: ControlReply) -> dict[str, Any]:
    """What a running cluster answered; NotRunning if it refused."""
    if reply.error:
        raise NotRunning(reply.error)
    return reply.values


@click.command(short_help="What runs: hosts, domains, processes.")
@CLUSTER
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def status(name: str | None, as_json: bool) -> None:  # noqa: FBT001
    """What runs: hosts, domains, their processes; the faults that were done, and those that come when."""
    values = asked(ask(name, "status", {}))
    if as_json:
        told = {
            "cluster": values["name"],
            **{key: values[key] for key in ("phase", "directory", "journals", "faults", "hosts")},
        }
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"cluster {values['name']}: {values['phase']}; run directory: {values['directory']}")
    click.echo(_journals(values["journals"]))
    table = Table(*DOMAINS)
    for host in values["hosts"]:
        click.echo(f"{host['name']}: metrics {host['metrics_url']}")
        for domain in host["domains"]:
            domid, each, state, pid = (domain[key] for key in ("domid", "name", "state", "pid"))
            table.add(str(host["name"]), str(domid), str(each), str(state), str(pid or "-"))
    console = DataConsole()
    table.print(console)
    told_faults = _fault_table(values["faults"])
    if told_faults.is_empty:
        line(console, "no faults were done, and none is to come")
    else:
        console.print()
        told_faults.print(console)


def _fault_table(faults: list[dict[str, Any]]) -> Table:
    table = Table(*SCHEDULE)
    for each in faults:
        words = (f"{each['id']} {each['kind']}", str(each["target"]), str(each["when"]))
        table.add(*words, _came(each))
    return table


def _came(fault: dict[str, Any]) -> str:
    """What became of a fault, or when it comes."""
    if fault["ago_s"] is not None:
        recovered = ", recovered" if fault["recovered"] else ""
        return f"{fault['ago_s']:.1f} s ago{recovered}"
    return "waits" if fault["due_s"] is None else f"in {fault['due_s']:.1f} s"


def _journals(journals: dict[str, int | None]) -> str:
    """What the journals take, and what that means."""
    limit = journals["budget_bytes"]
    text = f"journals: {(journals['bytes'] or 0) / (1 << 20):,.1f} MiB"
    text += f" of {limit / (1 << 20):,.1f} MiB" if limit is not None else ""
    return f"{text}; that is used up, and the guests have stopped working" if journals["used_up"] else text


@click.command("list", short_help="The domains, in the columns of `xl list`.")
@CLUSTER
def list_domains(name: str | None) -> None:
    """The domains of every host, in the columns of `xl list`."""
    values = asked(ask(name, "list", {}))
    hosts = values["hosts"]
    for host in hosts:
        if len(hosts) > 1:
            click.echo(f"{host['name']}:")
        table = Table(*LISTED)
        for row in host["rows"]:
            each, domid, mem, vcpus, state, seconds = row
            told = (str(each), str(domid), str(mem), str(vcpus), str(state))
            table.add(*told, f"{seconds:.1f}")
        table.print(DataConsole())


@click.command(short_help="What points XenStore clients at a running host.")
@click.argument("host", metavar="[HOST]", required=False)
@CLUSTER
def env(host: str | None, name: str | None) -> None:
    """Print the shell lines that point real XenStore clients at a simulated host.

    For instance `eval "$(domzero env host0)"`, then `xenstore-ls`. HOST can be left out if there is one.
    """
    hosts = asked(ask(name, "status", {}))["hosts"]
    known = ", ".join(str(each["name"]) for each in hosts)
    found = [each for each in hosts if host in {None, each["name"]}]
    if len(found) != 1:
        raise click.UsageError(f"{'name one of' if host is None else f'no host {host!r}; there are'} {known}")
    if found[0]["xenstore_socket"] is None:
        raise click.UsageError(f"{found[0]['name']} has no socket for tools")
    click.echo(f"export XENSTORED_PATH={shlex.quote(found[0]['xenstore_socket'])}")


@click.command(short_help="The domains, live, in the manner of `xentop`.")
@CLUSTER
@click.option(
    "-d",
    "--delay",
    type=click.FloatRange(0.05, 3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)
@click.option(
    "-i", "--iterations", type=click.IntRange(0), default=0, metavar="N", help="End after so many looks."
)
@click.option("-b", "--batch", is_flag=True, help="Text in the columns of `xentop -b`, as in a pipe.")
def top(name: str | None, delay: float, iterations: int, batch: bool) -> None:  # noqa: FBT001
    """Watch the domains of a running cluster, and its faults as they happen. `q` quits."""
    console = Console()

    def asked() -> ControlReply:
        return ask(name, "top", {})

    with contextlib.suppress(KeyboardInterrupt):
        if batch or not console.is_terminal:
            run_batch(asked, sys.stdout, delay, iterations)
        elif not run_view(asked, console, delay, iterations):
            click.echo(f"cluster {name!r} has ended" if name else "the cluster has ended", err=True)


@click.command(short_help="A domain's /proc/interrupts.")
@click.argument("target", metavar="HOST/DOMAIN")
@click.option(
    "--run",
    "directory",
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR",
    help="As it was at the end of this finished run.",
)
@CLUSTER
def interrupts(target: str, directory: Path | None, name: str | None) -> None:
    """Show the /proc/interrupts of a domain's kernel, for instance `host0/dom0` or `host0/web-0`."""
    if directory is not None:
        text = kept_interrupts(directory, target)
    else:
        text = asked(ask(name, "interrupts", {"target": target}))["text"]
    click.echo(text, nl=False)


@click.command(short_help="The metrics of a finished run, with times.")
@click.argument("directory", metavar="RUNDIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--openmetrics",
    is_flag=True,
    required=True,
    help="As text that `promtool tsdb create-blocks-from openmetrics` loads.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file instead of stdout."
)
def export(directory: Path, openmetrics: bool, output: Path | None) -> None:  # noqa: FBT001, ARG001 (the only form)
    """Print the metrics that a finished run kept, as OpenMetrics text with timestamps."""
    text = openmetrics_of(directory)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{output}: {error.strerror or error}") from error
