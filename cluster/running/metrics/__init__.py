"""What Prometheus reads of a cluster, and how it finds it.

catalog            every metric, a row each; family is what such a row is made of
families           writes them; domain_metrics and guest_metrics fill in what no key says,
                   outage_counts reads what journals say of outages that are over
host_metrics       what a host shows; server serves it, openmetrics keeps it
samples            values over time, for the run directory
discovery, monitor where the pages are; Prometheus and Grafana for one cluster
"""
