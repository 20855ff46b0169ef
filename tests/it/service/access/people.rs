//! Users: what an admin does with them, and what becomes of their sessions.

use customer_sync::domain::role::Role;
use reqwest::Method;
use serde_json::json;

use super::{Browser, PASSWORD, add, answer, sign_in};
use crate::service::Connected;
use crate::support::databases::Kind;

#[tokio::test]
async fn an_admin_adds_changes_and_removes_people_and_each_change_signs_them_out() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let admin = Browser::new(app, "root", Role::Admin).await;
        let new = json!({"name": "Anna.Berg", "role": "viewer", "password": PASSWORD});
        let (status, made) = answer(admin.request(app, Method::POST, "/api/users").json(&new)).await;
        assert_eq!((status, &made["data"]["name"]), (201, &"anna.berg".into()), "{kind:?}: {made}");
        let (status, _) = answer(admin.request(app, Method::POST, "/api/users").json(&new)).await;
        assert_eq!(status, 409, "the name is taken");
        let path = format!("/api/users/{}", made["data"]["id"]);
        let change = async |body: serde_json::Value| {
            let (status, body) = answer(admin.request(app, Method::PATCH, &path).json(&body)).await;
            assert_eq!(status, 200, "{kind:?}: {body}");
        };

        let anna = Browser::signed_in(app, "ANNA.BERG", PASSWORD).await;
        assert_eq!(answer(anna.request(app, Method::POST, "/api/customers/sync")).await.0, 403);
        change(json!({"role": "operator"})).await;
        assert!(!anna.is_signed_in(app).await, "{kind:?}: a new role begins with a new session");

        let anna = Browser::signed_in(app, "anna.berg", PASSWORD).await;
        change(json!({"password": "another good password"})).await;
        assert!(!anna.is_signed_in(app).await);
        assert_eq!(answer(sign_in(app, "anna.berg", PASSWORD)).await.0, 401);

        let anna = Browser::signed_in(app, "anna.berg", "another good password").await;
        assert_eq!(answer(admin.request(app, Method::DELETE, &format!("{path}/sessions"))).await.0, 204);
        assert!(!anna.is_signed_in(app).await);

        let anna = Browser::signed_in(app, "anna.berg", "another good password").await;
        assert_eq!(answer(admin.request(app, Method::DELETE, &path)).await.0, 204);
        assert!(!anna.is_signed_in(app).await);
        assert_eq!(answer(sign_in(app, "anna.berg", "another good password")).await.0, 401);
        assert_eq!(answer(admin.request(app, Method::DELETE, &path)).await.0, 404);
        let (_, list) = answer(admin.request(app, Method::GET, "/api/users")).await;
        assert!(!list.to_string().contains("argon2"), "{list}");
    }
}

#[tokio::test]
async fn the_last_admin_stays_even_where_two_remove_each_other_at_once() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let (one, two) = (Browser::new(app, "one", Role::Admin).await, Browser::new(app, "two", Role::Admin).await);
        add(app, "viewer", Role::Viewer).await;
        let remove =
            |by: &Browser, whom: &Browser| answer(by.request(app, Method::DELETE, &format!("/api/users/{}", whom.id)));
        let ((first, _), (second, _)) = tokio::join!(remove(&one, &two), remove(&two, &one));
        let done = [first, second].into_iter().filter(|status| *status == 204).count();
        assert_eq!(done, 1, "{kind:?}: {first} {second}");
        let left = if one.is_signed_in(app).await { one } else { two };
        let (status, problem) = answer(left.request(app, Method::DELETE, &format!("/api/users/{}", left.id))).await;
        assert_eq!((status, &problem["code"]), (409, &"last_admin".into()), "{kind:?}");
        let demote = left.request(app, Method::PATCH, &format!("/api/users/{}", left.id));
        assert_eq!(answer(demote.json(&json!({"role": "viewer"}))).await.0, 409, "{kind:?}");
        assert!(left.is_signed_in(app).await);
    }
}

#[tokio::test]
async fn a_refused_change_of_a_user_changes_nothing_of_them() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let admin = Browser::new(app, "root", Role::Admin).await;
        let anna = Browser::new(app, "anna", Role::Viewer).await;
        let path = format!("/api/users/{}", anna.id);
        let change = |body: &serde_json::Value| answer(admin.request(app, Method::PATCH, &path).json(body));
        let (status, problem) = change(&json!({"role": "admin", "password": "short"})).await;
        assert_eq!(status, 400, "{kind:?}: {problem}");
        assert!(anna.is_signed_in(app).await, "{kind:?}");
        assert_eq!(answer(anna.request(app, Method::GET, "/api/users")).await.0, 403, "{kind:?}: still a viewer");
        let (status, user) = change(&json!({"role": "operator", "password": "another good password"})).await;
        assert_eq!((status, &user["data"]["role"]), (200, &"operator".into()), "{kind:?}");
        assert!(!anna.is_signed_in(app).await, "{kind:?}");
        Browser::signed_in(app, "anna", "another good password").await;
    }
}

#[tokio::test]
async fn names_and_passwords_that_are_none_are_refused() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let admin = Browser::new(app, "root", Role::Admin).await;
    for (name, password) in [
        ("", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("<script>", PASSWORD),
        ("r\u{43e}ot", PASSWORD),
        ("anna", "short"),
        ("anna", "annaannaanna"),
        ("anna", "aaaaaaaaaaaaaaaaaa"),
    ] {
        let new = json!({"name": name, "role": "viewer", "password": password});
        let (status, problem) = answer(admin.request(app, Method::POST, "/api/users").json(&new)).await;
        assert_eq!(status, 400, "{new}: {problem}");
        assert!(!problem.to_string().contains(password), "{problem}");
    }
}

#[tokio::test]
async fn people_change_their_own_password_and_sign_out_everywhere() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let here = Browser::new(app, "anna", Role::Viewer).await;
    let there = Browser::signed_in(app, "anna", PASSWORD).await;
    let put = |current: &str| {
        let body = json!({"current": current, "new": "another good password"});
        here.request(app, Method::PUT, "/api/session/password").json(&body)
    };
    assert_eq!(answer(put("a wrong password")).await.0, 401);
    assert!(here.is_signed_in(app).await && there.is_signed_in(app).await);
    assert_eq!(answer(put(PASSWORD)).await.0, 200);
    assert!(
        !here.is_signed_in(app).await && !there.is_signed_in(app).await,
        "only the session that was answered lives"
    );

    let (one, two) = (
        Browser::signed_in(app, "anna", "another good password").await,
        Browser::signed_in(app, "anna", "another good password").await,
    );
    assert_eq!(answer(one.request(app, Method::DELETE, "/api/sessions")).await.0, 204);
    assert!(!one.is_signed_in(app).await && !two.is_signed_in(app).await);
}
