//! Webhooks as people look for them: bounded looks along the ids, which are in the order of time.

use customer_sync::domain::hint::{Delivery, Doctype, Verdict};
use customer_sync::domain::job::DocKey;
use customer_sync::store::{DeliveryFilter, DeliveryRange};

use super::make::delivery;
use super::{Case, on_each_database};

on_each_database! {
    each_filter_finds_what_it_says_and_nothing_else
    a_rare_one_is_found_page_by_page
}

impl Case {
    /// Ids of what matches, page by page.
    async fn ids(&self, filter: &DeliveryFilter, range: DeliveryRange, limit: u32) -> Vec<String> {
        let (mut range, mut ids) = (range, Vec::new());
        loop {
            let page = self.store.deliveries(filter, &range, limit).await.unwrap();
            assert!(page.rows.len() <= usize::try_from(limit).unwrap());
            ids.extend(page.rows.into_iter().map(|row| row.id));
            let Some(next) = page.next else { return ids };
            range.before = Some(next);
        }
    }
}

fn filter() -> DeliveryFilter {
    DeliveryFilter::default()
}

async fn each_filter_finds_what_it_says_and_nothing_else(case: Case) {
    let text = |value: &str| Some(value.to_owned());
    let ignored = Delivery { verdict: Verdict::Ignored, doctype: text("Supplier"), put: None, ..delivery("5", "Acme") };
    let unusable = Delivery {
        verdict: Verdict::Unusable,
        event: None,
        doctype: None,
        name: None,
        put: None,
        ..delivery("6", "nothing")
    };
    let trash = Delivery { event: text("on_trash"), ..delivery("2", "acme") };
    let all = [delivery("1", "Acme"), trash, delivery("3", "Acme "), delivery("4", "Äcme"), ignored, unusable];
    case.store.accept(&all).await.unwrap();
    let acme = DeliveryFilter { name: text("Acme"), ..filter() };
    let of_customer = DeliveryFilter { doctype: text("Customer"), ..acme.clone() };
    let about = |keys: &[(Doctype, &str)]| {
        let keys = keys.iter().map(|(doctype, name)| DocKey { doctype: *doctype, name: (*name).to_owned() });
        DeliveryFilter { about: Some(keys.collect()), ..filter() }
    };
    for limit in [1, 2, 50] {
        for (wanted, expected) in [
            (filter(), vec!["6", "5", "4", "3", "2", "1"]),
            (acme.clone(), vec!["5", "1"]),
            (of_customer.clone(), vec!["1"]),
            (DeliveryFilter { event: text("on_trash"), ..filter() }, vec!["2"]),
            (DeliveryFilter { event: text("On_Trash"), ..filter() }, vec![]),
            (DeliveryFilter { verdict: Some(Verdict::Ignored), ..filter() }, vec!["5"]),
            (DeliveryFilter { name: text("%"), ..filter() }, vec![]),
            (about(&[(Doctype::Customer, "Acme"), (Doctype::Customer, "Äcme")]), vec!["4", "1"]),
            (about(&[(Doctype::Address, "Acme"), (Doctype::Customer, "Acme ")]), vec!["3"]),
            (about(&[]), vec![]),
        ] {
            assert_eq!(case.ids(&wanted, DeliveryRange::default(), limit).await, expected, "{wanted:?} {limit}");
        }
        let range = DeliveryRange { before: text("5"), from: text("3") };
        assert_eq!(case.ids(&filter(), range.clone(), limit).await, ["4", "3"]);
        assert_eq!(case.ids(&acme, range, limit).await, Vec::<String>::new());
    }
    let one = case.store.delivery("5").await.unwrap().unwrap();
    assert_eq!((one.row.verdict.as_str(), one.body.as_str()), ("ignored", "{\"name\": \"Acme\"}"));
    assert_eq!(case.store.delivery("7").await.unwrap(), None);
}

async fn a_rare_one_is_found_page_by_page(case: Case) {
    let crowd: Vec<Delivery> = (0..10_100)
        .map(|number| Delivery { verdict: Verdict::Ignored, put: None, ..delivery(&format!("{number:05}"), "Crowd") })
        .collect();
    case.store.accept(&[delivery("+", "Rare")]).await.unwrap();
    for batch in crowd.chunks(2_000) {
        case.store.accept(batch).await.unwrap();
    }
    let rare = DeliveryFilter { name: Some("Rare".to_owned()), ..filter() };
    let first = case.store.deliveries(&rare, &DeliveryRange::default(), 10).await.unwrap();
    assert_eq!((first.rows, first.next.as_deref()), (vec![], Some("00100")), "so far it looked");
    let behind = DeliveryRange { before: first.next, from: None };
    let second = case.store.deliveries(&rare, &behind, 10).await.unwrap();
    assert_eq!((second.rows[0].id.as_str(), second.next), ("+", None));
    assert_eq!(case.ids(&filter(), DeliveryRange::default(), 500).await.len(), 10_101);
}
