"""console_io: the domain that has the console writes to it.

Rules: a release build: every command is -EPERM for a domain that is neither dom0 nor privileged.
Source: xen/drivers/char/console.c (do_console_io).
Left out: reading; what is typed goes to the domain's own console.
"""

from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Consoleio
from actors.hypervisor.arguments import Arguments, Result, number
from actors.hypervisor.call import Call, Commands
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.outbox import SUPERVISOR
from actors.messages import ConsoleOutput

MAX_WRITE: Final = 4096


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
        """CONSOLEIO_write of `buf`, text or bytes; `count` may say how much of it."""
        check_control(caller)
        text = arguments.get("buf", "")
        if type(text) is bytes:
            text = text.decode("utf-8", "replace")
        if type(text) is not str:
            raise XenError(Errno.EFAULT, "buf is no text")
        count = number(arguments, "count") if "count" in arguments else len(text)
        if not 0 <= count <= MAX_WRITE:
            raise XenError(Errno.EINVAL, f"{count} bytes")
        if text[:count]:
            self._outbox.send(SUPERVISOR, ConsoleOutput(caller.domid, text[:count]))
            self._outbox.ring.write(text[:count])
        return 0

    def read(self, caller: Domain, _arguments: Arguments) -> Result:
        """CONSOLEIO_read: nothing was typed."""
        check_control(caller)
        return 0


def _unknown(caller: Domain, _arguments: Arguments) -> Result:
    check_control(caller)
    raise XenError(Errno.ENOSYS)
