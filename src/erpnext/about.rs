//! What a site says about itself: versions, clock, and the time zone of the key's user. Asked by `doctor`.
//!
//! Invariant: any reader may ask all of it (measured on ERPNext 15); nothing here is needed to sync. The site's own time
//! zone is not among it: only System Settings and webhooks tell that one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::client::Client;
use super::errors::Error;

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Zone {
    #[serde(default)]
    time_zone: Option<String>,
}

impl Client {
    /// The installed apps with their versions, e.g. `erpnext` and `15.92.1`.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn versions(&self) -> Result<BTreeMap<String, String>, Error> {
        let apps: BTreeMap<String, Version> = self.ask("versions", "frappe.utils.change_log.get_versions", &[]).await?;
        Ok(apps.into_iter().map(|(app, version)| (app, version.version)).collect())
    }

    /// The time zone of the key's user: the site's at the time when the user was made, unless somebody changed one of them.
    ///
    /// # Errors
    /// Every kind of [`Error`] but `ImpossibleName`.
    pub async fn user_time_zone(&self) -> Result<Option<String>, Error> {
        let zone: Zone = self.ask("time_zone", "frappe.client.get_time_zone", &[]).await?;
        Ok(zone.time_zone)
    }

    /// The site's clock in whole seconds, as its answers (or those of a proxy before it) tell it; `None` where they do not.
    ///
    /// # Errors
    /// Where nobody answers.
    pub async fn clock(&self) -> Result<Option<Timestamp>, Error> {
        self.0.date(self.method("ping")).await
    }
}
