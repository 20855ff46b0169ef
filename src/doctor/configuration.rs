//! What is configured, where that was written, and what of it is unsafe.
//!
//! Invariant: a secret is named by its setting only. Whether addresses, keys and databases work is found out by the parts
//! that use them.

use url::Host;

use super::finding::Finding;
use crate::config::{Config, Given, Inputs, Problem, Problems};

/// A secret shorter than this can be guessed by trying.
const SHORTEST_SECRET: usize = 16;

/// The configuration, where it can be read, and what is to be said about it.
pub(super) fn look(inputs: Inputs) -> (Option<Config>, Vec<Finding>) {
    let (config, given) = match Config::load_with_sources(inputs) {
        Ok(loaded) => loaded,
        Err(problems) => return (None, wrong(problems)),
    };
    let mut findings: Vec<Finding> = given.iter().map(told).collect();
    if let Err(missing) = config.require_erpnext() {
        findings.extend(wrong(missing));
    }
    findings.extend(unsafe_settings(&config));
    (Some(config), findings)
}

fn wrong(Problems(problems): Problems) -> Vec<Finding> {
    let finding = |problem: Problem| {
        let setting = if problem.setting.is_empty() { "the configuration" } else { problem.setting.as_str() };
        Finding::problem("configuration", format!("{setting} ({})", problem.source), problem.message)
    };
    problems.into_iter().map(finding).collect()
}

fn told(given: &Given) -> Finding {
    let value = given.value.as_deref().unwrap_or("(not shown)");
    Finding::ok("setting", format!("{} = {value}  [{}]", given.setting, given.source))
}

fn unsafe_settings(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let secrets = &config.webhook.secrets;
    if config.webhook.insecure {
        findings.push(Finding::warning(
            "insecure",
            "webhook.insecure is on: anybody who reaches the receiver can make work",
            "remove it and set ERPNEXT_WEBHOOK_SECRET to the secret of the Webhook documents (customer-sync setup does both sides)",
        ));
    } else if secrets.is_empty() {
        findings.push(Finding::problem(
            "no_webhook_secret",
            "no webhook secret is configured, so every webhook is refused",
            "set ERPNEXT_WEBHOOK_SECRET to the Webhook Secret of the Webhook documents in ERPNext, then start serve again",
        ));
    }
    if secrets.iter().any(|secret| secret.expose().len() < SHORTEST_SECRET) {
        findings.push(Finding::warning(
            "short_webhook_secret",
            format!("a webhook secret has fewer than {SHORTEST_SECRET} characters and can be guessed"),
            "make a new one (openssl rand -hex 32), and write it into the Webhook documents and ERPNEXT_WEBHOOK_SECRET",
        ));
    }
    if let Some(url) = &config.erpnext.url
        && url.scheme() == "http"
        && !is_near(url)
    {
        findings.push(Finding::warning(
            "key_in_clear",
            "ERPNEXT_URL begins with http://: the API key and all data travel unencrypted",
            "use the site's https:// address",
        ));
    }
    findings
}

/// Whether the address is this machine or one of its own network, where TLS is often left out.
pub(super) fn is_near(url: &url::Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unique_local(),
        // Names without a dot are those of a container network or of /etc/hosts.
        Some(Host::Domain(name)) => !name.contains('.') || name.ends_with(".local") || name.ends_with(".internal"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn own_networks_are_told_from_the_internet() {
        for near in
            ["http://127.0.0.1:8000", "http://erpnext:8000", "http://10.0.0.4", "http://[::1]", "http://erp.local"]
        {
            assert!(is_near(&Url::parse(near).unwrap()), "{near}");
        }
        for far in ["http://erp.example.com", "http://8.8.8.8", "http://[2001:db8::1]"] {
            assert!(!is_near(&Url::parse(far).unwrap()), "{far}");
        }
    }
}
