//! The texts of the list: every order, from every kind of place in it, over all customers or over some that an index finds.
//!
//! Invariant: the same rows in the same order whatever the way, so that a page found one way goes on where one found the
//! other way ended. A key may be null in an adopted table; an order is then made of two stretches, one of which has the
//! nulls, because no database can seek behind a null. Which way is taken when is decided in `list`.

use super::super::Dialect;
use super::super::db::{Arg, Statement};
use super::proposal::proposed;
use crate::domain::customer::CustomerId;
use crate::domain::listing::{Cursor, Key, Show, Sort};

/// Where rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// All customers along the index of the order.
    Walk,
    /// What an index says that [`Show`] means, sorted afterwards.
    Shown(Show),
    /// What the index of words proposes, sorted afterwards. Its values are the [`proposal`] and a [`mask`].
    Proposed,
}

/// The choices that an index can find. All and the living are nearly everybody: along the index of the order is quicker.
const INDEXED: [Show; 6] = [Show::Synced, Show::Local, Show::Inactive, Show::Deleted, Show::Problems, Show::ToLink];

impl Source {
    const ALL: [Self; 8] = [
        Self::Walk,
        Self::Proposed,
        Self::Shown(INDEXED[0]),
        Self::Shown(INDEXED[1]),
        Self::Shown(INDEXED[2]),
        Self::Shown(INDEXED[3]),
        Self::Shown(INDEXED[4]),
        Self::Shown(INDEXED[5]),
    ];

    /// The source that finds these by an index, if there is one.
    pub(super) fn of(show: Show) -> Option<Self> {
        INDEXED.contains(&show).then_some(Self::Shown(show))
    }
}

/// A stretch of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    /// Rows with a key, from the first one on.
    Whole,
    /// Rows with a key, behind a key and an id.
    Behind,
    /// Rows without one, behind an id.
    Nulls,
}

const STRETCHES: [Stretch; 3] = [Stretch::Whole, Stretch::Behind, Stretch::Nulls];
const KEYS: usize = Key::ALL.len();
const TEXTS: usize = Source::ALL.len() * KEYS * 2 * STRETCHES.len();

/// All texts of the orders; [`number`] finds one.
static PLACES: [Statement; TEXTS] = Statement::family(text);

/// Those of [`INDEXED`] that columns of a customer tell.
const COUNTABLE: [Show; 4] = [Show::Synced, Show::Local, Show::Inactive, Show::Deleted];

/// Values: the most to count.
static COUNTED: [Statement; COUNTABLE.len()] = Statement::family(|_, number| {
    let shown = shown(COUNTABLE[number]);
    format!("SELECT {{count:COUNT(*)}} AS n FROM (SELECT 1 FROM customers AS t WHERE {shown} LIMIT ?) AS s")
});

/// Every statement of this file.
pub(in crate::store) fn all() -> impl Iterator<Item = &'static Statement> {
    PLACES.iter().chain(&COUNTED)
}

/// Counts how many there are of a choice that columns tell, up to its value.
pub(super) fn counted(show: Show) -> Option<&'static Statement> {
    let number = COUNTABLE.iter().position(|other| *other == show)?;
    COUNTED.get(number)
}

fn number(source: Source, sort: Sort, stretch: Stretch) -> usize {
    let source = Source::ALL.iter().position(|other| *other == source).unwrap_or_default();
    let key = Key::ALL.iter().position(|key| *key == sort.key).unwrap_or_default();
    ((source * KEYS + key) * 2 + usize::from(sort.descending)) * STRETCHES.len() + stretch as usize
}

fn text(dialect: Dialect, number: usize) -> String {
    let (rest, stretch) = (number / STRETCHES.len(), STRETCHES[number % STRETCHES.len()]);
    let (rest, descending) = (rest / 2, rest % 2 == 1);
    let (source, key) = (Source::ALL[rest / KEYS], Key::ALL[rest % KEYS]);
    let columns = "{text:t.name} AS name, {text:t.erpnext_id} AS erpnext_id, {text:t.email} AS email, \
        {text:t.phone} AS phone, {text:t.tax_number} AS tax_number";
    let (value, class) = (value(dialect, key), CLASS);
    let direction = if descending { "DESC" } else { "ASC" };
    match source {
        Source::Walk => {
            let behind = behind(dialect, key, descending, stretch, &value, "t.id");
            let sorted = sorted(dialect, key, &value);
            format!(
                "SELECT {{id:t.id}} AS id, {{text:{value}}} AS sort_key, {{count:{class}}} AS class, {columns} \
                 FROM customers AS t WHERE {behind} ORDER BY {sorted} {direction}, t.id {direction} LIMIT ?"
            )
        }
        Source::Shown(_) | Source::Proposed => {
            let behind = behind(dialect, key, descending, stretch, "f.k", "f.id");
            let sorted = sorted(dialect, key, "f.k");
            let found = match source {
                Source::Shown(show) => shown(show).to_owned(),
                Source::Walk | Source::Proposed => format!("{} AND (? & {CLASS}) <> 0", proposed(dialect)),
            };
            // Otherwise PostgreSQL may walk the order after all, and make the words of each row anew.
            let once = if dialect == Dialect::Postgres { "MATERIALIZED" } else { "" };
            format!(
                "WITH f AS {once} (SELECT t.id AS id, {value} AS k, {{count:{class}}} AS class, {columns} \
                            FROM customers AS t WHERE {found}) \
                 SELECT {{id:f.id}} AS id, {{text:f.k}} AS sort_key, f.class AS class, f.name AS name, \
                        f.erpnext_id AS erpnext_id, f.email AS email, f.phone AS phone, f.tax_number AS tax_number \
                 FROM f WHERE {behind} ORDER BY {sorted} {direction}, f.id {direction} LIMIT ?"
            )
        }
    }
}

/// What kind of row it is, one bit each; [`mask`] has those that a choice shows.
const CLASS: &str = "CASE WHEN t.deleted_at IS NOT NULL THEN 1 \
    WHEN t.origin = 'local' THEN CASE WHEN t.is_active THEN 8 ELSE 16 END \
    WHEN t.is_active THEN 2 ELSE 4 END";

/// The classes of a choice. Problems and questions are found by their source alone.
pub(super) const fn mask(show: Show) -> i64 {
    match show {
        Show::All => 31,
        Show::Living | Show::Problems | Show::ToLink => 30,
        Show::Synced => 6,
        Show::Local => 24,
        Show::Inactive => 20,
        Show::Deleted => 1,
    }
}

/// What an index can find of a choice.
fn shown(show: Show) -> &'static str {
    match show {
        Show::All => "TRUE",
        Show::Living => "t.deleted_at IS NULL",
        Show::Synced => "t.deleted_at IS NULL AND t.origin = 'erpnext'",
        Show::Local => "t.deleted_at IS NULL AND t.origin = 'local'",
        Show::Inactive => "t.deleted_at IS NULL AND t.origin IN ('erpnext', 'local') AND t.is_active = FALSE",
        Show::Deleted => "t.deleted_at IS NOT NULL",
        // A job counts as failed as in the list of jobs: dead, or waiting after a failure.
        Show::Problems => {
            "t.deleted_at IS NULL AND t.id IN (\
                SELECT c.id FROM sync_jobs AS j {join} customers AS c ON c.erpnext_id = j.name \
                WHERE j.doctype = 'Customer' AND j.lane IN (0, 1) \
                  AND (j.run_at IS NULL OR (j.run_at > {now} AND j.token IS NULL AND j.last_error IS NOT NULL)) \
                UNION SELECT s.customer_id FROM sync_state AS s WHERE s.unknown IS NOT NULL)"
        }
        Show::ToLink => {
            "t.deleted_at IS NULL AND t.id IN (SELECT s.customer_id FROM sync_suggestions AS s WHERE s.state = 'open')"
        }
    }
}

/// The value that an index is sorted by. PostgreSQL's indexes take no long texts.
fn value(dialect: Dialect, key: Key) -> String {
    match (key, dialect) {
        (Key::Id, _) => "t.id",
        (Key::Name, Dialect::Postgres) => "left(t.name, 200)",
        (Key::Name, Dialect::Sqlite | Dialect::Mariadb) => "t.name",
        (Key::Updated, _) => "t.updated_at",
        (Key::Created, _) => "t.created_at",
    }
    .to_owned()
}

/// The value as it is compared. SQLite would put all capitals before all small letters.
fn sorted(dialect: Dialect, key: Key, value: &str) -> String {
    let folded = key == Key::Name && dialect == Dialect::Sqlite;
    if folded { format!("{value} COLLATE NOCASE") } else { value.to_owned() }
}

/// The condition of a stretch; its values are those of [`stretches`].
fn behind(dialect: Dialect, key: Key, descending: bool, stretch: Stretch, value: &str, id: &str) -> String {
    let sign = if descending { '<' } else { '>' };
    let sorted = sorted(dialect, key, value);
    match (stretch, key) {
        (Stretch::Whole, _) => format!("{value} IS NOT NULL"),
        (Stretch::Nulls, _) => format!("{value} IS NULL AND {id} {sign} ?"),
        (Stretch::Behind, Key::Id) => format!("{id} {sign} ?"),
        (Stretch::Behind, _) => match dialect {
            Dialect::Sqlite => format!("({sorted}, {id}) {sign} (?, ?)"),
            Dialect::Postgres if key == Key::Name => format!("({sorted}, {id}) {sign} (?, ?)"),
            Dialect::Postgres => format!("({sorted}, {id}) {sign} (CAST(? AS TIMESTAMPTZ), ?)"),
            // Which seeks no index for a pair, but for each side of an OR.
            Dialect::Mariadb => format!("({sorted} {sign} ? OR ({sorted} = ? AND {id} {sign} ?))"),
        },
    }
}

/// The statements that give what lies behind a place (`None`: everything), one after the other, with their values; `first`
/// are those of the source.
pub(super) fn stretches<'c>(
    dialect: Dialect,
    source: Source,
    first: &[Arg<'c>],
    sort: Sort,
    behind: Option<&'c Cursor>,
) -> Vec<(&'static Statement, Vec<Arg<'c>>)> {
    let of = |stretch, args: Vec<Arg<'c>>| (&PLACES[number(source, sort, stretch)], [first, &args].concat());
    let outermost = if sort.descending { CustomerId::MAX } else { CustomerId::MIN };
    let nulls = |id| of(Stretch::Nulls, vec![Arg::Int(id)]);
    let whole = || of(Stretch::Whole, Vec::new());
    let keyed = |key: &'c str, id| match dialect {
        Dialect::Mariadb => of(Stretch::Behind, vec![Arg::Text(key), Arg::Text(key), Arg::Int(id)]),
        Dialect::Sqlite | Dialect::Postgres => of(Stretch::Behind, vec![Arg::Text(key), Arg::Int(id)]),
    };
    let behind = behind.filter(|at| dialect == Dialect::Sqlite || sort.key == Key::Name || is_of_a_server(at));
    match (behind, sort.key, sort.descending) {
        (None, Key::Id, _) => vec![of(Stretch::Behind, vec![Arg::Int(outermost)])],
        (Some(at), Key::Id, _) => vec![of(Stretch::Behind, vec![Arg::Int(at.id)])],
        (None, _, false) => vec![nulls(outermost), whole()],
        (None, _, true) => vec![whole(), nulls(outermost)],
        (Some(Cursor { key: Some(key), id }), _, false) => vec![keyed(key, *id)],
        (Some(Cursor { key: Some(key), id }), _, true) => vec![keyed(key, *id), nulls(outermost)],
        (Some(Cursor { key: None, id }), _, false) => vec![nulls(*id), whole()],
        (Some(Cursor { key: None, id }), _, true) => vec![nulls(*id)],
    }
}

/// Whether its time, if it has one, is written as servers write theirs. What else is a time (of SQLite, or made up) is no
/// place in a table of a server, and PostgreSQL does not even read all of it: other offsets, the year 0, half a time.
fn is_of_a_server(at: &Cursor) -> bool {
    at.key.as_deref().is_none_or(|key| {
        let time = key.strip_suffix("+00").unwrap_or(key);
        let has_its_shape = time.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            10 => byte == b' ',
            13 | 16 => byte == b':',
            19 => byte == b'.',
            _ => byte.is_ascii_digit(),
        });
        has_its_shape && time.len() >= "2026-01-31 12:00:00".len() && !time.starts_with("0000")
    })
}
