"""How a daemon goes on with what the one before had: from an archive, or at once after a live update.

Rules: connections of domains live on, and those of a live update keep their numbers. Watches are restored;
a transaction that was open is EAGAIN.
Source: docs/designs/xenstore-migration.md.
"""

from typing import Final

from actors.xenstore.archive import Records, UncommittedChanges
from actors.xenstore.domains import CONTROL_DOMAIN
from actors.xenstore.store import XenStore
from actors.xenstore.watches import Watch

EPOCH: Final = "epoch"


def go_on(store: XenStore, journal: UncommittedChanges, records: Records) -> None:
    """Have an empty store take over what an archive has, and note every change from now on."""
    if records.nodes:
        store.tree.restore(records.nodes)
    for name, value in records.settings.items():
        _restore_setting(store, name.split("/"), value)
    for domid in records.domains:
        connection = store.domains.connect(domid, privileged=domid == CONTROL_DOMAIN)
        client = store.requests.connections[connection]
        client.restored = True
        client.target = records.settings.get(f"target/{domid}")
    for domid, path, token, shown_from, depth in records.watches:
        owner = store.domains.connections.get(domid)
        if owner is not None:
            store.watches.add(Watch(owner, path, token, shown_from, depth, restored=True))
    store.tree.journal = store.requests.journal = journal
    store.clients.epoch += 1
    journal.setting(EPOCH, store.clients.epoch)
    if not records.nodes:
        for path, node in store.tree.rows():
            journal.put(path, node)


def successor_of(old: XenStore) -> XenStore:
    """The store as the daemon after a live update has it.

    Everything is written down as rows and read into fresh tables.
    """
    new = XenStore(old.defaults, own_domid=old.own_domid, release=old.release, counts=old.counts)
    requests = new.requests
    new.tree.restore((path, node.value, node.permissions, node.generation) for path, node in old.tree.rows())
    new.tree.generation = old.tree.generation
    requests.introduced.update(old.requests.introduced)
    requests.shut_down.update(old.requests.shut_down)
    requests.features.update(old.requests.features)
    for domid, name, value in old.requests.quotas.rows():
        requests.quotas.set(domid, name, value)
    for number, client in old.requests.connections.items():
        restored = new.clients.add(number, client.domid, privileged=client.privileged)
        restored.target, restored.kept, restored.restored = client.target, client.kept, True
        restored.last_transaction = client.last_transaction
        for watch in old.watches.of(number):
            new.watches.add(Watch(number, watch.path, watch.token, watch.shown_from, watch.depth))
    new.domains.connections.update(old.domains.connections)
    new.clients.last, new.clients.epoch = old.clients.last, old.clients.epoch
    requests.watch_events, requests.log_requests = old.requests.watch_events, old.requests.log_requests
    new.tree.journal = requests.journal = old.requests.journal
    return new


def _restore_setting(store: XenStore, name: list[str], value: int) -> None:
    match name:
        case ["epoch"]:
            store.clients.epoch = value
        case ["quota", domid, quota]:
            store.requests.quotas.set(int(domid) if domid else None, quota, value)
        case ["feature", domid]:
            store.requests.features[int(domid)] = value
