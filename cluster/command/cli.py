"""The command `domzero`. Data goes to stdout, progress and logs to stderr.

Exit codes: 0 all held, 1 a check failed, 2 unknown, 254 bad arguments or configuration, 255 our own fault.
"""

import contextlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from actors.address import Address
from cluster.command.report import report
from cluster.command.schema import schema
from cluster.lab.config.errors import ConfigError, did_you_mean
from cluster.lab.config.hardware import HARDWARE_KINDS
from cluster.lab.config.loading import load_cluster
from cluster.lab.config.quantities import counted
from cluster.lab.config.resolved import ResolvedCluster, ResolvedHost
from cluster.lab.exit_codes import INTERNAL, UNKNOWN, USAGE
from cluster.lab.faults.kinds import FAULT_KINDS, OPTIONS
from cluster.lab.faults.option import Factor, Names, Time
from cluster.lab.terminal.data_console import DataConsole, say, whoever_reads
from cluster.lab.verdict.check import Verdict
from cluster.lab.verdict.summary import print_summary
from cluster.running.control.client import NotRunning, ask, wait_for_report
from cluster.running.control.preflight import CannotStart
from cluster.running.control.runtime_directory import RuntimeDirectoryError
from cluster.running.drivers.console_log import follow, log_path
from cluster.running.metrics.monitor import Monitor, MonitorEndedError, until_interrupted
from cluster.running.outside.commands import capture, forward, stream
from cluster.running.run.commands import rerun, runs, verify
from cluster.running.run.progress import Progress, ProgressConsole
from cluster.running.run.run_capture import CapturePlace
from cluster.running.run.session import Session, SessionOptions
from cluster.running.run.shown_report import AS_JSON, OUT, run_and_show
from cluster.running.run.up import up
from cluster.running.top.kept_interrupts import kept_addresses
from cluster.running.top.watch_commands import (
    CLUSTER,
    asked,
    env,
    export,
    interrupts,
    list_domains,
    status,
    top,
)
from cluster.studies.bench.commands import bench, slopes
from cluster.studies.campaign.commands import add_commands
from cluster.studies.conformance.conform_live import replay
from cluster.studies.conformance.recording import RecordingError
from cluster.studies.conformance.results import print_results
from cluster.studies.curve.commands import curve
from cluster.studies.matrix.commands import matrix
from cluster.studies.scenarios.commands import scenario

SEED = click.IntRange(0, (1 << 64) - 1)
_REFUSALS = (
    *(ConfigError, CannotStart, RuntimeDirectoryError),
    *(NotRunning, RecordingError, MonitorEndedError),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="domzero", prog_name="domzero")
def cli() -> None:
    """Simulate hosts built the Xen way, as real processes, and see what survives when they break.

    Start with `domzero run configs/quickstart.yaml`.
    """


@cli.command(short_help="Check a configuration; start nothing.")
@click.argument("file", type=click.Path(path_type=Path))
def validate(file: Path) -> None:
    """Check a configuration and say what it describes; nothing is started."""
    cluster = load_cluster(file)
    for host in cluster.hosts:
        click.echo(
            f"{host.name}: Xen {host.xen}, {counted(len(host.guests), 'guest')}, "
            f"{_hardware(host)}, {_drivers(host)}{host.architecture.policies}"
            f"{', links direct' if host.links.are_direct else ''}"
        )
    for remark in cluster.remarks:
        click.echo(f"domzero: {remark}", err=True)
    click.echo(f"{file}: valid; {counted(len(cluster.faults), 'fault')}, seed {cluster.seed}")


@cli.command(short_help="Run an experiment from start to verdict.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--driver",
    type=click.Choice(["live", "simulated"]),
    default="live",
    show_default=True,
    help="Real processes, or all machines on one heap in virtual time.",
)
@click.option("--seed", type=SEED, metavar="N", help="Instead of the configuration's seed; 0 or more.")
@OUT
@AS_JSON
@click.option(
    "--trace",
    is_flag=True,
    help="Write trace.json for Perfetto (simulated driver: and trace.log, every event and its effects).",
)
@click.option(
    "--capture",
    is_flag=False,
    flag_value="",
    metavar="[FILE|DIR/]",
    help="Write all packets as pcapng: into the run directory, FILE, or a file for each interface in DIR.",
)
def run(  # noqa: PLR0917 (click passes options so)
    file: Path,
    driver: str,
    seed: int | None,
    out: Path | None,
    as_json: bool,  # noqa: FBT001
    trace: bool,  # noqa: FBT001
    capture: str | None,
) -> int:
    """Run an experiment: start the cluster, inject its faults, verify every acknowledged write, stop."""
    cluster = _load(file, seed)
    place = None if capture is None else CapturePlace.of(capture)
    options = SessionOptions(driver=driver, out=out, trace=trace, capture=place)
    session = Session(cluster, options, Progress(ProgressConsole()))
    return run_and_show(session, as_json=as_json)


def _known_kind(_: click.Context, __: click.Parameter, value: str) -> str:
    if value not in FAULT_KINDS:
        raise click.UsageError(f"no fault {value!r}; {did_you_mean(value, list(FAULT_KINDS))}")
    return value


def _options_of_kinds(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each of the kinds' own, in their order."""
    for each in reversed(OPTIONS.values()):
        kinds = ", ".join(kind.name for kind in FAULT_KINDS.values() if each in kind.options)
        flag, text = f"--{each.flag or each.name}", f"{kinds}: {each.help}."
        match each.takes:
            case Time():
                option = click.option(flag, each.name, metavar="TIME", help=text)
            case Factor():
                option = click.option(flag, each.name, type=float, metavar="F", help=text)
            case Names():
                option = click.option(flag, each.name, multiple=True, metavar="NAME", help=text)
        command = option(command)
    return command


@cli.group()
def fault() -> None:
    """Break something in a running cluster."""


@fault.command("inject", short_help="Do a fault to a running cluster.")
@click.argument("kind", callback=_known_kind, metavar="KIND")
@click.argument("target")
@click.option("--duration", metavar="TIME", help="How long it lasts, as 500ms.")
@click.option("--probability", type=float, metavar="P", help="That it strikes, above 0 up to 1.")
@click.option("--select", metavar="HOW", help="Of several targets: one, all, fixed:N or random:N.")
@click.option("--seed", type=SEED, metavar="N", help="What is drawn follows from it.")
@_options_of_kinds
@CLUSTER
def fault_inject(kind: str, target: str, name: str | None, select: str | None, **options: object) -> None:
    """Do a fault to a running cluster now; `domzero fault list` names the kinds and what they take.

    For instance `domzero fault inject crash host0/dom0`, `inject disk-stall host0/sda --duration 500ms`, or
    `inject link-drop host0/hypervisor:web-0 --probability 0.1 --message Upcall`.
    """
    words = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}
    words = {key: value for key, value in words.items() if value not in (None, [])}
    if select is not None:
        words["select"] = _selection(select)
    values = asked(ask(name, "fault", {"kind": kind, "target": target, **words}))
    click.echo(values["text"])


@fault.command("list", short_help="The kinds of faults.")
def fault_list() -> None:
    """The kinds of faults: what each is done to, what it does, its options, and the drivers that can."""
    width = max(len(each) for each in FAULT_KINDS)
    with whoever_reads():
        for each in FAULT_KINDS.values():
            click.echo(f"{each.name:<{width}}  {each.does}")
            options = [*(["duration"] if each.lasts else []), *each.option_names]
            takes = f"; options: {', '.join(options)}" if options else ""
            click.echo(f"{'':<{width}}  of {each.aim.value}{takes}")
            click.echo(f"{'':<{width}}  drivers: live, simulated (live: {each.act.live})")


@cli.command(short_help="Stop a cluster and print its verdict.")
@CLUSTER
def down(name: str | None) -> int:
    """Stop a running cluster in an orderly way, verify it, print the summary; exit as `run` does."""
    values = asked(ask(name, "down", {}))
    directory = Path(values["directory"])
    report = wait_for_report(directory, values["pid"])
    with whoever_reads():
        print_summary(DataConsole(), report)
    say(f"run directory: {directory}")
    return Verdict(report["verdict"]).exit_code


@cli.command(short_help="What a domain printed on its serial console.")
@click.argument("target", metavar="TARGET")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on as lines come.")
@click.option(
    "--run",
    "directory",
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR",
    help="Of this run directory instead of a running cluster.",
)
@CLUSTER
def console(target: str, following: bool, directory: Path | None, name: str | None) -> None:  # noqa: FBT001
    """Show what a domain or device printed on its serial console.

    TARGET is HOST/domN, HOST/DOMAIN by its name, or HOST/DEVICE, for instance `host0/dom3`, `host0/web-0`,
    `host0/sda`, `host0/hypervisor`.
    """
    if directory is None:
        values = asked(ask(name, "status", {}))
        directory, names = Path(values["directory"]), _by_name(values)
    else:
        names = kept_addresses(directory)
    path = log_path(directory, target, names)
    with whoever_reads(), contextlib.suppress(KeyboardInterrupt):
        for line in follow(path, following=following, reader=sys.stdout):
            click.echo(line, nl=False)


@cli.command(short_help="Replay recordings of a real Xen.")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--driver",
    type=click.Choice(["live", "simulated"]),
    default="live",
    show_default=True,
    help="The hypervisor in a process of its own, or its machine alone.",
)
@click.option("--only", metavar="PREFIX", default="", help="Only cases whose name begins so, e.g. `evtchn/`.")
def conform(files: tuple[Path, ...], driver: str, only: str) -> int:
    """Replay recordings of a real Xen, each case on a freshly booted host, and print what differs.

    A FILE has one case a line, in JSON: hypercalls and what they returned. docs/conformance.md describes it
    and says how to record one; `domzero conform configs/recording.jsonl` shows how it works.

    Differences are printed as a diff: `-` is what Xen answered, `+` what was answered here. Exit codes: 0 all
    is as recorded, 1 something differs, 254 a FILE is no recording.
    """
    return print_results(replay(list(files), driver, only))


@cli.command(short_help="Prometheus and Grafana for a cluster, as installed here.")
@click.argument("file", type=click.Path(path_type=Path))
def monitor(file: Path) -> None:
    """Start the installed Prometheus (and Grafana, if there is one) for the cluster that FILE describes.

    Both listen on free ports of 127.0.0.1, which are printed, and end with Ctrl-C. The cluster is started
    and stopped beside them, as often as one likes: `domzero up FILE`, `domzero run FILE`.
    """
    cluster = load_cluster(file)
    with until_interrupted() as wait:
        Monitor(cluster, click.echo).run(wait)


for _command in (
    up,
    status,
    list_domains,
    top,
    interrupts,
    forward,
    capture,
    stream,
    env,
    export,
    verify,
    rerun,
    report,
    schema,
    runs,
    bench,
    slopes,
    matrix,
    curve,
    scenario,
):
    cli.add_command(_command)
add_commands(cli)


def _load(file: Path, seed: int | None) -> ResolvedCluster:
    cluster = load_cluster(file)
    return cluster if seed is None else cluster.with_seed(seed)


def _by_name(values: dict[str, Any]) -> dict[str, str]:
    """The addresses, by which logs are called, of domains by HOST/NAME."""
    return {
        str(Address(host["name"], domain["name"])): str(Address.domain(host["name"], domain["domid"]))
        for host in values["hosts"]
        for domain in host["domains"]
    }


def _selection(text: str) -> object:
    """`fixed:2` as the configuration has it: {fixed: 2}; the rest as it is, to be judged there."""
    how, colon, count = text.partition(":")
    return {how: int(count)} if colon and count.isdecimal() else text


def _hardware(host: ResolvedHost) -> str:
    return ", ".join(counted(len(host.hardware_of(program)), program) for program in HARDWARE_KINDS)


def _drivers(host: ResolvedHost) -> str:
    served = (f"{name} drives {' and '.join(host.driven_by(name))}, " for name in host.drivers)
    return "".join(served)


def _usage_text(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f" See `{context.command_path} --help`." if context is not None else ""
    text = error.format_message()
    stop = "" if text.endswith((".", "?")) or not hint else "."
    return f"{text}{stop}{hint}"


def main() -> None:
    """The console script: run the command line and exit with its code."""
    code: object = 0
    try:
        with whoever_reads():
            code = cli.main(prog_name="domzero", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = UNKNOWN
    except click.ClickException as error:
        say(f"domzero: {_usage_text(error)}")
        code = USAGE
    except _REFUSALS as error:
        say(f"domzero: {error}")
        code = USAGE
    except Exception:  # noqa: BLE001 (the one boundary of the process: our own fault)
        traceback.print_exc()
        code = INTERNAL
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
