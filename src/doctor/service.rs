//! The service that should be running here: does it answer at its own address, and what does it say of itself.
//!
//! Invariant: what only a running process knows (a pause, ERPNext's last trouble) is asked from `/readyz`; what the database
//! knows too is told by the other parts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::Patient;
use super::finding::Finding;
use crate::erpnext::readiness;
use crate::sync::installation;

/// How long the service may take to answer on its own machine.
const WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn look(patient: &Patient) -> Vec<Finding> {
    let listen = local(patient.config.server.listen);
    let Ok(address) = Url::parse(&format!("http://{listen}")) else { return Vec::new() };
    let said = match readiness(&address, WITHIN).await {
        Ok(said) => said,
        Err(why) => {
            return vec![Finding::note(
                "not_running_here",
                format!("no service answers at {listen} ({why})"),
                "start customer-sync serve, or correct LISTEN; nothing is wrong if it runs on another machine",
            )];
        }
    };
    let ours = match &patient.store {
        Some(store) => installation::of(store).await.unwrap_or_default(),
        None => String::new(),
    };
    let theirs = said.get("installation").and_then(Value::as_str).unwrap_or_default();
    if !ours.is_empty() && !theirs.is_empty() && ours != theirs {
        return vec![Finding::problem(
            "service_is_another",
            format!("the service at {listen} uses another database than the one configured here"),
            "run doctor with the configuration of that service (same folder, same variables), or correct LISTEN or DATABASE_URL",
        )];
    }
    let reasons = said.get("reasons").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut findings: Vec<Finding> = reasons.iter().filter_map(reason).collect();
    if findings.is_empty() {
        findings.push(Finding::ok("service", format!("the service runs and answers at {listen}")));
    }
    findings
}

/// An address at which this machine itself reaches the server.
fn local(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// What only the process itself knows.
fn reason(reason: &Value) -> Option<Finding> {
    let message = reason.get("message").and_then(Value::as_str).unwrap_or_default();
    let problem = |code, what: &str, to_do: &str| Some(Finding::problem(code, format!("{what}: {message}"), to_do));
    match reason.get("code").and_then(Value::as_str)? {
        "paused" => problem(
            "paused",
            "the service has paused, because ERPNext refuses it",
            "repair key and permissions; it then goes on by itself within half a minute",
        ),
        "erpnext_unreadable" | "breaker_open" => problem(
            "erpnext_unreadable",
            "the service cannot read ERPNext",
            "see the part ERPNext; it is tried again by itself",
        ),
        "receiver_closed" => problem(
            "receiver_closed",
            "the running service refuses every webhook",
            "set ERPNEXT_WEBHOOK_SECRET where the service is started, and start it again",
        ),
        "database" | "stopping" => {
            problem("not_ready", "the service is not ready", "see the part Database, and the service's log")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_for_everybody_is_asked_over_loopback() {
        assert_eq!(local("0.0.0.0:8080".parse().unwrap()).to_string(), "127.0.0.1:8080");
        assert_eq!(local("[::]:81".parse().unwrap()).to_string(), "[::1]:81");
        assert_eq!(local("10.0.0.7:80".parse().unwrap()).to_string(), "10.0.0.7:80");
    }
}
