"""The command `domzero`. Data goes to stdout, progress and logs to stderr.

Exit codes: 0 all held, 1 a check failed, 2 unknown, 254 bad arguments or configuration, 255 our own fault.
"""

import json
import sys
import traceback
from pathlib import Path
from typing import cast

import click
from rich.console import Console
from rich.table import Table

from cluster.bench import run_benchmarks
from cluster.config import ResolvedCluster, load_cluster
from cluster.config_errors import ConfigError
from cluster.conform import RecordingError, print_results
from cluster.conform_live import replay
from cluster.console_log import follow, log_path
from cluster.control import ControlReply, NotRunning, ask, wait_for_report
from cluster.progress import Progress
from cluster.session import CannotStart, Session, SessionOptions, start_detached

EXIT_USAGE = 254
EXIT_INTERNAL = 255
CLUSTER = click.option(
    "--cluster", "name", metavar="NAME", help="Which running cluster; needed when several run."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="domzero", prog_name="domzero")
def cli() -> None:
    """Simulate hosts built the Xen way, as real processes, and see what survives when they break.

    Start with `domzero run configs/quickstart.yaml`.
    """


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def validate(file: Path) -> None:
    """Check a configuration and say what it describes; nothing is started."""
    cluster = load_cluster(file)
    for host in cluster.hosts:
        click.echo(
            f"{host.name}: Xen {host.xen}, {len(host.guests)} guests, {len(host.disks)} disks, "
            f"hwdom {host.hwdom}, xenstore {host.xenstore}, reconnect {host.reconnect}"
        )
    for remark in cluster.remarks:
        click.echo(f"domzero: {remark}", err=True)
    click.echo(f"{file}: valid; {len(cluster.faults)} faults, seed {cluster.seed}")


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--driver",
    type=click.Choice(["live", "simulated"]),
    default="live",
    show_default=True,
    help="Real processes, or all machines on one heap in virtual time.",
)
@click.option("--seed", type=int, help="Instead of the configuration's seed.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run directory; must not hold anything."
)
@click.option("--json", "as_json", is_flag=True, help="Print run.json on stdout instead of the summary.")
@click.option(
    "--trace", is_flag=True, help="Write trace.log: every event and its effects (simulated driver)."
)
def run(  # noqa: PLR0917 (click passes options so)
    file: Path,
    driver: str,
    seed: int | None,
    out: Path | None,
    as_json: bool,  # noqa: FBT001
    trace: bool,  # noqa: FBT001
) -> int:
    """Run an experiment: start the cluster, inject its faults, verify every acknowledged write, stop."""
    cluster = _load(file, seed)
    options = SessionOptions(driver=driver, out=out, trace=trace)
    session = Session(cluster, options, Progress(Console(stderr=True)))
    report = session.run()
    if as_json:
        click.echo(report.to_json())
    else:
        report.print_summary(Console())
        click.echo(f"\nrun directory: {session.directory}", err=True)
    return report.exit_code


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-d", "--detach", is_flag=True, help="Go to the background once the guests work.")
@click.option("--seed", type=int, help="Instead of the configuration's seed.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Run directory; must not hold anything."
)
def up(file: Path, detach: bool, seed: int | None, out: Path | None) -> int:  # noqa: FBT001
    """Start a cluster and keep it running until `domzero down` (or Ctrl-C)."""
    cluster = _load(file, seed)
    options = SessionOptions(driver="live", out=out, endless=True)
    if detach:
        directory = start_detached(cluster, options)
        click.echo(f"{cluster.name} is up; run directory: {directory}")
        return 0
    session = Session(cluster, options, Progress(Console(stderr=True)))
    report = session.run()
    report.print_summary(Console())
    return report.exit_code


@cli.command()
@CLUSTER
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def status(name: str | None, as_json: bool) -> None:  # noqa: FBT001
    """What runs: hosts, domains, their processes."""
    values = _asked(ask(name, "status", {}))
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    for host in cast("list[dict[str, object]]", values["hosts"]):
        click.echo(f"{host['name']}: metrics {host['metrics_url']}")
        table = Table("domid", "name", "state", "pid", box=None)
        for domain in cast("list[dict[str, object]]", host["domains"]):
            table.add_row(*(str(domain[key]) for key in ("domid", "name", "state", "pid")))
        Console().print(table)


@cli.command("list")
@CLUSTER
def list_domains(name: str | None) -> None:
    """The domains of every host, in the columns of `xl list`."""
    values = _asked(ask(name, "list", {}))
    hosts = cast("list[dict[str, object]]", values["hosts"])
    for host in hosts:
        if len(hosts) > 1:
            click.echo(f"{host['name']}:")
        click.echo(f"{'Name':<40} {'ID':>5} {'Mem':>5} {'VCPUs':>5}\t{'State':<6}\t{'Time(s)':>7}")
        for row in cast("list[list[object]]", host["rows"]):
            each, domid, mem, vcpus, state, seconds = row
            click.echo(
                f"{each:<40} {domid:>5} {mem:>5} {vcpus:>5}\t{state:<6}\t{cast('float', seconds):>7.1f}"
            )


@cli.group()
def fault() -> None:
    """Break something in a running cluster."""


@fault.command("inject")
@click.argument("kind", type=click.Choice(["crash", "hang"]))
@click.argument("target", metavar="HOST/DOMAIN")
@CLUSTER
def fault_inject(kind: str, target: str, name: str | None) -> None:
    """Inject a fault now: `crash` is SIGKILL, `hang` is SIGSTOP. For instance `crash host0/dom0`."""
    values = _asked(ask(name, "fault", {"kind": kind, "target": target}))
    click.echo(values["text"])


@cli.command()
@CLUSTER
def down(name: str | None) -> int:
    """Stop a running cluster in an orderly way, verify it, and print the verdict."""
    directory = Path(cast("str", _asked(ask(name, "down", {}))["directory"]))
    report = wait_for_report(directory)
    click.echo(f"verdict: {report['verdict']}; {directory / 'run.json'}")
    return {"held": 0, "failed": 1}.get(str(report["verdict"]), 2)


@cli.command()
@click.argument("target", metavar="HOST/DOMAIN")
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
    """Show what a domain or device printed on its serial console, e.g. `domzero console host0/dom3 -f`."""
    if directory is None:
        directory = Path(cast("str", _asked(ask(name, "status", {}))["directory"]))
    path = log_path(directory, target)
    for line in follow(path, following=following):
        click.echo(line, nl=False)


@cli.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
@click.option("--driver", type=click.Choice(["live", "simulated"]), default="live", show_default=True)
@click.option("--only", metavar="PREFIX", default="", help="Only cases whose name begins so, e.g. `evtchn/`.")
def conform(files: tuple[Path, ...], driver: str, only: str) -> int:
    """Replay recordings of a real Xen against a freshly booted host; print each step that differs."""
    return print_results(replay(list(files), driver, only))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON on stdout.")
@click.option(
    "--only", metavar="PREFIX", default="", help="Only benchmarks whose name begins so, e.g. `vbd.`."
)
@click.option("--repeats", type=click.IntRange(1, 100), default=5, show_default=True)
def bench(as_json: bool, only: str, repeats: int) -> None:  # noqa: FBT001
    """Measure: hypercalls, events, block I/O, boot and recovery, with a floor beside each figure."""
    results = run_benchmarks(only=only, repeats=repeats, console=Console(stderr=True))
    if as_json:
        click.echo(json.dumps(results.to_dict(), indent=2))
    else:
        results.print_table(Console())


def _load(file: Path, seed: int | None) -> ResolvedCluster:
    cluster = load_cluster(file)
    return cluster if seed is None else cluster.with_seed(seed)


def _asked(reply: ControlReply) -> dict[str, object]:
    if reply.error:
        raise NotRunning(reply.error)
    return reply.values


def main() -> None:
    """The console script: run the command line and exit with its code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_USAGE)
    except (ConfigError, CannotStart, NotRunning, RecordingError) as error:
        click.echo(f"domzero: {error}", err=True)
        sys.exit(EXIT_USAGE)
    except Exception:  # noqa: BLE001 (the one boundary of the process: our own fault)
        traceback.print_exc()
        sys.exit(EXIT_INTERNAL)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
