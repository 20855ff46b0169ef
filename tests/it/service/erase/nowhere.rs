//! What was known of a customer when it is erased, and where it stood.

use reqwest::Method;
use serde_json::json;

use super::super::Connected;
use super::WORDS;
use crate::support::databases::Kind;
use crate::support::dump::places_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trace_of_it_goes_and_everybody_else_stays() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let Connected { app, erpnext, .. } = &connected;
        let other = erpnext.create_customer(json!({"customer_name": "Somebody Else", "tax_id": "TAX-2"})).unwrap();
        let name = connected.marked("Quillfeather");
        connected.settled().await;
        let id = connected.id_of(&name).await;
        // It was renamed, edited, synced by a run and by hand, and its webhooks came in several shapes.
        erpnext.rename("Customer", &name, "Quillfeather & Söhne").unwrap();
        erpnext.update("Customer", "Quillfeather & Söhne", json!({"website": "https://zq-mail.example"})).unwrap();
        connected.settled().await;
        let document = erpnext.document("Customer", "Quillfeather & Söhne").unwrap();
        let mut whole = json!(document);
        whole["doctype"] = "Customer".into();
        assert_eq!(app.webhook(whole.to_string()).await.status().as_u16(), 202);
        whole["padding"] = "x".repeat(20_000).into();
        assert_eq!(app.webhook(whole.to_string()).await.status().as_u16(), 202);
        let invoice = json!({"doctype": "Sales Invoice", "name": "SI-1", "customer": "Quillfeather & Söhne"});
        assert_eq!(app.webhook(invoice.to_string()).await.status().as_u16(), 202);
        let run = app.request(Method::POST, "/api/customers/sync").send().await.unwrap();
        assert_eq!(run.status().as_u16(), 200);
        // One job of it fails, and the reason names it.
        erpnext.faults().poison("Quillfeather & Söhne", 417);
        app.hint("on_update", "Customer", "Quillfeather & Söhne").await;
        connected.settled().await;
        erpnext.faults().heal("Quillfeather & Söhne");
        assert!(places_of(&connected.database, &WORDS).await.len() > 20, "there is something to erase");
        let before = app.customer(&other).await;

        let erased = connected.erase(id).await;
        assert_eq!(erased, json!({"data": {"customer": id, "effect": "erased"}}), "{kind:?}");
        connected.stays_erased(id, "at once").await;
        assert_eq!(app.customer(&other).await, before);
        let history = app.store().changes_of(id, None, 100).await.unwrap();
        assert_eq!((history[0].kind.as_str(), history[0].cause.as_str()), ("erased", "person"));
        let first = history.last().unwrap();
        assert_eq!(first.kind, "created", "which fields changed, and when, stays");
        assert!(first.changes.as_array().unwrap().iter().any(|change| change["field"] == "email"), "{first:?}");

        let again = connected.erase(id).await;
        assert_eq!(again["data"]["effect"], "unchanged");
        assert_eq!(app.store().changes_of(id, None, 100).await.unwrap().len(), history.len(), "nothing is written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_sqlite_hold_nothing_of_it() {
    let connected = Connected::start(Kind::Sqlite).await;
    connected.erpnext.seed_customers(40);
    connected.erpnext.announce_customers();
    let name = connected.marked("Quillfeather");
    connected.settled().await;
    let id = connected.id_of(&name).await;
    connected.erase(id).await;
    connected.stays_erased(id, "in the tables").await;
    let file = connected.database.url.trim_start_matches("sqlite://").to_owned();
    let folder = std::path::Path::new(&file).parent().unwrap().to_owned();
    let stem = std::path::Path::new(&file).file_name().unwrap().to_string_lossy().into_owned();
    let mut looked_at = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // `-shm` is an index of pages, without their content.
        if !path.file_name().unwrap().to_string_lossy().starts_with(&stem) || path.to_string_lossy().ends_with("-shm") {
            continue;
        }
        looked_at += 1;
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        for word in WORDS {
            let found = bytes.windows(word.len()).any(|window| window == word.to_ascii_lowercase().as_bytes());
            assert!(!found, "{word} stands in {}", path.display());
        }
    }
    assert!(looked_at >= 1);
}
