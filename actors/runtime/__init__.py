"""The engine: it runs machines and knows no Xen.

machine          the contract of a machine: events in, effects out
intercept        what a driver answers in its machine's stead
codec            typed messages to msgpack arrays and back
framing          length-prefixed frames out of a byte stream, with a size limit
waiting          what the actors of one process wait for, and the rounds in which each has its call
other_tasks      whether any other task of trio has anything to do
transport        byte streams: socket pairs, listeners and connections (Unix, TCP), memory
memory           machine memory of a host: a sparse shared file, or its in-memory twin
arrivals         what has come on a link, cut into turns that are fair to other links
link             a live actor's end of a link: frames in, what waits to go out
joined_link      the same between two actors of one process
attention        whether a link is served when something has arrived on it
link_rules       rules that break one direction of a link: what they make of a message
late_messages    a live link's messages on their way while rules break it
outgoing         what a live actor sends: the way to each peer, and what leaves at the end of a turn
mailbox          what waits for a live actor outside of its links
alarm            the alarm clock of a live actor
freezer          what keeps a live machine from being given anything
actor            the live driver: one machine, its links, its turns
simulated_world  what is to happen when in a simulated world, and who is there
simulated_links  the links of a simulated world: what is under way on them
simulated_turns  their turns: what has arrived is handled, what was sent leaves
simulation       the simulated driver: one heap, virtual time
simulated_actor  what that keeps for each actor and each end of a link
distribution     how long something takes, in simulated time
units            of time
trace            (time, actor, event, effects), when switched on
recorder         the same as fixed records in memory that outlives a process
"""
