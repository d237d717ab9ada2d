from actors.domu.known_blocks import KnownBlocks
from actors.notebook.stamp import stamp_block


def known_block(block: int = 3) -> tuple[KnownBlocks, bytes]:
    known = KnownBlocks((7, 51712), 8)
    content = known.overwrite(block, 1, 99)
    known.written(block, 1, 99)
    return known, content


def test_a_write_carries_the_stamps_of_its_guest_and_place() -> None:
    known, content = known_block(3)
    assert content == stamp_block(7, 51712, 24, 8, 1, 99)
    assert known.agrees(3, content) is True
    assert known.agrees(3, memoryview(content)) is True


def test_nothing_is_known_of_a_block_that_nobody_wrote() -> None:
    known, content = known_block(3)
    assert known.agrees(2, content) is None


def test_a_block_that_holds_something_else_does_not_agree() -> None:
    known, content = known_block()
    for wrong in (bytes(4096), content[:-1] + b"?", stamp_block(7, 51712, 24, 8, 2, 99)):
        assert known.agrees(3, wrong) is False


def test_from_a_write_to_its_answer_a_block_is_not_known() -> None:
    known, old = known_block()
    new = known.overwrite(3, 2, 100)
    assert known.agrees(3, old) is known.agrees(3, new) is None

    known.written(3, 2, 100)
    assert (known.agrees(3, old), known.agrees(3, new)) == (False, True)
