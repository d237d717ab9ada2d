"""The log of a guest that works with XenStore: who writes it, and who reads it."""

import pytest

from actors.notebook.store_log import StoreLog
from actors.notebook.store_log_reader import HEADER_WORDS, StoreLogError, StoreLogReader, StoreWord


def test_a_log_outlives_who_wrote_it(tmp_path) -> None:
    path = tmp_path / "web-0.store"
    written = StoreLog.create(path, 4)
    writer = StoreLog.open(path, writable=True)
    writer.acknowledge(2, writer.issue(2, 5), 12)

    for log in (written, StoreLogReader.open(path)):
        assert (log.nodes, log.word(StoreWord.ACKNOWLEDGED), log.word(StoreWord.LONGEST_WAIT_NS)) == (4, 1, 7)
    assert path.stat().st_size == (HEADER_WORDS + 8) * 8


@pytest.mark.parametrize("content", [b"", bytes(4096)])
def test_what_is_no_log_is_refused(tmp_path, content: bytes) -> None:
    path = tmp_path / "web-0.store"
    path.write_bytes(content)

    with pytest.raises(StoreLogError, match=r"web-0\.store"):
        StoreLogReader.open(path)
