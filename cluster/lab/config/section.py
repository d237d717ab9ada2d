"""A section of a file that stands beside a configuration: read by itself, and taken out of it.

Rules: what is wrong in it is found as in a configuration, with its line. It may change places of the
configuration (`places.py`).
"""

from typing import Annotated, Any, TypeVar, cast

from pydantic import StringConstraints, ValidationError, create_model

from cluster.lab.config.errors import ConfigError, Finding
from cluster.lab.config.findings import findings_of
from cluster.lab.config.places import NoPlaceError, put_at
from cluster.lab.config.strict import Strict
from cluster.lab.config.yaml_source import Where, YamlSource

S = TypeVar("S", bound=Strict)
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\n]+$")]
Changes = dict[str, Any]
"""Places of a configuration, and what is to be there."""


def without_section(source: YamlSource, key: str, wrong: str, right: str) -> YamlSource:
    """The configuration that is left. ConfigError, which says `wrong` and `right`, if there is no section."""
    if key not in source.tree:
        raise ConfigError([Finding(source.path, 1, wrong, f"write {right}")])
    return source.changed({name: value for name, value in source.tree.items() if name != key})


def section_of(source: YamlSource, key: str, section: type[S]) -> S:
    """What a section that is there says. ConfigError."""
    keys: dict[str, Any] = {key: (section, ...)}
    file = create_model("FileSchema", __base__=Strict, **keys)
    try:
        return cast("S", getattr(file.model_validate({key: source.tree[key]}), key))
    except ValidationError as error:
        raise ConfigError(findings_of(error, source, file)) from error


def change(tree: dict[str, Any], changes: Changes, source: YamlSource, where: Where) -> None:
    """Do changes that stand at `where` of a file to data of one's own. ConfigError."""
    for place, value in changes.items():
        try:
            put_at(tree, place, value)
        except NoPlaceError as error:
            raise ConfigError([source.finding((*where, place), f"{place}: {error}")]) from error
