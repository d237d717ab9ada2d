"""What is not part of the simulated hosts: configuration, experiment, processes, verdict, command line.

config and config_*   a configuration file, checked, to `resolved` (xl_*, yaml_source, quantities beside it)
supervisor            the experimenter's machine; board (one host's power), fault_records, schedule, injection
live, process, zygote the live driver of a cluster: processes, signals, sockets
simulated             the simulated driver of a cluster
programs              the programs that an actor can run
ledger, verification  the images read back and held against the guests' journals
report and report_*   run.json and the verdict; expectations, run_facts, summary
session, cli          one run, and the commands; control and control_server speak to a running cluster
readings              what the actors say of themselves, kept by name
metrics, *_metrics    what Prometheus reads: metric_catalog names it, families write it, metrics_server serves
discovery, monitor    how Prometheus finds the hosts; Prometheus and Grafana for one cluster
conform*, recording*  replaying what a real Xen answered
bench*, floors        measuring
"""
