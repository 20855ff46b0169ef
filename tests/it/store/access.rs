//! Tokens, users and sessions as the database keeps them.

use std::time::Duration;

use customer_sync::domain::audit::{Action, Actor, Deed};
use customer_sync::domain::role::Role;
use customer_sync::store::{SessionLife, UserChange, UserChanged};

use super::{Case, on_each_database};
use crate::support::app::wait_until;

on_each_database! {
    an_idle_session_is_over_and_one_in_use_is_not
    whoever_changes_is_signed_out_and_nobody_signs_in_with_the_old_password
    sessions_are_listed_and_ended_one_by_one
    names_are_taken_once_and_compared_exactly
    an_expired_token_is_listed_and_not_found
    the_audit_log_goes_by_age_alone
}

const HOUR: Duration = Duration::from_secs(3600);

async fn an_idle_session_is_over_and_one_in_use_is_not(case: Case) {
    let id = case.store.add_user("anna", Role::Viewer, "hash").await.unwrap().unwrap();
    let anna = case.store.credentials("anna").await.unwrap().unwrap();
    assert_eq!(anna.id, id);
    assert!(case.store.begin_session("idle", &anna).await.unwrap());
    assert!(case.store.begin_session("used", &anna).await.unwrap());
    let brief = SessionLife { idle: Duration::from_millis(700), longest: HOUR };
    let long = SessionLife { idle: HOUR, longest: HOUR };
    wait_until("the idle one is over", async || {
        case.store.session_seen("used").await.unwrap();
        case.store.session("idle", brief).await.unwrap().is_none()
    })
    .await;
    let used = case.store.session("used", SessionLife { idle: Duration::from_secs(30), longest: HOUR }).await.unwrap();
    assert_eq!(used.map(|session| session.name).as_deref(), Some("anna"));
    assert_eq!(case.store.prune_sessions(long).await.unwrap(), 0);
    let none = SessionLife { idle: HOUR, longest: Duration::ZERO };
    assert_eq!(case.store.prune_sessions(none).await.unwrap(), 2);
}

async fn whoever_changes_is_signed_out_and_nobody_signs_in_with_the_old_password(case: Case) {
    let life = SessionLife { idle: HOUR, longest: HOUR };
    case.store.add_user("root", Role::Admin, "x").await.unwrap().unwrap();
    let id = case.store.add_user("anna", Role::Admin, "old").await.unwrap().unwrap();
    let old = case.store.credentials("anna").await.unwrap().unwrap();
    for change in [UserChange::Role(Role::Viewer), UserChange::Role(Role::Viewer), UserChange::Password("new")] {
        assert!(case.store.begin_session("session", &old).await.unwrap());
        assert_eq!(case.store.change_user(id, &[change]).await.unwrap(), UserChanged::Done);
        assert_eq!(case.store.session("session", life).await.unwrap(), None);
    }
    assert!(!case.store.begin_session("late", &old).await.unwrap(), "the password was changed while it was checked");
    let new = case.store.credentials("anna").await.unwrap().unwrap();
    assert!(case.store.begin_session("session", &new).await.unwrap());
    assert_eq!(case.store.change_user(id, &[UserChange::Removed]).await.unwrap(), UserChanged::Done);
    assert_eq!(case.store.session("session", life).await.unwrap(), None);
    assert!(!case.store.begin_session("late", &new).await.unwrap());
    assert_eq!(case.store.change_user(id, &[UserChange::Removed]).await.unwrap(), UserChanged::Unknown);
}

async fn sessions_are_listed_and_ended_one_by_one(case: Case) {
    let life = SessionLife { idle: HOUR, longest: HOUR };
    for name in ["anna", "otto"] {
        case.store.add_user(name, Role::Viewer, "hash").await.unwrap().unwrap();
        let user = case.store.credentials(name).await.unwrap().unwrap();
        for session in ["one", "two"] {
            assert!(case.store.begin_session(&format!("{name} {session}"), &user).await.unwrap());
        }
    }
    let all = case.store.sessions(None, life, 10).await.unwrap();
    assert_eq!(all.len(), 4);
    assert_eq!(case.store.sessions(None, life, 3).await.unwrap().len(), 3);
    let anna = all.iter().find(|session| session.name == "anna").unwrap().user;
    let hashes = async || -> Vec<String> {
        let sessions = case.store.sessions(Some(anna), life, 10).await.unwrap();
        sessions.into_iter().map(|session| session.hash).collect()
    };
    assert!(hashes().await.iter().all(|hash| hash.starts_with("anna")));
    assert!(!case.store.end_session_of(anna, "otto one").await.unwrap(), "it is another's");
    assert!(case.store.end_session_of(anna, "anna one").await.unwrap());
    assert!(!case.store.end_session_of(anna, "anna one").await.unwrap());
    assert_eq!(hashes().await, ["anna two"]);
    let over = SessionLife { idle: HOUR, longest: Duration::ZERO };
    assert_eq!(case.store.sessions(None, over, 10).await.unwrap(), []);
}

async fn names_are_taken_once_and_compared_exactly(case: Case) {
    assert!(case.store.add_user("anna", Role::Viewer, "x").await.unwrap().is_some());
    assert_eq!(case.store.add_user("anna", Role::Admin, "y").await.unwrap(), None);
    for other in ["Anna", "anna ", "ann%", "ann_", "ánna"] {
        assert!(case.store.credentials(other).await.unwrap().is_none(), "{other:?}");
    }
}

async fn an_expired_token_is_listed_and_not_found(case: Case) {
    let id = case.store.create_token("short", "admin", "hash", Some(Duration::from_millis(1))).await.unwrap();
    wait_until("it has expired", async || case.store.token("hash").await.unwrap().is_none()).await;
    let listed = case.store.tokens().await.unwrap();
    assert_eq!((listed[0].id, listed[0].expired), (id, true));
    assert!(case.store.delete_token(id).await.unwrap() && !case.store.delete_token(id).await.unwrap());
}

async fn the_audit_log_goes_by_age_alone(case: Case) {
    let actor = Actor::User { id: 7, name: "anna".to_owned() };
    let deed = |target: &str| Deed {
        actor: actor.clone(),
        address: Some("2001:db8::1".to_owned()),
        action: Action::RunCancel,
        target: Some(target.to_owned()),
    };
    let first = case.store.note_deed(&deed("1"), None).await.unwrap();
    let second = case.store.note_deed(&deed("2"), Some(409)).await.unwrap();
    assert!(second > first);
    case.store.complete_deed(first, 200, Some(9)).await.unwrap();
    let status = async || {
        let entries = case.store.audit(None, Some(Action::RunCancel), 10).await.unwrap();
        entries.iter().map(|entry| (entry.id, entry.status)).collect::<Vec<_>>()
    };
    assert_eq!(status().await, [(second, Some(409)), (first, Some(200))]);
    assert_eq!(case.store.audit(Some(second), None, 10).await.unwrap().len(), 1);
    assert_eq!(case.store.prune_audit(HOUR).await.unwrap(), 0);
    wait_until("they are old", async || case.store.prune_audit(Duration::from_millis(1)).await.unwrap() > 0).await;
    assert!(status().await.is_empty());
}
