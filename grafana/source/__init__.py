"""What the files of `grafana/` are made of: `python -m grafana.source` (or `make dashboards`) writes them.

__main__    writes the files
files       how they become text
panels      the makers of panels and dashboards, on Grafana's own builder
cluster     the dashboard *Cluster*
host        the dashboard *Host*
guest       the dashboard *Guest*
network     the dashboard *Network*
xenstore    the dashboard *XenStore*
experiment  the dashboard *Experiment*
alerts      the alert rules, for Prometheus and for Grafana
"""
