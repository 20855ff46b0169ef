//! The configuration as each layer wants it.
//!
//! Invariant: nothing here does I/O or decides; a default stands in `config::sections` and nowhere else, except where no
//! user should have to know of it.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Site as SiteConfig};
use crate::domain::schedule::Schedule;
use crate::erpnext::Options;
use crate::erpnext::signature::Verifier;
use crate::inbox;
use crate::store::SessionLife;
use crate::sync::rules::Rules;
use crate::sync::verify;
use crate::telemetry::metrics;
use crate::web::{self, Gate};
use crate::worker;

/// Failures in a row that make us leave ERPNext alone for a while, and for how long.
const BREAKER_FAILURES: u32 = 5;
const BREAKER_PAUSE: Duration = Duration::from_secs(10);

pub(super) fn rules(config: &Config) -> Rules {
    Rules {
        filter: config.sync.filter.clone(),
        max_removed_percent: config.sync.max_removed_percent.get(),
        matching: config.matching.keys.clone(),
    }
}

pub(super) fn gate(config: &Config) -> Gate {
    let secrets: Vec<String> = config.webhook.secrets.iter().map(|secret| secret.expose().to_owned()).collect();
    if config.webhook.insecure {
        tracing::warn!("insecure mode: webhooks are accepted from anybody, without a signature");
        Gate::Open
    } else if secrets.is_empty() {
        tracing::error!(
            "no webhook secret is configured, so every webhook is refused with 503: set ERPNEXT_WEBHOOK_SECRET to the \
             Webhook Secret of the Webhook documents in ERPNext"
        );
        Gate::Closed
    } else {
        Gate::Signed(Verifier::new(secrets))
    }
}

pub(super) fn client_options(config: &Config, site: &SiteConfig) -> Options {
    let erpnext = &config.erpnext;
    Options {
        url: site.url.clone(),
        api_key: site.api_key.expose().to_owned(),
        api_secret: site.api_secret.expose().to_owned(),
        connect_timeout: erpnext.connect_timeout,
        read_timeout: erpnext.read_timeout,
        max_response_bytes: erpnext.max_response.bytes(),
        concurrency: erpnext.concurrency.get(),
        ca_file: erpnext.ca_file.clone(),
        proxy: erpnext.proxy.as_ref().map(|proxy| proxy.expose().to_owned()),
        headers: erpnext.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
        host_header: erpnext.host_header.clone(),
        breaker_failures: BREAKER_FAILURES,
        breaker_pause: BREAKER_PAUSE,
        observer: Some(Arc::new(|call| metrics::erpnext_call(call.name, call.outcome, call.duration))),
    }
}

pub(super) fn worker_settings(config: &Config) -> worker::Settings {
    let worker = &config.worker;
    worker::Settings {
        concurrency: worker.concurrency.get(),
        batch: u32::try_from(worker.batch.get()).unwrap_or(u32::MAX),
        lease: worker.lease,
        lease_margin: config.lease_margin(),
        burst: worker.burst.get(),
        gather: worker.gather,
        probe_every: config.erpnext.probe_every,
        retry: worker::RetryPolicy {
            attempts: worker.attempts.get(),
            base: worker.backoff_base,
            max: worker.backoff_max,
        },
        sweep_after_full: config.schedule.sweep != Schedule::Off,
    }
}

pub(super) fn verify_settings(config: &Config) -> verify::turn::Settings {
    verify::turn::Settings {
        sample: config.verify.sample.get(),
        settle: config.verify.settle,
        repair: config.schedule.full != Schedule::Off,
    }
}

pub(super) fn inbox_limits(config: &Config) -> inbox::Limits {
    inbox::Limits {
        waiting: config.webhook.channel.get(),
        batch: config.webhook.batch.get(),
        answer_within: config.webhook.commit_timeout,
    }
}

pub(super) fn web_settings(config: &Config) -> web::Settings {
    web::Settings { limits: web_limits(config), access: web_access(config), all: config.effective.clone().into() }
}

fn web_limits(config: &Config) -> web::Limits {
    let server = &config.server;
    web::Limits {
        body: server.body_limit.bytes(),
        body_within: server.body_timeout,
        in_flight: server.bodies_in_flight.bytes(),
        run_wait: config.sync.wait_max,
        stop_within: server.shutdown_timeout,
    }
}

fn web_access(config: &Config) -> web::Access {
    let access = &config.access;
    web::Access {
        trust: web::Trust {
            proxies: config.server.trusted_proxies.clone(),
            public_url: config.server.public_url.clone(),
        },
        quotas: web::Quotas {
            sign_ins_per_minute: access.sign_ins_per_minute,
            calls_per_second: access.calls_per_second,
            waiting_calls: access.waiting_calls,
        },
        session_life: SessionLife { idle: access.session_idle, longest: access.session_max },
    }
}
