"""The store daemon: a tree of nodes that every domain talks to.

permissions     who may do what with a node
quotas          how much an unprivileged domain may have
tree            nodes and generation counts
operations      what a client may do with a node: checks, then changes
transactions    a private view of the tree, and the rule by which it is committed
watches         who wants to hear of which change
paths           which node a client means
numbers         numbers as C reads them
requests        a request to its method, a refusal to its name
request_table   which method does which request
administration  requests about domains and the daemon itself
connections     one client: who it is, what it has, what it has not taken
clients         who is connected
domains         for which domains
store           the store as a whole: request in, messages out
takeover        how the next daemon goes on with a store
ring_client     a domain's ring page as the daemon serves it
ring_setup      how a domain's page and port are found
archive         what outlives a daemon: rows, batches, what is not committed yet
sqlite_archive  kept in a file
memory_archive  kept in memory
jobs            what takes several steps, one after the other
turn_end        what leaves at the end of a turn, once it is kept
served_store    who asks the store, and where each answer goes
rings           the rings that a daemon serves
control_ring    that of domain 0, which comes again
daemon          the store on a kernel: start, end, introductions, deaths of domains
tool_clients    tools of the control domain, each on a link of its own
stub_domain     the kernel of a domain that does nothing else
"""
