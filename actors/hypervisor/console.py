"""console_io: the domain that has the console writes to it and reads what was typed.

Rules: a release build: every command is -EPERM for a domain that is neither dom0 nor privileged.
Source: xen/drivers/char/console.c (do_console_io, guest_console_write).
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Consoleio
from actors.hypervisor.arguments import Arguments, Result, number, number_or
from actors.hypervisor.call import Call, Commands
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.outbox import SUPERVISOR
from actors.messages import ConsoleOutput

INT_MAX: Final = 0x7FFFFFFF
CHUNK: Final = 4096


class Console:
    """The commands of console_io."""

    def __init__(self, host: Host) -> None:
        self._outbox = host.outbox

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {Consoleio.write: self.write, Consoleio.read: self.read}

    def unknown(self) -> Call:
        """A command that is not in the table."""
        return Call(_unknown, "console_io.unknown")

    def write(self, caller: Domain, arguments: Arguments) -> Result:
        """CONSOLEIO_write of `buf`, text or bytes; `count` may say how much of it. EFAULT beyond its end."""
        check_control(caller)
        text = arguments.get("buf", "")
        if type(text) is bytes:
            text = text.decode("utf-8", "replace")
        if type(text) is not str:
            raise XenError(Errno.EFAULT, "buf is no text")
        count = number_or(arguments, "count", len(text))
        if not 0 <= count <= len(text):
            raise XenError(Errno.EFAULT, f"{count} bytes of {len(text)}")
        for start in range(0, count, CHUNK):
            self._outbox.send(
                SUPERVISOR, ConsoleOutput(caller.domid, text[start : min(start + CHUNK, count)])
            )
        return 0

    def read(self, caller: Domain, arguments: Arguments) -> Result:
        """CONSOLEIO_read of at most `count` bytes: how many there were, and `buf`. E2BIG."""
        check_control(caller)
        count = number(arguments, "count")
        if not 0 <= count <= INT_MAX:
            raise XenError(Errno.E2BIG, f"{count} bytes")
        data = self._outbox.ring.take_typed(count)
        return len(data), {"buf": data}


def _unknown(caller: Domain, _arguments: Arguments) -> Result:
    check_control(caller)
    raise XenError(Errno.ENOSYS)
