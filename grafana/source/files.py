"""Every generated file of `grafana/`, as text: what `python -m grafana.source` writes and a test compares."""

import io
import json
from typing import Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from ruamel.yaml import YAML

from grafana.source import cluster, experiment, guest, host, network, xenstore
from grafana.source.alerts import grafana_rules, prometheus_rules
from grafana.source.panels import ANNOTATION_FORMATS, Page

PAGES: Final = (cluster.PAGE, host.PAGE, guest.PAGE, network.PAGE, xenstore.PAGE, experiment.PAGE)
HEAD: Final = "# Made by `make dashboards` out of grafana/source; not to be edited here.\n"


def generated() -> dict[str, str]:
    """Text by path below `grafana/`."""
    files = {f"dashboards/{page.title.lower()}.json": dashboard_text(page) for page in PAGES}
    files["prometheus/rules.yml"] = HEAD + _yaml(prometheus_rules())
    files["provisioning/alerting/domzero.yaml"] = HEAD + _yaml(grafana_rules())
    return files


def dashboard_text(page: Page) -> str:
    """One dashboard as JSON."""
    made = json.loads(json.dumps(page.build().build(), cls=JSONEncoder))
    for annotation in made["annotations"]["list"]:
        annotation.update(ANNOTATION_FORMATS[annotation["name"]], step="1s", tagKeys="kind,target")
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


def _yaml(data: dict[str, object]) -> str:
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()
