"""Ways between a running cluster's networks and what is outside of them, each as long as its command runs.

session   a connection to the cluster that is handed on to one of its actors
relay     one client, and the session that carries its bytes
forward   a port of this computer that leads to one of a guest
capture   packets of a running cluster into a file
place     where a command can be found: a port or a Unix socket
stream    a way for others into its networks, by a stream of frames
datagrams  the same by a frame in each datagram
commands  what is typed
"""
