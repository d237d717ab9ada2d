"""tmem_op: arguments and rights of each command; the rules are in `tmem.py`.

Rules: a pool is looked for (-ENODEV) before the command. `cmfn` is a gfn of the caller's own, `oid`
three numbers. control and auth are for the control domain, as they were until 4.6.
Source: xen/common/tmem.c (do_tmem_op) of RELEASE-4.12.0, xen/common/tmem.c (do_tmem_control) of 4.0.0.
"""

from collections.abc import Callable
from typing import Final

from actors.abi.errno import Errno, XenError
from actors.abi.hypercalls import Tmemop
from actors.hypervisor.arguments import Arguments, Result, number, number_or, rows
from actors.hypervisor.call import Commands, Method
from actors.hypervisor.domains import Domain, check_control
from actors.hypervisor.host import Host
from actors.hypervisor.tmem import MAX_POOLS, Client, Oid, Pool, Uuid

POOL_PERSIST: Final = 1
POOL_SHARED: Final = 2
POOL_PRECOMPRESSED: Final = 4
POOL_PAGESIZE_SHIFT: Final = 4
POOL_PAGESIZE_MASK: Final = 0xF
POOL_VERSION_SHIFT: Final = 24
POOL_VERSION_MASK: Final = 0xFF
POOL_RESERVED_BITS: Final = 0x00FFFF00
SPEC_VERSION: Final = 1
NO_UUID: Final = (0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
THAW, FREEZE, FLUSH = 0, 1, 2
QUERY_FREEABLE_MB: Final = 8
ALL_CLIENTS: Final = 0xFFFF
PAGE_KIB: Final = 4
PAGES_PER_MIB: Final = 256

PoolMethod = Callable[[Domain, Client, Pool, Arguments], Result]


class TmemOps:
    """The commands of tmem_op."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._tmem = host.tmem

    def commands(self) -> Commands:
        """Command numbers to methods."""
        return {
            Tmemop.control: self.control,
            Tmemop.new_pool: self.new_pool,
            Tmemop.destroy_pool: self.destroy_pool,
            Tmemop.put_page: self._on_pool(self.put_page),
            Tmemop.get_page: self._on_pool(self.get_page),
            Tmemop.flush_page: self._on_pool(self.flush_page),
            Tmemop.flush_object: self._on_pool(self.flush_object),
            Tmemop.auth: self.auth,
        }

    def _on_pool(self, method: PoolMethod) -> Method:
        def guarded(caller: Domain, arguments: Arguments) -> Result:
            client = self._tmem.client(caller.physmap)
            pool = client.pools.get(number(arguments, "pool_id"))
            if pool is None:
                raise XenError(Errno.ENODEV, f"no pool {arguments['pool_id']}")
            return method(caller, client, pool, arguments)

        return guarded

    def new_pool(self, caller: Domain, arguments: Arguments) -> Result:
        """TMEM_NEW_POOL: the number of a pool. EPERM for flags that are not supported, or without room."""
        flags = number(arguments, "flags")
        persistent, shared = bool(flags & POOL_PERSIST), bool(flags & POOL_SHARED)
        version = flags >> POOL_VERSION_SHIFT & POOL_VERSION_MASK
        if version != SPEC_VERSION or (persistent and shared) or flags & POOL_PRECOMPRESSED:
            raise XenError(Errno.EPERM, f"pool flags {flags:#x}")
        if flags >> POOL_PAGESIZE_SHIFT & POOL_PAGESIZE_MASK or flags & POOL_RESERVED_BITS:
            raise XenError(Errno.EPERM, f"pool flags {flags:#x}")
        uuid = _uuid(arguments) if "uuid" in arguments else NO_UUID
        client = self._tmem.client(caller.physmap)
        return self._tmem.new_pool(client, persistent=persistent, shared=shared, uuid=uuid)

    def destroy_pool(self, caller: Domain, arguments: Arguments) -> Result:
        """TMEM_DESTROY_POOL: 1, or 0 if there is none."""
        return self._tmem.destroy_pool(self._tmem.client(caller.physmap), number(arguments, "pool_id"))

    def put_page(self, caller: Domain, client: Client, pool: Pool, arguments: Arguments) -> Result:
        """TMEM_PUT_PAGE: 1 if it is kept, 0 if not. ENOMEM, EFROZEN, EFAULT."""
        oid, index = _oid(arguments), number(arguments, "index")
        return self._tmem.put(client, pool, (oid, index), _frame(caller, arguments))

    def get_page(self, caller: Domain, _client: Client, pool: Pool, arguments: Arguments) -> Result:
        """TMEM_GET_PAGE: 1 if it was there, 0 if not. EEMPTY, EFAULT."""
        oid, index = _oid(arguments), number(arguments, "index")
        return self._tmem.get(pool, (oid, index), _frame(caller, arguments))

    def flush_page(self, _caller: Domain, client: Client, pool: Pool, arguments: Arguments) -> Result:
        """TMEM_FLUSH_PAGE: 1. EFROZEN."""
        return self._tmem.flush_page(client, pool, (_oid(arguments), number(arguments, "index")))

    def flush_object(self, _caller: Domain, client: Client, pool: Pool, arguments: Arguments) -> Result:
        """TMEM_FLUSH_OBJECT: 1. EFROZEN."""
        return self._tmem.flush_object(client, pool, _oid(arguments))

    def auth(self, caller: Domain, arguments: Arguments) -> Result:
        """TMEM_AUTH: whether a domain (`cli_id`) may share the pool of a UUID: 1. EPERM, ESRCH."""
        check_control(caller)
        domain = self._host.domains.find(number(arguments, "cli_id"))
        uuids = self._tmem.client(domain.physmap).shared_uuids
        uuid = _uuid(arguments)
        if not number_or(arguments, "arg1", 1):
            uuids.discard(uuid)
        elif len(uuids | {uuid}) > MAX_POOLS:
            raise XenError(Errno.ENOMEM, f"domain {domain.domid} may share {MAX_POOLS} pools")
        else:
            uuids.add(uuid)
        return 1

    def control(self, caller: Domain, arguments: Arguments) -> Result:
        """TMEM_CONTROL: freeze, thaw, flush (KiB of ephemeral pages), query what is freeable (MiB). EPERM."""
        check_control(caller)
        subop = number(arguments, "subop")
        if subop in {THAW, FREEZE}:
            for client in self._clients(number(arguments, "cli_id")):
                client.frozen = subop == FREEZE
            return 0
        if subop == FLUSH:
            return self._tmem.evict(max(number(arguments, "arg1"), 0) // PAGE_KIB) * PAGE_KIB
        if subop == QUERY_FREEABLE_MB:
            return self._tmem.freeable() // PAGES_PER_MIB
        raise XenError(Errno.EPERM, f"no subop {subop}")

    def _clients(self, domid: int) -> list[Client]:
        if domid == ALL_CLIENTS:
            return self._tmem.clients()
        domain = self._host.domains.get(domid)
        client = self._tmem.known(domain.physmap) if domain is not None else None
        if client is None:
            raise XenError(Errno.EPERM, f"domain {domid} has no tmem")
        return [client]


def _frame(caller: Domain, arguments: Arguments) -> int:
    mfn = caller.physmap.mfn(number(arguments, "cmfn"))
    if mfn is None:
        raise XenError(Errno.EFAULT, f"nothing behind gfn {arguments['cmfn']}")
    return mfn


def _numbers(arguments: Arguments, name: str, count: int) -> list[int]:
    values = rows(arguments, name)
    numbers = [each for each in values if type(each) is int]
    if len(values) != count or len(numbers) != count:
        raise XenError(Errno.EFAULT, f"{name} is not {count} numbers")
    return numbers


def _oid(arguments: Arguments) -> Oid:
    first, second, third = _numbers(arguments, "oid", 3)
    return first, second, third


def _uuid(arguments: Arguments) -> Uuid:
    low, high = _numbers(arguments, "uuid", 2)
    return low, high
