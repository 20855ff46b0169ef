//! Settings that are wrong only together, or beyond what their type can tell.
//!
//! Invariant: each rule says which setting to change and to what; nothing is corrected in silence.

use std::time::Duration;

use url::Url;

use crate::domain::mapping::{Mapping, MappingProblems};

use super::layers::Layers;
use super::load::Config;
use super::values::Secret;

/// A lease must be longer than what must remain of it before a read, or no job would ever be worked on.
const LEASE_TO_SPARE: Duration = Duration::from_secs(5);
/// Customers in one batch of list calls, the size that was measured on real sites.
const LARGEST_BATCH: usize = 200;
/// Characters of a token that cannot be guessed.
const SHORTEST_TOKEN: usize = 16;
const DATABASES: [&str; 5] = ["sqlite", "postgres", "postgresql", "mariadb", "mysql"];

/// Reports all that is wrong.
pub(super) fn check(config: &Config, layers: &mut Layers) {
    if config.server.bodies_in_flight < config.server.body_limit {
        layers.problem("server.bodies_in_flight", "is below server.body_limit; write at least that size");
    }
    check_metrics(config, layers);
    check_database(config, layers);
    check_erpnext(config, layers);
    if let Err(MappingProblems(problems)) = Mapping::compile(&config.mapping_config()) {
        problems.into_iter().for_each(|problem| layers.problem(&format!("mapping.{}", problem.key), problem.message));
    }
    if config.webhook.insecure && !config.webhook.secrets.is_empty() {
        let message =
            "is true although webhook.secrets are set, which would then protect nothing; remove one of the two";
        layers.problem("webhook.insecure", message);
    }
    if config.worker.batch.get() > LARGEST_BATCH {
        layers.problem("worker.batch", format!("is too large; write at most {LARGEST_BATCH}"));
    }
    if config.worker.backoff_base > config.worker.backoff_max {
        layers.problem("worker.backoff_base", "is longer than worker.backoff_max; write a shorter time");
    }
    let least = config.lease_margin() + LEASE_TO_SPARE;
    if config.worker.lease < least {
        let message = format!(
            "is too short for two answers within erpnext.read_timeout; write at least \"{}s\", or a shorter read_timeout",
            least.as_secs_f64().ceil()
        );
        layers.problem("worker.lease", message);
    }
}

fn check_metrics(config: &Config, layers: &mut Layers) {
    if config.metrics.listen.is_some_and(|own| own == config.server.listen && own.port() != 0) {
        let message = "is server.listen; write another port, or remove it to have /metrics on server.listen";
        layers.problem("metrics.listen", message);
    }
    if let Some(token) = config.metrics.token.as_ref().map(Secret::expose)
        && (token.len() < SHORTEST_TOKEN || !token.chars().all(|letter| letter.is_ascii_graphic()))
    {
        let message = format!(
            "is too easy to guess or cannot be sent in a header; write at least {SHORTEST_TOKEN} letters, digits and \
             signs without spaces, for example what `openssl rand -hex 32` prints"
        );
        layers.problem("metrics.token", message);
    }
}

fn check_database(config: &Config, layers: &mut Layers) {
    if let Some(url) = &config.database.url {
        let scheme = url.expose().split(':').next().unwrap_or_default();
        if !DATABASES.contains(&scheme) {
            let message = "is no address of a database; write sqlite://file, postgres://user:password@host/name or \
                           mariadb://user:password@host/name";
            layers.problem("database.url", message);
        }
    }
    let scheme = config.database.url.as_ref().and_then(|url| url.expose().split(':').next());
    if config.database.schema.is_some() && !matches!(scheme, Some("postgres" | "postgresql")) {
        let message = "is only for PostgreSQL; remove it, or set DATABASE_URL to a postgres:// address";
        layers.problem("database.schema", message);
    }
    let proper = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if let Some(schema) = &config.database.schema
        && (schema.len() > 63
            || !schema.chars().all(proper)
            || schema.starts_with(|first: char| first.is_ascii_digit()))
    {
        let message = "is no plain name; write lower-case letters, digits and _ only, not beginning with a digit";
        layers.problem("database.schema", message);
    }
}

fn check_erpnext(config: &Config, layers: &mut Layers) {
    let keys = [("erpnext.api_key", &config.erpnext.api_key), ("erpnext.api_secret", &config.erpnext.api_secret)];
    for (name, secret) in keys {
        let whole = |secret: &Secret| secret.expose().chars().all(|letter| letter.is_ascii_graphic() && letter != ':');
        if secret.as_ref().is_some_and(|secret| !whole(secret)) {
            let message = "contains a space, a colon or something else that ERPNext never puts there; write the key \
                           alone, without \"token\" and without its other half";
            layers.problem(name, message);
        }
    }
    let is_proxy = |proxy: &Secret| {
        Url::parse(proxy.expose()).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
    };
    if config.erpnext.proxy.as_ref().is_some_and(|proxy| !is_proxy(proxy)) {
        layers.problem("erpnext.proxy", "is no address of a proxy; write one like \"http://proxy.example.com:3128\"");
    }
    if config.erpnext.host_header.as_ref().is_some_and(|host| !host.chars().all(|letter| letter.is_ascii_graphic())) {
        layers.problem("erpnext.host_header", "is no name of a host; write one like \"erp.example.com\"");
    }
    let token = |letter: u8| letter.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&letter);
    for (name, value) in &config.erpnext.headers {
        if name.is_empty() || !name.bytes().all(token) {
            layers.problem("erpnext.headers", format!("{name:?} is no name of a header; write letters, digits and -"));
        } else if ["authorization", "host"].contains(&name.to_ascii_lowercase().as_str()) {
            let message = format!("{name:?} is set by the service; use api_key and api_secret, or host_header");
            layers.problem("erpnext.headers", message);
        }
        if value.expose().chars().any(|letter| letter.is_control() || !letter.is_ascii()) {
            layers.problem("erpnext.headers", format!("the value of {name:?} has characters that no header can have"));
        }
    }
}
