//! Tokens that expired, were revoked, or never were.

use std::time::Duration;

use customer_sync::domain::role::Role;
use customer_sync::sync::tokens;
use reqwest::Method;
use serde_json::json;

use super::answer;
use crate::service::Connected;
use crate::support::app::wait_until;
use crate::support::binary::{run, stderr};
use crate::support::databases::Kind;

#[tokio::test]
async fn an_expired_and_a_revoked_token_are_as_good_as_none() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let call = async |token: &str| answer(app.http.get(format!("{}/api/runs", app.url)).bearer_auth(token)).await;
        let short = Duration::from_millis(300);
        let expiring = tokens::issue(app.store(), "short", Role::Admin, Some(short)).await.unwrap();
        wait_until("it has expired", async || call(&expiring.plain).await.0 == 401).await;
        let lasting = tokens::issue(app.store(), "long", Role::Admin, Some(Duration::from_secs(3600))).await.unwrap();
        assert_eq!(call(&lasting.plain).await.0, 200, "{kind:?}");
        let revoke = || app.http.delete(format!("{}/api/tokens/{}", app.url, lasting.id)).bearer_auth(&lasting.plain);
        assert_eq!(answer(revoke()).await.0, 204, "{kind:?}");
        let (status, refused) = call(&lasting.plain).await;
        assert_eq!(status, 401, "{kind:?}");
        let (_, unknown) = call("csync_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
        let (_, expired) = call(&expiring.plain).await;
        assert_eq!((&refused["detail"], &expired["detail"]), (&unknown["detail"], &unknown["detail"]), "one text");
    }
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_listed_without_itself() {
    for kind in Kind::ALL {
        let connected = Connected::start(kind).await;
        let app = &connected.app;
        let new = json!({"name": "shop", "role": "viewer", "expires_in_days": 90});
        let (status, made) = answer(app.admin(Method::POST, "/api/tokens").await.json(&new)).await;
        assert_eq!((status, &made["data"]["role"]), (201, &"viewer".into()), "{kind:?}: {made}");
        let token = made["data"]["token"].as_str().unwrap();
        assert_eq!(answer(app.http.get(format!("{}/api/runs", app.url)).bearer_auth(token)).await.0, 200);
        let (_, list) = answer(app.admin(Method::GET, "/api/tokens").await).await;
        assert!(!list.to_string().contains(token), "{list}");
        let row = list["data"].as_array().unwrap().iter().find(|row| row["id"] == made["data"]["id"]).unwrap();
        assert_eq!((&row["name"], &row["expired"]), (&"shop".into(), &false.into()), "{kind:?}");
        assert!(row["last_used_at"].is_string() && row["expires_at"].is_string(), "{row}");
        for wrong in [
            json!({"name": "", "role": "viewer"}),
            json!({"name": "a\nb", "role": "viewer"}),
            json!({"name": "\u{200b}", "role": "viewer"}),
            json!({"name": "a".repeat(101), "role": "viewer"}),
            json!({"name": "a", "role": "king"}),
            json!({"name": "a", "role": "viewer", "expires_in_days": 0}),
            json!({"name": "a", "role": "viewer", "expires": 3}),
        ] {
            let (status, problem) = answer(app.admin(Method::POST, "/api/tokens").await.json(&wrong)).await;
            assert_eq!(status, 400, "{wrong}: {problem}");
        }
    }
}

#[test]
fn tokens_are_listed_and_revoked_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let call = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["token"], arguments].concat(), &[]);
        (output.status.success(), String::from_utf8(output.stdout.clone()).unwrap() + stderr(&output).as_str())
    };
    assert!(call(&["create", "--role", "admin", "--name", "shop", "--expires", "90d"]).0);
    let (done, list) = call(&["list"]);
    assert!(done && list.contains("admin") && list.contains("shop") && list.contains("expires 20"), "{list}");
    let (_, lines) = call(&["list", "--json"]);
    let row: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let id = row["id"].to_string();
    assert!(call(&["revoke", &id]).0);
    let (again, said) = call(&["revoke", &id]);
    assert!(!again && said.contains("there is no token"), "{said}");
    assert!(!call(&["create", "--role", "admin", "--expires", "soon"]).0);
}
