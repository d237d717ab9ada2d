"""What the files of `grafana/` are made of: `python -m grafana.source` (or `make dashboards`) writes them.

__main__               writes files, which says how they become text
panels                 the makers of panels and dashboards, on Grafana's own builder
cluster, host, guest, xenstore, experiment   a dashboard each
alerts                 the alert rules, for Prometheus and for Grafana
"""
