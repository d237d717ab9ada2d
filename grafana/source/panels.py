"""How a Domzero dashboard and its panels are made, on Grafana's own builder.

Rules: every panel asks the `datasource` variable, has a unit and a description, and is limited to the
chosen clusters and hosts by `%S` in its expressions; faults are annotations on all of them.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.builders.common import ReduceDataOptions, StackingConfig, VizLegendOptions
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from cluster.running.metrics import catalog as metric
from cluster.running.metrics.family import Family
from cluster.running.metrics.outage_counts import LENGTHS

DATASOURCE: Final = DataSourceRef("prometheus", "${datasource}")
TAG: Final = "domzero"
OF_CLUSTERS: Final = 'cluster=~"$cluster"'
SELECTED: Final = f'{OF_CLUSTERS},host=~"$host"'
S: Final = "%S"
"""Stands for `SELECTED` in the expression of a query."""
RATE: Final = "[$__rate_interval]"
WIDTH: Final = 24

Made = TypeVar("Made", timeseries.Panel, stat.Panel, statetimeline.Panel)
Panel = timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel | bargauge.Panel

DOMAIN_STATES: Final = {
    0: ("off", "dark-red"),
    1: ("running", "green"),
    2: ("paused", "blue"),
    3: ("hung", "orange"),
    4: ("shut down", "purple"),
    5: ("crashed", "red"),
    6: ("dying", "dark-orange"),
}
XENBUS_STATES: Final = {
    0: ("Unknown", "dark-red"),
    1: ("Initialising", "light-orange"),
    2: ("InitWait", "orange"),
    3: ("Initialised", "yellow"),
    4: ("Connected", "green"),
    5: ("Closing", "purple"),
    6: ("Closed", "red"),
    7: ("Reconfiguring", "blue"),
    8: ("Reconfigured", "blue"),
}
YES_NO: Final = {0: ("no", "red"), 1: ("yes", "green")}


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, with `%S` for the selection, and the legend of its series."""

    expression: str
    legend: str = ""

    def target(self, ref_id: str, *, instant: bool = False, as_table: bool = False) -> prometheus.Dataquery:
        """As a panel's target."""
        made = (
            prometheus.Dataquery()
            .datasource(DATASOURCE)
            .expr(self.expression.replace(S, SELECTED))
            .legend_format(self.legend or "__auto")
            .ref_id(ref_id)
        )
        if as_table:
            made = made.format(PromQueryFormat.TABLE)
        return made.instant() if instant else made.range()


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, beneath a title."""

    title: str
    panels: tuple[Panel, ...]
    height: int


def total(family: Family, *selection: str, by: str = "") -> str:
    """The sum of a metric's series, or one for each value of the labels that it is counted `by`."""
    return f"sum{f' by ({by}) ' if by else ''}({family.of(*selection)})"


def rate(family: Family, *selection: str, by: str) -> str:
    """How fast that sum grows, a second."""
    return f"sum by ({by}) (rate({family.of(*selection)}{RATE}))"


def row(title: str, *panels: Panel, height: int = 8) -> Row:
    """Panels that share the width of the page."""
    return Row(title, panels, height)


class Page:
    """A dashboard: rows of panels, and the variables that people choose by beside cluster and host."""

    def __init__(self, title: str, description: str, *rows: Row, variables: tuple[str, ...] = ()) -> None:
        self.title = title
        self.description = description
        self.rows = rows
        self.variables = variables

    def build(self) -> dashboard.Dashboard:
        """The dashboard."""
        name = self.title.lower()
        made = (
            dashboard.Dashboard(f"Domzero / {self.title}")
            .uid(f"domzero-{name}")
            .description(self.description)
            .tags([TAG])
            .readonly()
            .refresh("5s")
            .time("now-15m", "now")
            .timezone("browser")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .link(_links())
        )
        made = _with_variables(made, self.variables)
        for annotation in _annotations():
            made = made.annotation(annotation)
        number = 1
        for each in self.rows:
            made = made.with_row(dashboard.Row(each.title).id(number))
            number += 1
            for panel in each.panels:
                width = WIDTH // len(each.panels)
                made = made.with_panel(panel.id(number).height(each.height).span(width))
                number += 1
        return made


def lines(
    title: str, description: str, unit: str, *queries: Query, stacked: bool = False, steps: bool = False
) -> timeseries.Panel:
    """Lines over time; `stacked` on one another, or in `steps` for what jumps."""
    made = (
        _titled(timeseries.Panel(), title, description, unit, queries)
        .min(0)
        .line_width(1)
        .fill_opacity(25 if stacked else 8)
        .span_nulls(False)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.RIGHT)
            .calcs(["lastNotNull", "max"])
        )
    )
    if stacked:
        made = made.stacking(StackingConfig().mode(common.StackingMode.NORMAL))
    return made.line_interpolation(common.LineInterpolation.STEP_AFTER) if steps else made


def number(
    title: str,
    description: str,
    expression: str,
    *,
    unit: str = "none",
    red_from: float | None = None,
    red_below: float | None = None,
    none_yet: str = "",
) -> stat.Panel:
    """One number, large; red from a value on, or below one. `none_yet` stands there where there can be none.

    What is red is told by a count of the whole run, which a scrape that comes late still finds, or by a share
    of what should be (`share`).
    """
    steps = [Threshold(None, "green")]
    if red_from is not None:
        steps.append(Threshold(red_from, "red"))
    elif red_below is not None:
        steps = [Threshold(None, "red"), Threshold(red_below, "green")]
    made = (
        _titled(stat.Panel(), title, description, unit, [Query(expression)])
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.AREA)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return made.no_value(none_yet) if none_yet else made


def share(title: str, description: str, part: str, whole: str) -> stat.Panel:
    """How much of what should be there is; red unless it is all of it. Both are expressions."""
    return number(title, description, f"{part} / {whole}", unit="percentunit", red_below=1)


def lasting(seconds: float) -> str:
    """The selector of the outages that lasted at least so long: one of the bounds of the metric."""
    assert seconds in LENGTHS.values(), f"{seconds} s is no bound of an outage's length"
    return 'length=~"' + "|".join(each for each, least in LENGTHS.items() if least >= seconds) + '"'


def states(
    title: str, description: str, words: dict[int, tuple[str, str]], *queries: Query, none_yet: str = ""
) -> statetimeline.Panel:
    """Coloured bars over time, one a series. `none_yet` stands there where there can be none."""
    made = _titled(statetimeline.Panel(), title, description, "none", queries)
    made = made.mappings([_mapping(words)]).show_value(common.VisibilityMode.AUTO).merge_values(True)
    return made.no_value(none_yet) if none_yet else made


def bars(title: str, description: str, unit: str, query: Query) -> bargauge.Panel:
    """A bar for each series, as of now."""
    made = bargauge.Panel().title(title).description(description).unit(unit).datasource(DATASOURCE).min(0)
    return (
        made.with_target(query.target("A", instant=True))
        .orientation(common.VizOrientation.HORIZONTAL)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )


def latency(title: str, selection: str) -> timeseries.Panel:
    """Half and nearly all of the requests, and the oldest that has no answer: what is left in an outage.

    Only what was answered is in the p99, so that it looks best when nothing is: an older request takes its
    place.
    """
    bucket = metric.VBD_REQUEST_DURATION_SECONDS.of(selection, part="bucket")
    buckets = f"sum by (le) (rate({bucket}{RATE}))"
    p99 = f"histogram_quantile(0.99, {buckets})"
    oldest = f"max({metric.VBD_OLDEST_REQUEST_SECONDS.of(selection)})"
    worst = f'max(label_replace({p99}, "of", "p99", "", "") or {oldest})'
    return lines(
        title,
        "From issue to answer, and the age of the oldest request that has none, which counts as the p99 while"
        " it is older.",
        "s",
        Query(f"histogram_quantile(0.5, {buckets})", "p50"),
        Query(worst, "p99, or oldest in flight"),
        Query(oldest, "oldest in flight"),
    )


def facts(title: str, description: str, query: Query) -> table.Panel:
    """A table of the labels of an info metric."""
    made = table.Panel().title(title).description(description).unit("none").datasource(DATASOURCE)
    return made.with_target(query.target("A", instant=True, as_table=True))


def _titled(
    made: Made, title: str, description: str, unit: str, queries: list[Query] | tuple[Query, ...]
) -> Made:
    made.title(title).description(description).unit(unit).datasource(DATASOURCE)
    for index, query in enumerate(queries):
        made.with_target(query.target(chr(ord("A") + index)))
    return made


def _mapping(words: dict[int, tuple[str, str]]) -> ValueMap:
    return ValueMap(
        {
            str(value): ValueMappingResult(text, colour, index=index)
            for index, (value, (text, colour)) in enumerate(words.items())
        }
    )


def _links() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Domzero")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
        .tooltip("The other dashboards, for the same hosts and the same time")
    )


def _with_variables(made: dashboard.Dashboard, names: tuple[str, ...]) -> dashboard.Dashboard:
    made = made.with_variable(
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    )
    queries = {
        "cluster": f"label_values({metric.RUN_INFO.of()}, cluster)",
        "host": f"label_values({metric.RUN_INFO.of(OF_CLUSTERS)}, host)",
        "guest": f"label_values({metric.GUEST_UP.of(SELECTED)}, guest)",
    }
    for name in ["cluster", "host", *names]:
        variable = (
            dashboard.QueryVariable(name)
            .label(name.capitalize())
            .datasource(DATASOURCE)
            .query(queries[name])
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.NATURAL_ASC)
            .multi(True)
            .include_all(True)
            .all_value(".+")
        )
        made = made.with_variable(variable)
    return made


def _annotations() -> list[dashboard.AnnotationQuery]:
    injected = f"{metric.FAULT_LAST_TIME_SECONDS.of(SELECTED)} * 1000"
    recovering = f"{metric.FAULTS_ACTIVE.of(SELECTED)} > 0"
    return [
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(DATASOURCE)
        .enable(True)
        .icon_color(colour)
        .expr(expr)
        for name, colour, expr in (("Faults", "red", injected), ("Recovery", "orange", recovering))
    ]


ANNOTATION_FORMATS: Final[dict[str, dict[str, object]]] = {
    "Faults": {"titleFormat": "{{kind}} of {{host}}/{{target}}", "useValueForTime": True},
    "Recovery": {"titleFormat": "recovering: {{kind}} of {{host}}/{{target}}", "useValueForTime": False},
}
"""What Grafana's data source for Prometheus takes besides; its builder does not know these keys."""
