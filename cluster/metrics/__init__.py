"""What Prometheus reads of a cluster, and how it finds it.

catalog            every family by name; families writes them, domain_metrics and guest_metrics fill them,
                   outage_counts reads what journals say of outages that are over
metrics            a host's page; server serves it, openmetrics keeps it
samples            values over time, for the run directory
discovery, monitor where the pages are; Prometheus and Grafana for one cluster
"""
