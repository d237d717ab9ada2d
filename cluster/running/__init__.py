"""A running cluster; arrows point down this list.

run       one run, from its start to its report
outside   ways between its networks and this computer
top       what people look at while it runs
metrics   what Prometheus reads
control   the sockets by which others reach into it
drivers   processes, or virtual time
"""
