//! What the metrics ask every few seconds is cheap however long the queue and the history are.
//!
//! Invariant: the database itself says so: on tables with rows and statistics none of the statements reads a whole table
//! or a whole index.

use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, Row, SqliteConnection};

use super::{Case, on_each_database};
use crate::support::databases::Kind;

on_each_database! {
    no_gauge_reads_a_whole_table
}

const ROWS: usize = 3_000;

async fn no_gauge_reads_a_whole_table(case: Case) {
    fill(
        &case,
        "sync_jobs (doctype, name, lane, run_at, generation, attempts, cause, absent, created_at, updated_at)",
        |n| format!("('Customer', 'C{n}', {}, {n}, 1, 0, 15, FALSE, 0, 0)", n % 2),
    )
    .await;
    let columns = "sync_runs (id, kind, state, cause, listed_all, listed, put, candidates, created, updated, unchanged, \
                   linked, tombstoned, not_permitted, skipped, failed, started_at, updated_at, finished_at)";
    fill(&case, columns, |n| {
        let (kind, state) = (["full", "sweep", "catch_up"][n % 3], ["succeeded", "failed", "cancelled"][n % 7 % 3]);
        format!("({}, '{kind}', '{state}', 'schedule', TRUE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {n})", n + 1)
    })
    .await;
    fill(&case, "customers (id, name)", |n| format!("({}, 'C{n}')", n + 1)).await;
    let columns = "sync_suggestions (name, creation, customer_id, kind, matched_by, state, created_at)";
    fill(&case, columns, |n| format!("('C{n}', '', {}, 'same', 'email', 'done', 0)", n + 1)).await;
    case.execute(
        "INSERT INTO sync_suggestions (name, creation, customer_id, kind, matched_by, state, created_at) \
                  VALUES ('open', '', 1, 'same', 'email', 'open', 0)",
    )
    .await;
    analyze(&case).await;

    let statements = case.store.measured();
    assert!(statements.len() >= 4);
    for statement in statements {
        let text = statement.replace("$1", "'full'").replace('?', "'full'");
        let plan = explain(&case, &text).await;
        assert!(!plan.is_empty(), "{text}");
        let whole: Vec<&String> = plan.iter().filter(|step| reads_all(case.database.kind, step)).collect();
        assert!(whole.is_empty(), "{text}\n{plan:#?}");
    }
    let all = explain(&case, "SELECT COUNT(*) FROM sync_jobs WHERE attempts = 7").await;
    assert!(all.iter().any(|step| reads_all(case.database.kind, step)), "this one does: {all:#?}");
}

async fn fill(case: &Case, table_and_columns: &str, row: impl Fn(usize) -> String) {
    for chunk in (0..ROWS).collect::<Vec<_>>().chunks(500) {
        let rows: Vec<String> = chunk.iter().map(|n| row(*n)).collect();
        case.execute(&format!("INSERT INTO {table_and_columns} VALUES {}", rows.join(", "))).await;
    }
}

/// Fresh statistics, as the servers take them by themselves.
async fn analyze(case: &Case) {
    let tables = ["sync_jobs", "sync_runs", "sync_suggestions"];
    match case.database.kind {
        Kind::Sqlite => case.execute("ANALYZE").await,
        Kind::Postgres => case.execute(&format!("VACUUM ANALYZE {}", tables.join(", "))).await,
        Kind::Mariadb => {
            for table in tables {
                case.execute(&format!("ANALYZE TABLE {table}")).await;
            }
        }
    }
}

/// The steps of the plan, one text each.
async fn explain(case: &Case, statement: &str) -> Vec<String> {
    let url = &case.database.url;
    match case.database.kind {
        Kind::Sqlite => {
            let sql = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
            let rows = SqliteConnection::connect(url).await.unwrap().fetch_all(sql).await.unwrap();
            rows.iter().map(|row| row.get("detail")).collect()
        }
        Kind::Postgres => {
            let sql = AssertSqlSafe(format!("EXPLAIN {statement}"));
            let rows = PgConnection::connect(url).await.unwrap().fetch_all(sql).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
        Kind::Mariadb => {
            let sql = AssertSqlSafe(format!("EXPLAIN {statement}"));
            let rows = MySqlConnection::connect(url).await.unwrap().fetch_all(sql).await.unwrap();
            let text = |row: &sqlx::mysql::MySqlRow, column| row.get::<Option<String>, _>(column).unwrap_or_default();
            rows.iter()
                .map(|row| format!("{} {} {}", text(row, "type"), text(row, "table"), text(row, "key")))
                .collect()
        }
    }
}

/// Whether a step reads all of a table of ours or of one of its indexes.
fn reads_all(kind: Kind, step: &str) -> bool {
    match kind {
        Kind::Sqlite => step.starts_with("SCAN sync_"),
        Kind::Postgres => step.contains("Seq Scan on sync_"),
        Kind::Mariadb => step.starts_with("ALL sync_") || step.starts_with("index sync_"),
    }
}
