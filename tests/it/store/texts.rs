//! Texts that databases like to change: quotes, blanks, characters of every width.
//!
//! Invariant: they go in and come out exactly as they are, or are refused; never cut, folded or trimmed.

use customer_sync::domain::plan::Effect;

use super::make::{CREATION, full_record, put, upsert};
use super::{Case, on_each_database};
use crate::support::databases::Kind;

on_each_database! {
    texts_come_back_as_they_were
    a_name_that_is_too_long_is_refused_not_cut
}

async fn texts_come_back_as_they_were(case: Case) {
    let name = " Ünï \"q\" 'a' \\ % ? {now} \u{1f600} ";
    let mut strange = full_record(name);
    strange.customer.notes = Some("a\nb\tc \u{1}\u{7f}\u{2028} e\u{301} \\u0041 ".repeat(2_000));
    strange.customer.name = "Straße ".to_owned();
    strange.contacts[0].emails = vec!["\"Ann, \\\" <ann@例え.jp>".to_owned()];
    let (id, effect) = case.write(name, upsert(None, strange.clone(), CREATION)).await;
    assert_eq!(effect, Effect::Created);
    let detail = case.store.customer(id).await.unwrap().unwrap();
    assert_eq!(detail.row.customer, strange.customer);
    assert_eq!((&detail.addresses, &detail.contacts), (&strange.addresses, &strange.contacts));
    assert_eq!(case.store.held(&[name.to_owned()], &[]).await.unwrap().len(), 1);
    assert!(case.store.held(&[name.trim_end().to_owned()], &[]).await.unwrap().is_empty(), "a blank counts");
    let (_, effect) = case.write(name, upsert(Some(case.seen(name).await), strange, CREATION)).await;
    assert_eq!(effect, Effect::Unchanged);
}

async fn a_name_that_is_too_long_is_refused_not_cut(case: Case) {
    // SQLite has no limit; the receiver's is 140 characters, as ERPNext's.
    if case.database.kind != Kind::Sqlite {
        let error = case.store.put(&[put(&"x".repeat(10_000))]).await.unwrap_err();
        assert_eq!(error.label(), "refused", "{error:?}");
    }
}
