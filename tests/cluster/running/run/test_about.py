import json
from pathlib import Path

import pytest

from cluster.running.run.about import About, ImageState
from cluster.running.run.kept_values import KeptError


def about() -> About:
    return About("x", "live", endless=False, trace=False, seed=1, configuration=[])


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = about()
    written.enter("boot", 0.0)
    written.end([tmp_path / "none"])
    (tmp_path / "about.json").write_text(written.text())

    assert About.read(tmp_path) == written


@pytest.mark.parametrize("key", ["machine", "dependencies", "began", "source_sha256"])
def test_what_it_lacks_is_not_made_up(tmp_path: Path, key: str) -> None:
    data = json.loads(about().text())
    del data[key]
    (tmp_path / "about.json").write_text(json.dumps(data))

    with pytest.raises(KeptError, match=f"not written by this version of Domzero: it lacks {key}"):
        About.read(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "1"),
        ("images", [{}]),
        ("images", 1),
        ("began", "yesterday"),
        ("configuration", {}),
        ("more", 1),
    ],
)
def test_a_value_that_it_cannot_have_is_refused(tmp_path: Path, key: str, value: object) -> None:
    (tmp_path / "about.json").write_text(json.dumps({**json.loads(about().text()), key: value}))

    with pytest.raises(KeptError, match="not written by this version of Domzero"):
        About.read(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"name": 1}'])
def test_what_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "about.json").write_text(text)

    with pytest.raises(KeptError, match="not written by this version"):
        About.read(tmp_path)


def test_an_image_shows_that_somebody_has_written_to_it(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    gone = ImageState.now(image)
    image.write_bytes(bytes(512))
    there = ImageState.now(image)
    image.write_bytes(bytes(1024))

    assert (gone.bytes, there.bytes) == (None, 512)
    assert ImageState.now(image) != there
