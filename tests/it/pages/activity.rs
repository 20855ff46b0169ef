//! *Activity* without scripts: what it shows to whom, and what its forms do.

use customer_sync::domain::role::Role;
use customer_sync::domain::run::{RunCause, RunKind, RunState};
use customer_sync::domain::suggestion::SuggestionState;
use serde_json::json;

use super::{Site, place};

/// A text that would do harm where it is not escaped.
const SCRIPT: &str = "<script>document.title='harm'</script>";
/// The same for a name: ERPNext allows no `<` in one.
const HOSTILE: &str = "Eve\" autofocus onfocus=\"document.title='harm'";

#[tokio::test]
async fn runs_are_listed_filtered_and_paged_and_a_held_one_is_decided_once_by_an_admin() {
    let site = Site::start().await;
    let run = site.hold().await;
    let mut otto = site.signed_in("otto", Role::Operator).await;
    let mut anna = site.signed_in("anna", Role::Admin).await;

    let list = otto.page("/activity").await;
    assert!(list.contains(&format!("Sweep {run}")) && list.contains("waits for approval"), "{list}");
    assert!(list.contains("20 created"), "{list}");
    let full = otto.page("/activity?kind=full&state=").await;
    assert!(full.contains("Full sync") && !full.contains(&format!("Sweep {run}")), "{full}");
    assert!(otto.page("/activity?state=cancelled").await.contains("No run matches"));
    assert_eq!(otto.get("/activity?state=nonsense").await.status(), 400);

    // Thirty are more than a page.
    for _ in 0..30 {
        let run = site.app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
        site.app.store().cancel_run(run).await.unwrap();
    }
    let first = otto.page("/activity?state=cancelled").await;
    let second = otto.page(&next(&first)).await;
    assert_eq!(second.matches("id=\"run-").count() + first.matches("id=\"run-").count(), 30, "{second}");
    assert!(!second.contains("rel=\"next\"") && second.contains("Newest"), "{second}");

    let path = format!("/activity/runs/{run}");
    let page = otto.page(&path).await;
    assert!(page.contains("Remove 12 customers?") && page.contains("An admin has to decide."), "{page}");
    assert_eq!(page.matches("no longer in ERPNext&#39;s list").count(), 12, "{page}");
    assert!(!page.contains("id=\"approve\""), "{page}");
    assert_eq!(otto.submit(&format!("{path}/approve"), &[]).await.status(), 403);

    assert!(anna.page(&path).await.contains("id=\"approve\""));
    let answer = anna.submit(&format!("{path}/approve"), &[]).await;
    assert_eq!((answer.status().as_u16(), place(&answer)), (303, path.as_str()));
    site.run_is(run, RunState::Succeeded).await;
    let answer = anna.submit(&format!("{path}/discard"), &[]).await;
    assert_eq!(answer.status(), 303);
    assert!(anna.page(&path).await.contains("Somebody decided already"));
    assert_eq!(anna.get("/activity/runs/999999").await.status(), 404);
}

/// Where the next page of a list is.
fn next(page: &str) -> String {
    let link = page.split("href=\"").find(|link| link.split('>').next().unwrap().contains("rel=\"next\"")).unwrap();
    link.split('"').next().unwrap().replace("&#38;", "&")
}

#[tokio::test]
async fn long_lists_of_failures_and_webhooks_are_paged() {
    let site = Site::start().await;
    let names: Vec<String> = (10..40).map(|number| format!("Wonky & Sons/{number}")).collect();
    site.fail(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    for (path, back) in
        [("/activity/failures?q=wonky", "First page"), ("/activity/webhooks?doctype=Customer", "Newest")]
    {
        let first = vera.page(path).await;
        let second = vera.page(&next(&first)).await;
        assert!(second.contains(back) && !second.contains("rel=\"next\""), "{second}");
        for name in &names {
            let shown = |page: &str| page.contains(&name.replace('&', "&#38;"));
            assert_ne!(shown(&first), shown(&second), "{path}: {name} is on one of the pages");
        }
    }
}

#[tokio::test]
async fn failures_are_told_in_plain_words_and_retried_or_discarded_one_or_all_that_match() {
    let site = Site::start().await;
    site.fail(&["Wonky/1", "Wonky 2", "Other 3", HOSTILE]).await;
    site.complain("Other 3", SCRIPT).await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let mut otto = site.signed_in("otto", Role::Operator).await;

    let page = vera.page("/activity/failures").await;
    assert!(page.contains("4 documents") && page.contains("ERPNext refuses to give it."), "{page}");
    assert!(page.contains("put right what it complains about"), "{page}");
    assert!(!page.contains("<script>document") && page.contains("&#60;script&#62;document"), "{page}");
    assert!(!page.contains("\" autofocus") && page.contains("Eve&#34; autofocus"), "{page}");
    assert!(!page.contains("/retry\"") && !page.contains("/discard\""), "{page}");
    let one = [("doctype", "Customer"), ("name", "Wonky/1"), ("back", "/activity/failures?q=wonky")];
    for word in ["retry", "discard"] {
        assert_eq!(vera.submit(&format!("/activity/failures/{word}"), &one).await.status(), 403);
    }

    site.erpnext.faults().heal("Wonky/1");
    let answer = otto.submit("/activity/failures/retry", &one).await;
    assert_eq!((answer.status().as_u16(), place(&answer)), (303, "/activity/failures?q=wonky"));
    site.app.settled().await;
    assert!(site.app.customer("Wonky/1").await.is_some());
    let page = otto.page("/activity/failures?q=wonky&state=dead&doctype=Customer").await;
    assert!(page.contains("1 document is tried again now.") && page.contains("Discard all 1 that match"), "{page}");

    let all = [("all", "yes"), ("q", "wonky"), ("state", "dead"), ("doctype", "Customer"), ("label", "")];
    assert_eq!(otto.submit("/activity/failures/discard", &all).await.status(), 303);
    let page = otto.page("/activity/failures").await;
    assert!(page.contains("1 document was discarded.") && page.contains("2 documents"), "{page}");
    for vague in [&[("state", "dead")][..], &[("all", "yes"), ("state", "daed")], &[("all", "yes"), ("surprise", "")]] {
        assert_eq!(otto.submit("/activity/failures/discard", vague).await.status(), 400, "{vague:?}");
    }
    assert_eq!(site.app.store().job_count(&Default::default()).await.unwrap(), 2);
    // Nobody is led away from here.
    let answer = otto.submit("/activity/failures/retry", &[("all", "yes"), ("back", "//evil.example")]).await;
    assert_eq!(place(&answer), "/activity/failures");
}

#[tokio::test]
async fn where_two_of_erpnext_may_be_one_of_ours_it_is_told_that_only_one_can_be() {
    let site = Site::configured(&[("matching.keys", "email")]).await;
    site.local(json!({"name": "Ours", "email": "info@two.example"})).await;
    for name in ["North", "South"] {
        site.erpnext.import("Customer", json!({"customer_name": name, "email_id": "info@two.example"})).unwrap();
    }
    let run = site.app.store().start_run(RunKind::Full, RunCause::Person).await.unwrap().run;
    site.run_is(run, RunState::Succeeded).await;
    let page = site.signed_in("vera", Role::Viewer).await.page("/activity/links").await;
    assert_eq!(page.matches("Others on this page may be <bdi>Ours</bdi> too").count(), 2, "{page}");
}

#[tokio::test]
async fn a_link_is_shown_from_both_sides_and_decided_once() {
    let site = Site::configured(&[("matching.keys", "email")]).await;
    let [mine, _other] = site.ask(["Two Limited", SCRIPT]).await;
    let mut vera = site.signed_in("vera", Role::Viewer).await;
    let mut otto = site.signed_in("otto", Role::Operator).await;

    let page = vera.page("/activity/links").await;
    assert!(page.contains("They have the same e-mail.") && page.contains("TAX 2"), "{page}");
    assert!(page.contains("Two Limited") && page.contains("Two Ltd"), "{page}");
    assert!(!page.contains("<script>document") && !page.contains("/accept\""), "{page}");
    let open = site.app.store().suggestions(Some(SuggestionState::Open), 0, 10).await.unwrap();
    let id = open.iter().find(|row| row.customer == mine).unwrap().id;
    for word in ["accept", "reject"] {
        assert_eq!(vera.submit(&format!("/activity/links/{id}/{word}"), &[]).await.status(), 403);
    }

    // ERPNext's side is not needed to decide.
    site.erpnext.take_down().await;
    assert!(vera.page("/activity/links").await.contains("side cannot be shown at the moment"));
    site.erpnext.bring_up().await.unwrap();

    assert_eq!(otto.submit(&format!("/activity/links/{id}/accept"), &[]).await.status(), 303);
    assert!(otto.page("/activity/links").await.contains("Accepted. They are linked in a moment."));
    assert_eq!(otto.submit(&format!("/activity/links/{id}/reject"), &[]).await.status(), 303);
    assert!(otto.page("/activity/links").await.contains("This suggestion was decided already"));
    site.app.settled().await;
    assert!(site.app.get(&format!("/api/customers/{mine}")).await["data"]["erpnext_id"].is_string());
    assert_eq!(otto.submit("/activity/links/999999/accept", &[]).await.status(), 404);
}
