"""What monitors a cluster: dashboards, alert rules, provisioning. They are made from `source`.

A package only so that `domzero monitor` finds its files wherever Domzero is installed.
"""
