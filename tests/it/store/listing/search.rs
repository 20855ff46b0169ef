//! What a search finds: the same on every database, however the words are spelled, quoted or separated.

use customer_sync::domain::erasure::ErasedBy;

use super::super::make::{CREATION, full_record, upsert};
use super::{Case, on_each_database, question};
use crate::support::databases::Kind;
use crate::support::dump::places_of;

on_each_database! {
    each_word_begins_a_word_of_some_field
    nothing_is_syntax
    words_of_every_script_and_length_are_found
    changed_and_deleted_rows_are_found_as_they_are_now
    rows_from_before_the_index_are_found
    a_text_without_end_is_no_obstacle
    words_of_an_erased_customer_are_gone_from_the_index
}

/// The names that a search finds, sorted.
async fn names(case: &Case, q: &str) -> Vec<String> {
    let ids = case.listed(&question(q, "all", "id"), 2).await;
    let mut names = Vec::new();
    for id in ids {
        names.push(case.store.customer(id).await.unwrap().unwrap().row.customer.name);
    }
    names.sort();
    names
}

async fn each_word_begins_a_word_of_some_field(case: Case) {
    // Further away than anybody walks: found by an index, where there is one.
    case.crowd(2_500).await;
    case.insert(
        "name, erpnext_id, email, phone, tax_number",
        &[
            "'Berg & Söhne GmbH', 'CUST-2026-00017', 'anna.berg@example.com', '+49 (30) 123-456', 'DE 123 456 789'",
            "'Bergmann AG', 'Bergmann AG', 'info@bergmann.test', NULL, 'DE999999999'",
            "'Tal Ltd', 'CUST-2026-00018', NULL, '030/5550100', NULL",
        ],
    )
    .await;
    for (q, expected) in [
        ("berg", vec!["Berg & Söhne GmbH", "Bergmann AG"]),
        ("BERG söh", vec!["Berg & Söhne GmbH"]),
        ("SÖHNE", vec!["Berg & Söhne GmbH"]),
        ("gmbh anna", vec!["Berg & Söhne GmbH"]),
        ("cust-2026", vec!["Berg & Söhne GmbH", "Tal Ltd"]),
        ("CUST-2026-00018", vec!["Tal Ltd"]),
        ("anna.berg@example.com", vec!["Berg & Söhne GmbH"]),
        ("example", vec!["Berg & Söhne GmbH"]),
        ("+4930123456", vec!["Berg & Söhne GmbH"]),
        ("+49 30 12 34 56", vec!["Berg & Söhne GmbH"]),
        ("030 5550", vec!["Tal Ltd"]),
        ("de123456789", vec!["Berg & Söhne GmbH"]),
        ("DE", vec!["Berg & Söhne GmbH", "Bergmann AG"]),
        ("ag", vec!["Bergmann AG"]),
        ("erg", vec![]),
        ("berg tal", vec![]),
        ("00017 00018", vec![]),
    ] {
        assert_eq!(names(&case, q).await, expected, "{q}");
    }
}

async fn nothing_is_syntax(case: Case) {
    case.insert("name", &["'Plain and Simple'", "'100% Wool_Ltd'", "'O''Brien \"Quoted\" (AND) OR'"]).await;
    let all = ["100% Wool_Ltd", "O'Brien \"Quoted\" (AND) OR", "Plain and Simple"];
    for (q, expected) in [
        ("", all.to_vec()),
        (" ", all.to_vec()),
        ("%", vec![]),
        ("_", vec![]),
        ("\"", vec![]),
        ("\u{1f600}", vec![]),
        ("100%", vec!["100% Wool_Ltd"]),
        ("p%n", vec![]),
        ("ltd", vec!["100% Wool_Ltd"]),
        ("wool_", vec!["100% Wool_Ltd"]),
        ("o'brien", vec!["O'Brien \"Quoted\" (AND) OR"]),
        ("\"quoted", vec!["O'Brien \"Quoted\" (AND) OR"]),
        ("simple OR wool", vec![]),
        ("and", vec!["O'Brien \"Quoted\" (AND) OR", "Plain and Simple"]),
        ("NOT plain", vec![]),
        ("-plain", vec!["Plain and Simple"]),
        ("plain*", vec!["Plain and Simple"]),
        ("plain:* & simple | !x", vec![]),
        ("name:plain", vec![]),
        ("^plain ~simple <plain> @simple", vec!["Plain and Simple"]),
        ("NEAR(plain simple)", vec![]),
        ("plain' OR '1'='1", vec![]),
        ("plain; DROP TABLE customers; --", vec![]),
        ("\\plain\\ {simple}", vec!["Plain and Simple"]),
        ("plain\tsimple\n", vec!["Plain and Simple"]),
    ] {
        assert_eq!(names(&case, q).await, expected, "{q}");
    }
}

async fn words_of_every_script_and_length_are_found(case: Case) {
    case.crowd(2_500).await;
    let there = [
        "Ümit Çelik",
        "ŁÓDŹ Sp",
        "שלום חברה",
        "شركة النور",
        "株式会社 山田",
        "हिन्दी लिमिटेड",
        "\u{1f600} Smile",
        "The And Of",
        "X Æ A 12",
        "Q",
        "Straße 7",
        "Иван Петров",
        "zzgmbh",
    ];
    let rows: Vec<String> = there.iter().map(|name| format!("'{name}'")).collect();
    case.insert("name", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (q, expected) in [
        ("ümit", "Ümit Çelik"),
        ("ÇE", "Ümit Çelik"),
        ("łódź", "ŁÓDŹ Sp"),
        ("של", "שלום חברה"),
        ("النور", "شركة النور"),
        ("山", "株式会社 山田"),
        ("हिन्", "हिन्दी लिमिटेड"),
        ("\u{1f600} smile", "\u{1f600} Smile"),
        ("the", "The And Of"),
        ("of and", "The And Of"),
        ("x", "X Æ A 12"),
        ("æ 12", "X Æ A 12"),
        ("q", "Q"),
        ("7", "Straße 7"),
        ("петр", "Иван Петров"),
        ("zzg", "zzgmbh"),
    ] {
        let found = names(&case, q).await;
        let found: Vec<&String> = found.iter().filter(|name| !name.contains("Crowd")).collect();
        assert_eq!(found, [expected], "{q}");
    }
    assert!(names(&case, "gmbh").await.is_empty());
}

async fn changed_and_deleted_rows_are_found_as_they_are_now(case: Case) {
    case.crowd(2_500).await;
    case.insert("name, email", &["'Before', 'old@example.com'", "'Stays', 'new@example.com'"]).await;
    assert_eq!(names(&case, "old").await, ["Before"]);
    case.execute("UPDATE customers SET name = 'After', email = NULL WHERE name = 'Before'").await;
    assert!(names(&case, "old").await.is_empty() && names(&case, "before").await.is_empty());
    assert_eq!(names(&case, "after").await, ["After"]);
    case.execute("UPDATE customers SET notes = 'x'").await;
    assert_eq!(names(&case, "after").await, ["After"], "another column does not matter");
    case.execute("DELETE FROM customers WHERE name = 'After'").await;
    assert!(names(&case, "after").await.is_empty());
    assert_eq!(names(&case, "example").await, ["Stays"]);
    let (name, email) = ("Renamed", "zoe@example.net");
    let id = case.create(name).await;
    assert_eq!(case.listed(&question("renamed ltd", "all", "name"), 10).await, [id]);
    assert!(case.listed(&question(email, "all", "name"), 10).await.is_empty());
}

/// As a database of an earlier version, which is brought up to date.
async fn rows_from_before_the_index_are_found(case: Case) {
    let undo: &[&str] = match case.database.kind {
        Kind::Sqlite => &[
            "DROP INDEX sync_customers_name",
            "DROP INDEX sync_customers_updated",
            "DROP INDEX sync_customers_created",
            "DROP INDEX sync_customers_kind",
        ],
        Kind::Postgres => &[
            "DROP INDEX sync_customers_name, sync_customers_updated, sync_customers_created, sync_customers_kind",
            "DROP INDEX sync_customers_words",
        ],
        Kind::Mariadb => &[
            "ALTER TABLE customers DROP INDEX sync_customers_words, DROP COLUMN sync_words",
            "DROP INDEX sync_customers_name ON customers",
        ],
    };
    for sql in undo {
        case.execute(sql).await;
    }
    case.execute("DELETE FROM sync_migrations WHERE name IN ('0008_list', '0012_search_bounds')").await;
    case.crowd(2_500).await;
    case.insert("name, phone", &["'Older Rows', '030 / 12-34'"]).await;
    let store = case.another_store().await;
    let case = Case { store, database: case.database };
    assert_eq!(case.store.migrate(false).await.unwrap().applied, ["0008_list", "0012_search_bounds"]);
    assert_eq!(names(&case, "row older").await, ["Older Rows"]);
    assert_eq!(names(&case, "0301234").await, ["Older Rows"]);
}

/// As an application writes whatever a column takes: three megabytes, one word of them.
async fn a_text_without_end_is_no_obstacle(case: Case) {
    case.crowd(2_500).await;
    let [words, word] = match case.database.kind {
        Kind::Sqlite => ["replace(hex(zeroblob(150000)), '0', 'long words ')", "hex(zeroblob(1500000))"],
        Kind::Postgres => ["repeat('long words ', 300000)", "repeat('0', 3000000)"],
        Kind::Mariadb => ["REPEAT('long words ', 20)", "REPEAT('0', 250)"],
    };
    for (name, mail) in [(words, "mmm"), (word, "nnn")] {
        case.insert("name, email", &[&format!("{name}, '{mail}@example.com'")]).await;
        assert_eq!(case.listed(&question(mail, "all", "id"), 10).await.len(), 1, "{mail}");
    }
    assert_eq!(case.listed(&question("long wor", "all", "id"), 10).await.len(), 1);
    if case.database.kind != Kind::Mariadb {
        assert_eq!(case.listed(&question(&"0".repeat(200), "all", "id"), 10).await.len(), 1);
    }
}

async fn words_of_an_erased_customer_are_gone_from_the_index(case: Case) {
    case.crowd(2_500).await;
    let (id, _effect) = case.write("Ada & Co", upsert(None, full_record("Ada & Co"), CREATION)).await;
    assert_eq!(case.listed(&question("söhne zoe", "all", "name"), 10).await, [id]);
    case.store.erase(&[id], ErasedBy::Person).await.unwrap();
    assert!(case.listed(&question("söhne", "all", "name"), 10).await.is_empty());
    // What a table of the index holds is looked at with all others.
    assert_eq!(places_of(&case.database, &["zoe", "Zoe", "de123456789", "4930123456"]).await, Vec::<String>::new());
}
