"""Ways between a running cluster's networks and what is outside of them, each as long as its command runs.

session   a connection to the cluster that is handed on to one of its actors
relay     one client, and the session that carries its bytes
forward   a port of this computer that leads to one of a guest
capture   packets of a running cluster into a file
stream    a way for others into its networks
commands  what is typed
"""
