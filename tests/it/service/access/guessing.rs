//! Guessing: names by text or timing, passwords one after the other or all at once, and calls without end.

use std::time::{Duration, Instant};

use customer_sync::domain::role::Role;
use customer_sync::sync::{tokens, users};
use reqwest::Method;
use serde_json::json;

use super::{Browser, PASSWORD, add, answer, sign_in};
use crate::service::Connected;
use crate::support::app::wait_until;
use crate::support::databases::Kind;

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_answered_alike() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    add(app, "anna", Role::Admin).await;
    let mut told = Vec::new();
    for (name, password) in
        [("anna", "a wrong password"), ("nobody", "a wrong password"), ("", ""), ("' OR 1=1 --", PASSWORD)]
    {
        let (status, mut problem) = answer(sign_in(app, name, password)).await;
        assert_eq!(status, 401, "{problem}");
        problem.as_object_mut().unwrap().remove("request_id");
        told.push(problem);
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:#?}");
}

#[tokio::test]
async fn a_name_that_nobody_has_costs_a_hash_all_the_same() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.sign_ins_per_minute", "60000")]).await;
    let app = &connected.app;
    add(app, "anna", Role::Admin).await;
    let names = ["anna", "nobody", "no name"];
    let mut shortest = names.map(|_| Duration::MAX);
    // The shortest of many tries is what it takes where the machine does nothing else; without a hash a try would be a
    // hundred times as short, and no number of tries would bring the shortest ones together.
    wait_until("an unknown name takes as long as a known one", async || {
        for (name, shortest) in names.iter().zip(&mut shortest) {
            let begun = Instant::now();
            assert_eq!(answer(sign_in(app, name, "a wrong password")).await.0, 401);
            *shortest = begun.elapsed().min(*shortest);
        }
        shortest[1..].iter().all(|other| *other > shortest[0] / 2)
    })
    .await;
}

#[tokio::test]
async fn parallel_guesses_are_as_few_as_others_and_the_wait_is_told() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.sign_ins_per_minute", "5")]).await;
    let app = &connected.app;
    add(app, "anna", Role::Admin).await;
    let guesses = (0..60).map(|guess| sign_in(app, "anna", &format!("a wrong password {guess}")).send());
    let answers = futures_util::future::join_all(guesses).await;
    let (mut tried, mut refused) = (0, 0);
    for answer in answers {
        let answer = answer.unwrap();
        match answer.status().as_u16() {
            401 => tried += 1,
            429 => {
                refused += 1;
                let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=61).contains(&wait), "{wait}");
            }
            other => panic!("{other}"),
        }
    }
    assert!((5..=6).contains(&tried) && tried + refused == 60, "{tried} were tried");
    assert_eq!(
        answer(sign_in(app, "anna", PASSWORD)).await.0,
        429,
        "who guessed so often waits with the right one too"
    );
}

#[tokio::test]
async fn whoever_found_an_open_page_guesses_the_password_no_faster() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.sign_ins_per_minute", "5")]).await;
    let app = &connected.app;
    let anna = Browser::new(app, "anna", Role::Admin).await;
    let mut tried = 0;
    for guess in 0..20 {
        let body = json!({"current": format!("a wrong password {guess}"), "new": "another good password"});
        let (status, problem) = answer(anna.request(app, Method::PUT, "/api/session/password").json(&body)).await;
        assert!([401, 429].contains(&status), "{problem}");
        tried += usize::from(status == 401);
    }
    assert!((4..=5).contains(&tried), "{tried}: signing in was the first try");
}

#[tokio::test]
async fn the_first_admins_link_is_not_guessed_by_trying() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.sign_ins_per_minute", "5")]).await;
    let app = &connected.app;
    let right = users::first_admin_link(app.store()).await.unwrap().unwrap();
    let mut tried = 0;
    for guess in (0..20).map(|guess| format!("{guess}")).chain([right]) {
        let body = json!({"token": guess, "name": "mallory", "password": PASSWORD});
        let (status, problem) = answer(app.http.post(format!("{}/api/first-admin", app.url)).json(&body)).await;
        assert!([403, 429].contains(&status), "{problem}");
        tried += usize::from(status == 403);
    }
    assert!((5..=6).contains(&tried), "{tried}");
}

#[tokio::test]
async fn a_forged_forwarded_header_makes_nobody_a_new_client() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.sign_ins_per_minute", "3")]).await;
    let app = &connected.app;
    let tried = async |header: &'static str| {
        let mut tried = 0;
        for guess in 0..20 {
            let forged =
                sign_in(app, &format!("user{guess}"), "a wrong password").header(header, format!("203.0.113.{guess}"));
            tried += usize::from(answer(forged).await.0 == 401);
        }
        tried
    };
    assert!((3..=4).contains(&tried("X-Forwarded-For").await));
    assert!(tried("X-Real-IP").await <= 1);
    assert!(tried("Forwarded").await <= 1);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_tries_of_its_own() {
    let settings = [("access.sign_ins_per_minute", "3"), ("server.trusted_proxies", "127.0.0.0/8")];
    let connected = Connected::configured(Kind::Sqlite, &settings).await;
    let app = &connected.app;
    let from = async |forwarded: String, name: &str| {
        answer(sign_in(app, name, "a wrong password").header("X-Forwarded-For", forwarded)).await.0
    };
    for client in 0..10 {
        assert_eq!(from(format!("203.0.113.{client}"), &format!("user{client}")).await, 401);
    }
    // What the client itself wrote in front does not help it.
    let mut tried = 0;
    for guess in 0..20 {
        let forwarded = format!("198.51.100.{guess}, 203.0.113.77");
        tried += usize::from(from(forwarded, &format!("other{guess}")).await == 401);
    }
    assert!((3..=4).contains(&tried), "{tried}");
    // Only one kind of header is read, so a client cannot say by another one what the proxy did not.
    let mut tried = 0;
    for guess in 0..20 {
        let forged = sign_in(app, &format!("more{guess}"), "a wrong password")
            .header("X-Forwarded-For", "203.0.113.78")
            .header("Forwarded", format!("for=198.51.100.{guess}"));
        tried += usize::from(answer(forged).await.0 == 401);
    }
    assert!((3..=4).contains(&tried), "{tried}");
}

#[tokio::test]
async fn a_caller_that_calls_without_end_waits_and_others_do_not() {
    let connected = Connected::configured(Kind::Sqlite, &[("access.calls_per_second", "1")]).await;
    let app = &connected.app;
    let greedy = tokens::create(app.store(), "greedy", Role::Viewer).await.unwrap();
    let modest = tokens::create(app.store(), "modest", Role::Viewer).await.unwrap();
    let call = async |token: &str| answer(app.http.get(format!("{}/api/session", app.url)).bearer_auth(token)).await;
    let mut refused = None;
    for _ in 0..100 {
        let (status, problem) = call(&greedy).await;
        if status == 429 {
            refused = Some(problem);
            break;
        }
    }
    assert_eq!(refused.unwrap()["code"], "too_many_requests");
    assert_eq!(call(&modest).await.0, 200);
    // Webhooks are no calls.
    for number in 0..200 {
        assert_eq!(app.hint("on_update", "Customer", &format!("C-{number}")).await.status(), 202);
    }
}
