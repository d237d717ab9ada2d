"""The command `domzero schema`: JSON Schemas of the files that programs read."""

import json

import click

from cluster.lab.documents.json_schemas import DOCUMENTS, json_schema
from cluster.lab.terminal.data_console import whoever_reads


@click.command(short_help="JSON Schemas of what is written for programs.")
@click.argument("name", required=False, type=click.Choice(list(DOCUMENTS)))
def schema(name: str | None) -> None:
    """Print the JSON Schema (draft 2020-12) of a file, as run for run.json; without a name, which there are.

    That of sweep is of each line of the results of a sweep.
    """
    with whoever_reads():
        if name is None:
            click.echo("\n".join(DOCUMENTS))
        else:
            click.echo(json.dumps(json_schema(name), indent=2))
