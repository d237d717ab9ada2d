"""What is written for programs is what its JSON Schema says, field by field, and so is the documentation."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator, ValidationError

from cluster.command.cli import cli
from cluster.lab.documents.json_schemas import DOCUMENTS, json_schema
from cluster.lab.verdict.report import SCHEMA as RUN_SCHEMA
from cluster.lab.verdict.talk_result import talks_words
from tests.cluster.studies.curve.test_curve import TEXT as CURVE
from tests.cluster.studies.matrix.conftest import TEXT as MATRIX

ROOT = Path(__file__).parents[4]
TITLES = {
    "run": "`run.json`",
    "timeline": "`timeline.json`",
    "sweep": "Results of a sweep",
    "matrix": "`matrix.json`",
    "curve": "`curve.json`",
}
SCENARIO = "configs/scenarios/two-crashes.yaml"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Files of each kind, as the product writes them; of networks and disks, of what held and what failed."""
    folder = tmp_path_factory.mktemp("written")
    for name, text in (("matrix", MATRIX), ("curve", CURVE)):
        (folder / f"{name}.yaml").write_text(text)
    network = (ROOT / "configs/network-driver-domain.yaml").read_text()
    (folder / "network.yaml").write_text(network)

    def domzero(*words: object) -> None:
        result = CliRunner().invoke(cli, [str(each) for each in words], standalone_mode=False)
        assert result.exception is None, (words, result.output, result.exception)

    for name, path in (("disks", ROOT / "configs/driver-domain.yaml"), ("network", folder / "network.yaml")):
        domzero("run", path, "--driver", "simulated", "--out", folder / name)
    domzero("scenario", "run", ROOT / SCENARIO, "--out", folder / "failing")
    domzero(
        "sweep", ROOT / "configs/campaign.yaml", "--seeds", "0:3", "--jobs", 1, "--out", folder / "s.jsonl"
    )
    domzero("matrix", folder / "matrix.yaml", "--jobs", 1, "--out", folder / "m")
    domzero("curve", folder / "curve.yaml", "--jobs", 1, "--out", folder / "c")
    runs = [folder / each for each in ("disks", "network", "failing")]
    return {
        "run": [json.loads((each / "run.json").read_text()) for each in runs],
        "timeline": [json.loads((each / "timeline.json").read_text()) for each in runs],
        "sweep": [json.loads(each) for each in (folder / "s.jsonl").read_text().splitlines()],
        "matrix": [json.loads((folder / "m/matrix.json").read_text())],
        "curve": [json.loads((folder / "c/curve.json").read_text())],
    }


def closed(schema: Any) -> Any:
    """A schema that takes no field that it does not name."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(each) for key, each in schema.items()}
    return {**inner, "additionalProperties": False} if "properties" in schema else inner


def fields(
    schema: dict[str, Any], part: dict[str, Any], path: str = "", text: str = ""
) -> Iterator[tuple[str, str]]:
    """Every field, as docs/run-json.md writes it, with its description."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    choices = [each for each in part.get("anyOf", []) if each.get("type") != "null"]
    if choices:
        for each in choices:
            yield from fields(schema, each, path, text)
    elif "properties" in part:
        for key, each in part["properties"].items():
            inner = each.get("description", "")
            yield from fields(schema, each, f"{path}.{key}" if path else key, inner)
    elif part.get("type") == "array" and ("$ref" in part["items"] or "properties" in part["items"]):
        yield from fields(schema, part["items"], f"{path}[]")
    else:
        yield path, text


def described(title: str) -> dict[str, str]:
    """The text of each field in the tables below a title of docs/run-json.md, without its links."""
    page = (ROOT / "docs/run-json.md").read_text()
    (body,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    found = {}
    for part in re.split(r"^### ", body, flags=re.M):
        match = re.match(r"`(\w+\[\])`", part)
        for field, text in re.findall(r"^\| `([\w.\[\]]+)` \| (.*?) ?\|$", part, re.M):
            found[f"{match[1]}.{field}" if match else field] = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_written_is_what_the_schema_says(name: str, written) -> None:
    schema = closed(json_schema(name))
    Draft202012Validator.check_schema(schema)
    for each in written[name]:
        Draft202012Validator(schema).validate(each)


def test_a_run_of_which_no_talk_could_be_read_is_what_the_schema_says(written) -> None:
    document = {**written["run"][0], "talks": talks_words(None)}
    Draft202012Validator(closed(json_schema("run"))).validate(document)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_field_is_missed_and_every_other_one_found(name: str, written) -> None:
    validator = Draft202012Validator(closed(json_schema(name)))
    document = written[name][-1]
    for key in document.keys() - {"links", "recoveries_ns"}:
        with pytest.raises(ValidationError):
            validator.validate({other: value for other, value in document.items() if other != key})
    changed = {**copy.deepcopy(document), "more": 1}
    with pytest.raises(ValidationError):
        validator.validate(changed)
    assert not list(Draft202012Validator(json_schema(name)).iter_errors(changed)), "fields may be added"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_and_the_documentation_say_the_same_of_every_field(name: str) -> None:
    schema = json_schema(name)
    found = dict(fields(schema, schema))
    if name == "matrix":
        assert found["live[].agrees"]
        found = {field: text for field, text in found.items() if not field.startswith("live[]")}
    assert found == described(TITLES[name])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_published_is_what_is_printed(name: str) -> None:
    published = (ROOT / f"docs/schemas/{name}.schema.json").read_text()
    printed = CliRunner().invoke(cli, ["schema", name]).output
    assert printed == published, "make schemas writes it"


def test_the_published_schemas_are_listed() -> None:
    assert CliRunner().invoke(cli, ["schema"]).output.split() == list(DOCUMENTS)
    assert {each.name for each in (ROOT / "docs/schemas").iterdir()} == {
        f"{name}.schema.json" for name in DOCUMENTS
    }
    assert json_schema("run")["properties"]["schema"]["const"] == RUN_SCHEMA
