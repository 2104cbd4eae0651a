"""Makes the dashboards: every panel, its question and its query, in the order in which an official asks.

    python -m deploy.grafana.generate        writes deploy/grafana/dashboards/*.json

The JSON files are checked in; a test fails when they are not what this script makes, and runs every query.
Tables and views come from `projections/`, metrics from the services. Nothing personal is shown: people are
counted, not listed.
"""

import json
from pathlib import Path

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog import builder, variants
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import units

FOLDER = Path(__file__).resolve().parent / "dashboards"
METRICS = models.DataSourceRef(type_val="prometheus", uid="neraca-prometheus")
TABLES = models.DataSourceRef(type_val="grafana-postgresql-datasource", uid="neraca-postgresql")

GREEN, YELLOW, RED = "green", "yellow", "red"


class Sql(variants.Dataquery, builder.Builder[variants.Dataquery]):
    """A query of the PostgreSQL data source, which the SDK has no model of; shaped as a table."""

    def __init__(self, raw_sql: str) -> None:
        self.raw_sql = " ".join(raw_sql.split())

    def build(self) -> variants.Dataquery:
        """Itself: there is nothing to put together."""
        return self

    def to_json(self) -> dict[str, object]:
        """What Grafana's query editor would save."""
        return {
            "refId": "A",
            "datasource": TABLES,
            "editorMode": "code",
            "format": "table",
            "rawQuery": True,
            "rawSql": self.raw_sql,
        }


def over_time(expression: str, legend: str, name: str = "A") -> prometheus.Dataquery:
    """A PromQL query over the time shown; `legend` names each line by its labels."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).range().ref_id(name)


def quantile(share: float, histogram: str, name: str = "A", labels: str = "") -> prometheus.Dataquery:
    """The value that this share of the observations of five minutes stayed below."""
    which = f"{{{labels}}}" if labels else ""
    expression = f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket{which}[5m])))"
    return over_time(expression, f"p{share * 100:g}", name)


def at_once(expression: str, name: str = "A") -> prometheus.Dataquery:
    """A PromQL query for the value now."""
    return prometheus.Dataquery().expr(expression).instant().ref_id(name)


def steps(*limits: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from each limit upwards; the first has no lower limit."""
    thresholds = [models.Threshold(value=value, color=colour) for value, colour in limits]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)


def number(
    title: str, description: str, query: builder.Builder[variants.Dataquery], source: models.DataSourceRef
) -> stat.Panel:
    """One figure, as large as it is important."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(source)
        .with_target(query)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
        .unit(units.Number)
        .color_mode(options.BigValueColorMode.VALUE)
        .graph_mode(options.BigValueGraphMode.NONE)
        .thresholds(steps((None, "text")))
        .height(4)
        .span(4)
    )


def lines(title: str, description: str, unit: str, *queries: prometheus.Dataquery) -> timeseries.Panel:
    """Metrics over the time shown."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(METRICS)
        .unit(unit)
        .min(0)
        .fill_opacity(10)
        .line_width(1)
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
        .height(8)
        .span(8)
    )
    for query in queries:
        panel = panel.with_target(query)
    return panel


def summary(column: str) -> Sql:
    """One figure of the view that counts what became of the old system's registrations."""
    return Sql(f"SELECT {column} FROM neraca.cutover_summary")  # noqa: S608 - columns named in this file


def standing(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """The candidates: how many were in process, who moved, who is left."""
    return (
        board.with_row(dashboard.Row("Candidates of the old system"))
        .with_panel(
            number(
                "In process at the closure",
                "Registered before the registration limit, and neither ended nor departed by the closure.",
                summary("in_process_at_closure"),
                TABLES,
            )
        )
        .with_panel(
            number(
                "Registered again",
                "Of those, registered again in SIAPKerja [L3], whatever became of the new registration.",
                summary("reregistered"),
                TABLES,
            )
        )
        .with_panel(
            number(
                "Departed late",
                "Departed before the closure, entered at or after it, with evidence: accepted as facts.",
                summary("departed_late"),
                TABLES,
            )
        )
        .with_panel(
            number(
                "Not moved yet",
                "Still open in the old system: they may register again, without a deadline.",
                summary("not_moved"),
                TABLES,
            )
        )
        .with_panel(
            number(
                "Share that moved",
                "Registered again or departed late, of those in process at the closure.",
                summary(
                    "(reregistered + departed_late - departed_late_after_reregistering)::float8"
                    " / nullif(in_process_at_closure, 0)"
                ),
                TABLES,
            )
            .unit(units.PercentUnit)
            .decimals(1)
        )
        .with_panel(
            number(
                "Eligible candidates",
                "Who may register again now: open registrations made before the registration limit.",
                Sql("SELECT count(*) AS candidates FROM neraca.eligible_candidates"),
                TABLES,
            )
        )
        .with_panel(
            barchart.Panel()
            .title("Re-registrations and late departures by day")
            .description("WIB days from the closure on, by the day of the registration and the day of entry.")
            .datasource(TABLES)
            .with_target(
                Sql("""
                    SELECT to_char(day, 'YYYY-MM-DD') AS day, reregistered, departed_late
                    FROM neraca.cutover_progress ORDER BY cutover_progress.day
                """)
            )
            .x_field("day")
            .x_tick_label_spacing(100)
            .stacking(options.StackingMode.NORMAL)
            .height(8)
            .span(12)
        )
        .with_panel(
            barchart.Panel()
            .title("Moved so far")
            .description("The same, added up: it flattens when those who want to move have moved.")
            .datasource(TABLES)
            .with_target(
                Sql("""
                    SELECT to_char(day, 'YYYY-MM-DD') AS day, reregistered_so_far, departed_late_so_far
                    FROM neraca.cutover_progress ORDER BY cutover_progress.day
                """)
            )
            .x_field("day")
            .x_tick_label_spacing(100)
            .stacking(options.StackingMode.NORMAL)
            .height(8)
            .span(12)
        )
    )


def quota(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """The units: what came back, what did not, and whether everything adds up."""
    return (
        board.with_row(dashboard.Row("Units of quota"))
        .with_panel(
            number(
                "Books out of balance",
                "Accounts whose balance is not the sum of their postings, and one more if all of them do not "
                "add up to zero. Anything but 0 is a bug.",
                Sql("""
                    SELECT count(*) FILTER (WHERE difference <> 0) + (sum(balances) <> 0)::int AS accounts
                    FROM neraca.trial_balance
                """),
                TABLES,
            )
            .thresholds(steps((None, GREEN), (1, RED)))
            .color_mode(options.BigValueColorMode.BACKGROUND)
        )
        .with_panel(
            number(
                "Restored",
                "Units given back to their line [L4]: its permit was valid at the re-registration.",
                summary("units_restored"),
                TABLES,
            )
        )
        .with_panel(
            number(
                "Forfeited",
                "Units lost at the re-registration, because the permit had expired or was revoked.",
                summary("units_forfeited"),
                TABLES,
            )
        )
        .with_panel(
            number(
                "Stranded",
                "Units that candidates who have not moved still hold. Only a ruling frees them.",
                Sql("SELECT count(*) AS units FROM neraca.stranded_units"),
                TABLES,
            ).thresholds(steps((None, "text"), (1, YELLOW)))
        )
        .with_panel(
            number(
                "Freed by ruling",
                "Stranded units given back by two officers of the head office.",
                summary("units_released"),
                TABLES,
            )
        )
        .with_panel(
            number(
                "Lines with nothing left",
                "Permit lines that nobody can take a unit of at the moment.",
                Sql("SELECT count(*) AS lines FROM neraca.quota_balances WHERE available = 0"),
                TABLES,
            )
        )
        .with_panel(
            table.Panel()
            .title("Trial balance")
            .description("Each account twice: from the balances, and by adding up every posting ever made.")
            .datasource(TABLES)
            .with_target(
                Sql("""
                    SELECT account, balances, postings, difference FROM neraca.trial_balance ORDER BY account
                """)
            )
            .height(8)
            .span(8)
        )
        .with_panel(
            table.Panel()
            .title("By agency: the most units stranded")
            .description("Twenty agencies. A suspended agency's permits still get their units back.")
            .datasource(TABLES)
            .with_target(
                Sql("""
                    SELECT agency_id, sum(units_stranded)::bigint AS stranded,
                           sum(units_restored)::bigint AS restored, sum(units_forfeited)::bigint AS forfeited,
                           sum(in_process_at_closure)::bigint AS in_process
                    FROM neraca.cutover_units WHERE agency_id IS NOT NULL
                    GROUP BY agency_id ORDER BY stranded DESC, agency_id LIMIT 20
                """)
            )
            .height(8)
            .span(8)
        )
        .with_panel(
            table.Panel()
            .title("By destination")
            .description("Twenty destinations with the most candidates in process at the closure.")
            .datasource(TABLES)
            .with_target(
                Sql("""
                    SELECT destination, sum(in_process_at_closure)::bigint AS in_process,
                           sum(reregistered)::bigint AS reregistered, sum(units_stranded)::bigint AS stranded
                    FROM neraca.cutover_units
                    GROUP BY destination ORDER BY in_process DESC, destination LIMIT 20
                """)
            )
            .height(8)
            .span(8)
        )
    )


def refusals(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """What was refused, why and where: a cutover that refuses the wrong things is seen here first."""
    return (
        board.with_row(dashboard.Row("Refusals"))
        .with_panel(
            bargauge.Panel()
            .title("Refusals by code")
            .description("Every refused action ever decided, by the code of the first rule that it broke.")
            .datasource(TABLES)
            .with_target(
                Sql("""
                    SELECT code, count(*) AS refusals FROM neraca.decisions
                    WHERE code IS NOT NULL GROUP BY code ORDER BY refusals DESC, code
                """)
            )
            .reduce_options(common.ReduceDataOptions().values(True).fields("").calcs([]))
            .orientation(options.VizOrientation.HORIZONTAL)
            .display_mode(options.BarGaugeDisplayMode.BASIC)
            .thresholds(steps((None, "blue")))
            .height(10)
            .span(12)
        )
        .with_panel(
            table.Panel()
            .title("Where they come from")
            .description(
                "The twenty most frequent refusals by system, kind of office, kind of action and code."
            )
            .datasource(TABLES)
            .with_target(
                Sql("""
                    SELECT system, office_type, kind, code, count(*) AS refusals, max(entered_at) AS latest
                    FROM neraca.decisions WHERE code IS NOT NULL
                    GROUP BY system, office_type, kind, code ORDER BY refusals DESC, code, kind LIMIT 20
                """)
            )
            .height(10)
            .span(12)
        )
    )


def machinery(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """The services: whether they keep up, and whether anything happened that never should."""
    alarm = steps((None, GREEN), (1, RED))
    return (
        board.with_row(dashboard.Row("Services"))
        .with_panel(
            number(
                "Active deciders",
                "Must be 1. During a takeover it may be 0; 2 for longer means that one has not noticed.",
                at_once("sum(neraca_decider_active)"),
                METRICS,
            ).thresholds(steps((None, RED), (1, GREEN), (2, RED)))
        )
        .with_panel(
            number(
                "Broken invariants",
                "Balances that could not be: a bug, never a refusal.",
                at_once("sum(neraca_invariant_violations_total)"),
                METRICS,
            ).thresholds(alarm)
        )
        .with_panel(
            number(
                "Journal records passed over",
                "Records that no reader accepted: harmless, but somebody must look who wrote them.",
                at_once("max(neraca_journal_passed_over_total)"),
                METRICS,
            ).thresholds(alarm)
        )
        .with_panel(
            number(
                "Dead letters",
                "Actions that nobody could read, each with its decision. Mended, they can be sent again.",
                at_once("sum(neraca_dead_letters_total)"),
                METRICS,
            ).thresholds(steps((None, GREEN), (1, YELLOW)))
        )
        .with_panel(
            number(
                "Tables behind the journal",
                "Decisions that PostgreSQL does not show yet.",
                at_once('max(neraca_lag_records{service="projector"})'),
                METRICS,
            )
        )
        .with_panel(
            number(
                "Decisions in the journal",
                "The highest seq that a decider has written, and one, since the first is 0.",
                at_once("max(neraca_seq) + 1"),
                METRICS,
            )
        )
        .with_panel(
            lines(
                "Decisions per second",
                "By outcome, over five minutes.",
                units.Short,
                over_time("sum by (outcome) (rate(neraca_decisions_total[5m]))", "{{outcome}}"),
            )
        )
        .with_panel(
            lines(
                "Refusals per second",
                "By code, over five minutes.",
                units.Short,
                over_time('sum by (code) (rate(neraca_decisions_total{outcome="REFUSED"}[5m]))', "{{code}}"),
            )
        )
        .with_panel(
            lines(
                "Time to a durable decision",
                "From the append of an action to its decision read back from the journal.",
                units.Seconds,
                quantile(0.5, "neraca_decision_latency_seconds", "A"),
                quantile(0.99, "neraca_decision_latency_seconds", "B"),
            )
        )
        .with_panel(
            lines(
                "Lag in records",
                "How many records each service has still to read.",
                units.Short,
                over_time("max by (service, instance) (neraca_lag_records)", "{{service}} {{instance}}"),
            )
        )
        .with_panel(
            lines(
                "Lag in seconds",
                "How old the record is that each service reads next.",
                units.Seconds,
                over_time("max by (service, instance) (neraca_lag_seconds)", "{{service}} {{instance}}"),
            )
        )
        .with_panel(
            lines(
                "Rows written per second",
                "By table of PostgreSQL, over five minutes.",
                units.Short,
                over_time("sum by (table) (rate(neraca_projection_rows_total[5m]))", "{{table}}"),
            )
        )
        .with_panel(
            lines(
                "Deciding one batch",
                "Time to judge a batch of actions, without the broker.",
                units.Seconds,
                quantile(0.99, "neraca_decide_batch_seconds"),
            )
        )
        .with_panel(
            lines(
                "Committing one batch of rows",
                "Time of one transaction of the projector, rows and position together.",
                units.Seconds,
                quantile(0.99, "neraca_projection_commit_seconds"),
            )
        )
        .with_panel(
            lines(
                "Repeats dropped",
                "Decisions read twice and dropped, over five minutes: a retry or a takeover, harmless.",
                units.Short,
                over_time(
                    "sum by (service, instance) (increase(neraca_journal_repeats_total[5m]))",
                    "{{service}} {{instance}}",
                ),
            )
        )
    )


def archive(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """The archive and its proofs: whether the files keep up, and how much of the journal is signed."""
    return (
        board.with_row(dashboard.Row("Archive and proofs"))
        .with_panel(
            number(
                "Age of the last checkpoint",
                "Seconds since one was signed. It may be old where nothing was decided since: see what no "
                "checkpoint covers.",
                at_once("time() - max(neraca_archive_checkpoint_timestamp_seconds > 0)"),
                METRICS,
            ).unit(units.Seconds)
        )
        .with_panel(
            number(
                "Decisions without a checkpoint",
                "In the journal, and not yet covered by a signed checkpoint.",
                at_once("max(neraca_seq) + 1 - max(neraca_archive_checkpoint_size)"),
                METRICS,
            )
        )
        .with_panel(
            number(
                "Decisions not archived",
                "In the journal, and not yet safe in the archive's files.",
                at_once('max(neraca_seq) - max(neraca_seq{service="archiver"})'),
                METRICS,
            )
        )
        .with_panel(
            number(
                "Bytes in the archive",
                "Of the files of records of both topics, with their index.",
                at_once("max(neraca_archive_bytes)"),
                METRICS,
            ).unit(units.BytesIEC)
        )
        .with_panel(
            number(
                "Archive opened anew",
                "Times in the last hour that a full disk or a broker that was away interrupted it.",
                at_once("sum(increase(neraca_archive_failures_total[1h]))"),
                METRICS,
            )
            .decimals(0)
            .thresholds(steps((None, GREEN), (1, YELLOW)))
        )
        .with_panel(
            number(
                "Archivers at work",
                "Must be 1: the one that keeps the archive of this ledger and signs it.",
                at_once('sum(neraca_ready{service="archiver"})'),
                METRICS,
            ).thresholds(steps((None, RED), (1, GREEN)))
        )
        .with_panel(
            lines(
                "Archive behind the journal",
                "Decisions of the journal that are not archived, and that no checkpoint covers.",
                units.Short,
                over_time('max(neraca_seq) - max(neraca_seq{service="archiver"})', "not archived", "A"),
                over_time(
                    "max(neraca_seq) + 1 - max(neraca_archive_checkpoint_size)", "without a checkpoint", "B"
                ),
            ).span(12)
        )
        .with_panel(
            lines(
                "Size of the archive",
                "Bytes of records. What it grows by in a day says when the disk is full.",
                units.BytesIEC,
                over_time("max(neraca_archive_bytes)", "bytes"),
            ).span(12)
        )
    )


def gateway(board: dashboard.Dashboard) -> dashboard.Dashboard:
    """The gateway: what it answers, how soon, and whether it has more to do than it can."""
    reads = 'route=~"/v1/.*id}"'
    return (
        board.with_row(dashboard.Row("HTTP gateway"))
        .with_panel(
            lines(
                "Requests per second by status",
                "Over five minutes, without those for metrics and health. 409 is a refusal; 503 and "
                "504 say that an answer is not known yet.",
                units.RequestsPerSecond,
                over_time(
                    'sum by (status) (rate(neraca_gateway_requests_total{route=~"/v1/.*"}[5m]))', "{{status}}"
                ),
            )
        )
        .with_panel(
            lines(
                "Time to the answer of an action",
                "From the head of the request to the whole answer with its decision.",
                units.Seconds,
                *(
                    quantile(share, "neraca_gateway_request_seconds", name, 'route="/v1/actions"')
                    for share, name in ((0.5, "A"), (0.95, "B"), (0.99, "C"))
                ),
            )
        )
        .with_panel(
            lines(
                "Time to the answer of a reading",
                "Of a registration, a person, a permit or a decision.",
                units.Seconds,
                quantile(0.5, "neraca_gateway_request_seconds", "A", reads),
                quantile(0.99, "neraca_gateway_request_seconds", "B", reads),
            )
        )
        .with_panel(
            lines(
                "Requests in flight",
                "Requests that are being answered at this moment; at 4,000 the next one gets 429.",
                units.Short,
                over_time("sum by (instance) (neraca_gateway_open_requests)", "{{instance}}"),
            )
        )
        .with_panel(
            lines(
                "Actions that wait for their decision",
                "At 2,000 the next one gets 429.",
                units.Short,
                over_time("sum by (instance) (neraca_gateway_waiting_actions)", "{{instance}}"),
            )
        )
        .with_panel(
            lines(
                "Sent away for load",
                "Answers 429 over five minutes: too much at once, nothing was recorded, clients try again.",
                units.Short,
                over_time(
                    'sum by (instance) (increase(neraca_gateway_requests_total{status="429"}[5m]))',
                    "{{instance}}",
                ),
            )
        )
    )


def cutover() -> models.Dashboard:
    """The dashboard *Cutover*: what an official asks, and whether the machinery behind it is well."""
    board = (
        dashboard.Dashboard("Cutover")
        .uid("neraca-cutover")
        .description(
            "Letter B.662/2023: who moved, what became of the units, what was refused, and if it adds up."
        )
        .tags(["neraca"])
        .timezone("Asia/Jakarta")
        .time("now-1h", "now")
        .refresh("10s")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
    )
    for part in (standing, quota, refusals, machinery, gateway, archive):
        board = part(board)
    made = board.build()
    # Grafana numbers panels that have no number, each time anew; links to a panel need one that stays.
    for place, panel in enumerate(made.panels or [], 1):
        panel.id_val = place
    return made


def rendered() -> dict[str, str]:
    """Every dashboard as its file should read, by the file's name."""
    return {
        f"{name}.json": json.dumps(made, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, made in (("cutover", cutover()),)
    }


def main() -> None:
    """Writes every file."""
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"wrote {(FOLDER / name).name}")


if __name__ == "__main__":
    main()
