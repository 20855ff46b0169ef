//! The one-time link by which the first admin is made.

use customer_sync::domain::role::Role;
use customer_sync::sync::users;
use reqwest::Method;
use serde_json::json;

use super::{Browser, PASSWORD, add, answer};
use crate::service::Connected;
use crate::support::app::TestApp;
use crate::support::binary::{Serving, command, run, stderr};
use crate::support::databases::Kind;

async fn make(app: &TestApp, token: &str, name: &str) -> u16 {
    let body = json!({"token": token, "name": name, "password": PASSWORD});
    answer(app.http.post(format!("{}/api/first-admin", app.url)).json(&body)).await.0
}

#[tokio::test]
async fn the_link_works_once_for_one_of_many() {
    for kind in Kind::ALL {
        let connected = Connected::configured(kind, &[("access.sign_ins_per_minute", "100")]).await;
        let app = &connected.app;
        assert_eq!(make(app, "guess", "mallory").await, 403, "{kind:?}");
        let token = users::first_admin_link(app.store()).await.unwrap().unwrap();
        let at_once = (0..5).map(|number| {
            let token = token.clone();
            async move { make(app, &token, &format!("admin{number}")).await }
        });
        let answers = futures_util::future::join_all(at_once).await;
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{kind:?}: {answers:?}");
        assert_eq!(app.store().users().await.unwrap().len(), 1, "{kind:?}");
        assert_eq!(make(app, &token, "mallory").await, 403, "{kind:?}: it is used up");
        assert!(users::first_admin_link(app.store()).await.unwrap().is_none(), "there is somebody now");
    }
}

#[tokio::test]
async fn a_link_is_void_once_there_is_a_user_or_a_newer_link() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let old = users::first_admin_link(app.store()).await.unwrap().unwrap();
    let new = users::first_admin_link(app.store()).await.unwrap().unwrap();
    assert_eq!(make(app, &old, "mallory").await, 403);
    add(app, "anna", Role::Viewer).await;
    assert_eq!(make(app, &new, "mallory").await, 403);
    let anna = Browser::signed_in(app, "anna", PASSWORD).await;
    assert_eq!(answer(anna.request(app, Method::GET, "/api/users")).await.0, 403);
}

#[tokio::test]
async fn an_old_link_is_void() {
    let connected = Connected::start(Kind::Sqlite).await;
    let app = &connected.app;
    let token = users::first_admin_link(app.store()).await.unwrap().unwrap();
    let stored = app.store().first_admin_link().await.unwrap().unwrap();
    assert!(!stored.contains(&token), "only its hash is stored");
    let hash = stored.split(' ').next().unwrap();
    app.store().set_first_admin_link(&format!("{hash} {}", app.store().now().await.unwrap())).await.unwrap();
    assert_eq!(make(app, &token, "mallory").await, 403);
}

#[test]
fn the_first_start_tells_how_and_the_command_line_does_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("ERPNEXT_URL", "http://127.0.0.1:9"), ("ERPNEXT_API_KEY", "k"), ("ERPNEXT_API_SECRET", "s")];
    let serving = Serving::start(folder.path(), &environment);
    assert!(serving.said.iter().any(|line| line.contains("/first-admin?token=")), "{:?}", serving.said);
    serving.kill();

    let user = |arguments: &[&str], input: &str| {
        let mut command = command(folder.path(), &[&["user"], arguments].concat(), &[]);
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout.clone()).unwrap() + stderr(&output).as_str())
    };
    assert!(!user(&["add", "anna", "--role", "admin"], "short\n").0);
    assert!(user(&["add", "Anna", "--role", "admin"], "correct horse battery\n").0);
    let (again, said) = user(&["add", "anna", "--role", "viewer"], "correct horse battery\n");
    assert!(!again && said.contains("already"), "{said}");
    let (_, list) = user(&["list"], "");
    assert!(list.contains("admin") && list.contains("anna") && list.contains("never signed in"), "{list}");
    let (removed, said) = user(&["remove", "anna"], "");
    assert!(!removed && said.contains("last admin"), "{said}");
    assert!(user(&["add", "berta", "--role", "admin"], "correct horse battery\n").0);
    assert!(user(&["role", "anna", "viewer"], "").0 && user(&["passwd", "anna"], "another good password\n").0);
    assert!(user(&["sign-out", "anna"], "").0 && user(&["remove", "anna"], "").0);
    assert!(!user(&["remove", "anna"], "").0);

    let serving = Serving::start(folder.path(), &environment);
    assert!(!serving.said.iter().any(|line| line.contains("first-admin")), "{:?}", serving.said);
    serving.kill();
    assert!(run(folder.path(), &["user", "--help"], &[]).status.success());
}
