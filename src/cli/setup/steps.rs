//! The way through a plan: access, templates, Webhooks, round trip; told as it goes.
//!
//! Invariant: a new key is put away the moment it exists. Templates are tried before the first Webhook is touched, and a new
//! secret goes into existing Webhooks only after the receiver was seen to accept it.

use crate::app::{Connection, Listening};
use crate::cli::output::remark;
use crate::config::{Config, Secret};
use crate::domain::webhook::{self, Webhook};
use crate::erpnext::Client;
use crate::erpnext::admin::Admin;
use crate::setup::{Action, Done, Plan, Proof, Wanted, apply, check_templates, prove};

use super::save::Output;

pub(super) struct Steps<'c> {
    pub(super) config: &'c Config,
    pub(super) connection: &'c Connection,
    pub(super) wanted: &'c Wanted,
    pub(super) secrets: Vec<Secret>,
    pub(super) output: Output,
}

/// Does one action and tells it.
pub(super) async fn act(admin: &Admin, action: &Action, secret: &str) -> anyhow::Result<Done> {
    let done = apply(admin, action, secret).await?;
    match &done {
        Done::AsPlanned | Done::Key(_) => remark(format_args!("  done: {action}")),
        Done::Kept(why) => {
            remark(format_args!("  disabled, but not deleted, because ERPNext keeps it ({why}): {action}"));
        }
    }
    Ok(done)
}

impl Steps<'_> {
    /// Goes all of it.
    pub(super) async fn go(mut self, plan: &Plan, round_trip: bool) -> anyhow::Result<()> {
        let reader = self.access(plan).await?;
        self.keep_secret()?;
        self.try_templates(reader.as_ref()).await?;
        let listening = match round_trip {
            true => Some(self.connection.listen(self.secrets.clone()).await?),
            false => None,
        };
        let went = self.webhooks(plan, listening.as_ref()).await;
        if let Some(listening) = listening {
            listening.close().await;
        }
        went
    }

    fn secret(&self) -> &str {
        self.secrets.first().map_or("", Secret::expose)
    }

    /// Role, permissions, user and key; gives a client that may read customers, if there is one.
    async fn access(&mut self, plan: &Plan) -> anyhow::Result<Option<Client>> {
        let erpnext = &self.config.erpnext;
        let configured = erpnext.api_key.as_ref().zip(erpnext.api_secret.as_ref());
        let mut reader = match configured {
            Some((key, secret)) => Some(self.connection.client(key.expose(), secret.expose())?),
            None => None,
        };
        for action in &plan.access {
            if let Done::Key(keys) = act(self.connection.admin(), action, "").await? {
                let settings = [("ERPNEXT_API_KEY", keys.api_key.as_str()), ("ERPNEXT_API_SECRET", &keys.api_secret)];
                self.output.put(&settings)?;
                reader = Some(self.connection.client(&keys.api_key, &keys.api_secret)?);
            }
        }
        Ok(reader)
    }

    /// A secret that was made up here has to be kept too.
    fn keep_secret(&mut self) -> anyhow::Result<()> {
        if !self.config.webhook.secrets.is_empty() {
            return Ok(());
        }
        let secret = self.secret().to_owned();
        self.output.put(&[("ERPNEXT_WEBHOOK_SECRET", &secret)])
    }

    async fn try_templates(&self, reader: Option<&Client>) -> anyhow::Result<()> {
        let webhooks = webhook::wanted(&self.wanted.instance, &self.wanted.receiver);
        let webhooks: Vec<&Webhook> = webhooks.iter().collect();
        let checked = check_templates(self.connection.admin(), reader, &webhooks).await?;
        remark(format_args!("{} of {} templates were tried on this ERPNext and work.", checked.works, webhooks.len()));
        for note in checked.notes {
            remark(format_args!("Note: {note}."));
        }
        Ok(())
    }

    async fn webhooks(&self, plan: &Plan, listening: Option<&Listening>) -> anyhow::Result<()> {
        let admin = self.connection.admin();
        let rotates = self.wanted.rotate_secret;
        if let (Some(listening), true) = (listening, rotates) {
            self.prove(listening).await?;
            remark("The receiver accepts the new secret.");
        }
        for action in &plan.webhooks {
            act(admin, action, self.secret()).await?;
        }
        match listening {
            Some(listening) if !rotates => {
                let proof = self.prove(listening).await?;
                tell(&proof);
            }
            Some(_) => remark(
                "Every Webhook signs with the new secret. Keep the old one beside it for two days, because ERPNext may \
                 still repeat what it signed before; then take it out of ERPNEXT_WEBHOOK_SECRET.",
            ),
            None => remark("Whether webhooks arrive was not tried."),
        }
        Ok(())
    }

    async fn prove(&self, listening: &Listening) -> anyhow::Result<Proof> {
        match &listening.elsewhere {
            None => remark(format_args!("Waiting for a webhook from ERPNext, at {} …", self.config.server.listen)),
            Some(_) => remark("Waiting for a webhook from ERPNext, at the service that is running …"),
        }
        let (instance, receiver) = (&self.wanted.instance, &self.wanted.receiver);
        Ok(prove(self.connection.admin(), listening.store(), instance, receiver, self.secret()).await?)
    }
}

fn tell(proof: &Proof) {
    let unknown = || "unknown".to_owned();
    remark(format_args!(
        "A webhook made the whole way in {:.1} s: address, TLS, secret and ERPNext's workers are right. The site calls \
         itself {}, its time zone is {}.",
        proof.took.as_secs_f64(),
        proof.site.clone().unwrap_or_else(unknown),
        proof.time_zone.clone().unwrap_or_else(unknown)
    ));
    remark("Now: customer-sync serve");
}
