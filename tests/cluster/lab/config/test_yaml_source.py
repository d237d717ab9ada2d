"""What is no configuration at all."""

from pathlib import Path

import pytest

from cluster.lab.config.errors import ConfigError
from cluster.lab.config.loading import load_cluster


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "test.yaml:1: the file is not a map; begin with name: quickstart"),
        (b"- a\n- b\n", "test.yaml:1: the file is not a map; begin with name: quickstart"),
        (b"name: [\n", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"name: \x00\n", "not YAML"),
        (b"1: 2\n", "1 is no key; keys are text: write it in quotes"),
        (b"a: &a [*a]\n", "test.yaml:1: unknown key 'a'"),
        (b"a: " + b"[" * 5000, "test.yaml:1: brackets are nested too deeply; close them"),
        (b"a:\n" + b" [\n" * 100, "not YAML"),
        (b"a: " + b"x" * (1 << 20), "the file is too large; a configuration has at most 1MiB"),
        (b"name: !!python/object/apply:os.system [id]\n", "name: ['id'] does not fit here; text is wanted"),
    ],
)
def test_what_is_no_configuration_at_all_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "test.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_cluster(path)

    assert said in str(caught.value)


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    path.write_text("\n".join(["a0: &a0 [x]", *levels]))

    with pytest.raises(ConfigError, match="too large or too deep"):
        load_cluster(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or directory; name a file that can be read"):
        load_cluster(tmp_path / "none.yaml")


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        load_cluster(tmp_path)
