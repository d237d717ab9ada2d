import os
import subprocess
import sys
from pathlib import Path

import pytest

from actors.devices.file_image import FileImage
from actors.devices.image import Image, ImageError, MemoryImage

SIZE = 64 * 1024


@pytest.fixture(params=["memory", "file"])
def image(request, tmp_path) -> Image:
    if request.param == "memory":
        yield MemoryImage(SIZE)
        return
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(SIZE))
    opened = FileImage(str(path), read_only=False, sync=True)
    yield opened
    opened.close()


def read(image: Image, offset: int, *lengths: int) -> list[bytes]:
    buffers = [memoryview(bytearray(length)) for length in lengths]
    count = image.read(offset, buffers)
    joined = b"".join(bytes(buffer) for buffer in buffers)[:count]
    assert len(joined) == count
    return [bytes(buffer) for buffer in buffers]


def test_an_image_reads_zero_where_nothing_was_written(image):
    assert read(image, 512, 1024) == [bytes(1024)]


def test_an_image_gives_back_what_was_written_in_any_cut(image):
    data = os.urandom(3 * 4096)
    assert image.write(3584, [data[:512], memoryview(data)[512:5120], data[5120:]]) == len(data)
    image.sync()
    assert b"".join(read(image, 3584, 4096, 512, 7680)) == data
    assert read(image, 0, 3584) == [bytes(3584)]
    assert read(image, 3584 + len(data), 512) == [bytes(512)]


def test_reading_past_the_end_is_short(image):
    buffer = memoryview(bytearray(1024))
    assert image.size_bytes == SIZE
    assert image.read(SIZE - 512, [buffer]) == 512
    assert image.read(SIZE + 512, [buffer]) == 0


def test_a_memory_image_does_not_grow():
    image = MemoryImage(SIZE)
    assert image.write(SIZE - 512, [bytes(1024)]) == 512
    assert image.content(SIZE - 512, 512) == bytes(512)


@pytest.fixture
def path(tmp_path) -> str:
    file = tmp_path / "disk.img"
    file.write_bytes(bytes(SIZE))
    return str(file)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [(False, False, True), (False, True, True), (True, False, True), (True, True, False)],
)
def test_only_readers_may_share_an_image(path, first, second, refused):
    holder = FileImage(path, read_only=first)
    if refused:
        with pytest.raises(ImageError, match=r"disk\.img: in use"):
            FileImage(path, read_only=second)
    else:
        FileImage(path, read_only=second).close()
    holder.close()
    holder.close()
    FileImage(path, read_only=second).close()


@pytest.mark.processes
def test_the_lock_goes_with_the_process_that_held_it(path):
    program = (
        "import sys; from actors.devices.file_image import FileImage; "
        "image = FileImage(sys.argv[1], read_only=False); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(ImageError, match="locked"):
            FileImage(path, read_only=False)
        holder.kill()
    FileImage(path, read_only=False).close()


def test_a_read_only_image_cannot_be_written(path):
    image = FileImage(path, read_only=True)
    with pytest.raises(OSError, match="Bad file descriptor"):
        image.write(0, [bytes(512)])
    image.close()


def test_a_missing_image_and_a_folder_are_refused_by_name(tmp_path):
    with pytest.raises(ImageError, match=r"nothing\.img: No such file"):
        FileImage(str(tmp_path / "nothing.img"), read_only=True)
    with pytest.raises(ImageError, match="neither a regular file nor a block device"):
        FileImage(str(tmp_path), read_only=True)


def test_a_refused_image_leaves_no_open_file(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ImageError):
        FileImage(str(tmp_path), read_only=True)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
