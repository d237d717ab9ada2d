"""Commands are found in pages, and what they leave open gets values."""

from tests.cluster.written_commands import commands_of, filled, variants


def test_commands_are_found_wherever_they_stand() -> None:
    page = """\
Say `domzero validate FILE` or `make
demo`, and `domzero up FILE [-d]`, but `xl list` is none.

    $ .venv/bin/domzero top    # a comment
    output of it
    eval "$(domzero env host0)"
    sbatch --wrap 'domzero sweep c.yaml --out $ID.jsonl'

```
domzero export RUNDIR > run.om
```
| `domzero run FILE [--driver live\\|simulated]` | in a table |
"""
    assert list(commands_of(page)) == [
        (".venv/bin/domzero top    # a comment", True),
        ("domzero env host0", True),
        ("domzero sweep c.yaml --out $ID.jsonl", True),
        ("domzero export RUNDIR > run.om", True),
        ("domzero validate FILE", False),
        ("make demo", False),
        ("domzero up FILE [-d]", False),
        ("domzero run FILE [--driver live|simulated]", False),
    ]
    assert variants("domzero run FILE [--driver live|simulated]") == [
        ("domzero", "run", "FILE"),
        ("domzero", "run", "FILE", "--driver", "live"),
        ("domzero", "run", "FILE", "--driver", "simulated"),
    ]
    assert variants("domzero export RUNDIR > run.om # comment") == [("domzero", "export", "RUNDIR")]
    assert filled(("console", "HOST/DOMAIN", "$ID/16")) == ("console", "host0/web-0", "1/16")
