"""Which method does which request, who may ask, and what knows no transaction.

Rules: INTRODUCE, RELEASE and a live update are not here: the daemon has to do something for them first.
Source: xen/include/public/io/xs_wire.h, tools/xenstored/core.c.
"""

from typing import Final

from actors.abi.xs_wire import XsType
from actors.xenstore import administration
from actors.xenstore.requests import Method, Requests

METHODS: Final[dict[int, Method]] = {
    XsType.CONTROL: administration.control,
    XsType.DIRECTORY: Requests.directory,
    XsType.READ: Requests.read,
    XsType.GET_PERMS: Requests.get_permissions,
    XsType.WATCH: Requests.watch,
    XsType.UNWATCH: Requests.unwatch,
    XsType.TRANSACTION_START: Requests.start_transaction,
    XsType.TRANSACTION_END: Requests.end_transaction,
    XsType.GET_DOMAIN_PATH: administration.domain_path,
    XsType.WRITE: Requests.write,
    XsType.MKDIR: Requests.mkdir,
    XsType.RM: Requests.remove,
    XsType.SET_PERMS: Requests.set_permissions,
    XsType.IS_DOMAIN_INTRODUCED: administration.is_introduced,
    XsType.RESUME: administration.resume,
    XsType.SET_TARGET: administration.set_target,
    XsType.RESET_WATCHES: Requests.reset_watches,
    XsType.DIRECTORY_PART: Requests.directory_part,
    XsType.GET_FEATURE: administration.get_feature,
    XsType.SET_FEATURE: administration.set_feature,
    XsType.GET_QUOTA: administration.get_quota,
    XsType.SET_QUOTA: administration.set_quota,
}

BY_DAEMON: Final = frozenset({int(XsType.INTRODUCE), int(XsType.RELEASE)})

PRIVILEGED: Final = frozenset(
    {
        XsType.CONTROL,
        XsType.INTRODUCE,
        XsType.RELEASE,
        XsType.IS_DOMAIN_INTRODUCED,
        XsType.RESUME,
        XsType.SET_TARGET,
        XsType.GET_FEATURE,
        XsType.SET_FEATURE,
        XsType.GET_QUOTA,
        XsType.SET_QUOTA,
    }
)
