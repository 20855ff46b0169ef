//! `customer-sync setup`: connects an ERPNext, or says by hand how.
//!
//! Invariant: nothing is changed before the plan was shown and agreed to, and before the public address was seen not to
//! redirect. The administrator's key comes from the environment, a file or standard input, never from the command line,
//! where other users of the machine see it, and is stored nowhere.

pub(super) mod key;
mod plan;
mod save;
mod steps;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use url::Url;

use self::save::Output;
use self::steps::Steps;
use super::output::{remark, say};
use super::{block_on, load_quietly};
use crate::app::Connection;
use crate::config::{Config, Inputs, Override, Secret};
use crate::domain::webhook::RECEIVER_PATH;
use crate::erpnext::Reached;
use crate::setup::{self, Action, Found, Wanted, instructions};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Address under which ERPNext reaches the service, without a path (the setting server.public_url)
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// With what the names of the Webhooks begin (the setting webhook.instance)
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,

    /// File with the administrator's key as KEY:SECRET, or - for standard input [default: ERPNEXT_ADMIN_KEY]
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,

    /// E-mail address of the user that reads customers [default: customer-sync@ the site's host]
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,

    /// The role of that user
    #[arg(long, value_name = "ROLE", default_value = Wanted::ROLE)]
    role: String,

    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,

    /// Do it without asking
    #[arg(long, short)]
    yes: bool,

    /// Write key and webhook secret into this new file (mode 600) instead of printing them; .env is read by itself
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Make a new API secret although the user has a key; the present one stops working at once
    #[arg(long)]
    rotate_key: bool,

    /// Write the first of webhook.secrets into the Webhooks; the service must accept it and the old one already
    #[arg(long)]
    rotate_secret: bool,

    /// Also change Webhooks of this instance's names that send to another address or sign with another secret
    #[arg(long)]
    take_over: bool,

    /// Do not send a webhook through ERPNext at the end to see whether it arrives
    #[arg(long, conflicts_with = "rotate_secret")]
    no_round_trip: bool,

    /// Take away again what setup made: Webhooks, user, role and permissions
    #[arg(long, conflicts_with_all = ["rotate_key", "rotate_secret", "save"])]
    remove: bool,
}

impl Arguments {
    pub(super) fn run(self, path: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let inputs = Inputs::of_process(path, self.overrides(), false);
        let key = key::read(self.admin_key_file.as_deref(), &inputs.environment)?;
        let config = load_quietly(inputs)?;
        let site = config.erpnext.url.clone().context("say which ERPNext to connect: set ERPNEXT_URL")?;
        let wanted = self.wanted(&config, &site)?;
        let Some((key, secret)) = key else {
            self.refuse_without_key()?;
            let known = config.webhook.secrets.first().map(Secret::expose);
            say(instructions(&wanted, site.as_str(), known).trim_end())?;
            return Ok(ExitCode::SUCCESS);
        };
        let connection = Connection::new(&config, &key, &secret)?;
        block_on(async {
            if self.remove {
                self.remove(&connection, &wanted).await
            } else {
                self.connect(&config, &connection, &wanted).await
            }
        })
    }

    /// Instructions are for whoever asked for nothing in particular; a script must not take them for success.
    fn refuse_without_key(&self) -> anyhow::Result<()> {
        let flags = [
            ("--yes", self.yes),
            ("--save", self.save.is_some()),
            ("--rotate-key", self.rotate_key),
            ("--rotate-secret", self.rotate_secret),
            ("--take-over", self.take_over),
            ("--remove", self.remove),
        ];
        match flags.into_iter().find(|(_flag, given)| *given) {
            None => Ok(()),
            Some((flag, _given)) => bail!(
                "{flag} needs an administrator's key: set ERPNEXT_ADMIN_KEY to KEY:SECRET, or name a file with \
                 --admin-key-file. Without a key, setup alone prints what to click in ERPNext"
            ),
        }
    }

    fn overrides(&self) -> Vec<Override> {
        let flags = [("server.public_url", "--url", &self.url), ("webhook.instance", "--instance", &self.instance)];
        let given = flags.into_iter().filter_map(|(setting, flag, value)| Some((setting, flag, value.clone()?)));
        given.map(|(setting, flag, value)| Override { setting, flag, value }).collect()
    }

    fn wanted(&self, config: &Config, site: &Url) -> anyhow::Result<Wanted> {
        let public = config.server.public_url.as_ref().context(
            "say under which address ERPNext reaches this service: --url https://sync.example.com, or PUBLIC_URL",
        )?;
        if self.role.trim().is_empty() {
            bail!("the role needs a name: leave --role out for \"{}\"", Wanted::ROLE);
        }
        let user = self.user.clone().unwrap_or_else(|| default_user(site)).to_lowercase();
        if !is_address(&user) {
            bail!("\"{user}\" is no e-mail address, and ERPNext names users so: give one like {}", default_user(site));
        }
        Ok(Wanted {
            role: self.role.clone(),
            user,
            instance: config.webhook.instance.clone(),
            receiver: public.join(RECEIVER_PATH).context("the public address cannot be used")?.into(),
            api_key: config.erpnext.api_key.as_ref().map(|key| key.expose().to_owned()),
            rotate_key: self.rotate_key,
            has_secret: !config.webhook.secrets.is_empty(),
            rotate_secret: self.rotate_secret,
            take_over: self.take_over,
        })
    }

    async fn connect(&self, config: &Config, connection: &Connection, wanted: &Wanted) -> anyhow::Result<ExitCode> {
        refuse_redirects(&wanted.receiver).await?;
        let secrets = self.secrets(config)?;
        let found = Found::look(connection.admin(), wanted).await?;
        let plan = setup::plan(wanted, &found);
        plan::show(&plan)?;
        if self.dry_run {
            return Ok(ExitCode::SUCCESS);
        }
        if !plan.is_empty() && !plan::agreed(self.yes)? {
            return Ok(ExitCode::FAILURE);
        }
        let makes_key = plan.access.iter().any(|action| matches!(action, Action::GenerateKey { .. }));
        // The same call again has nothing to write, and finds the file that the first one made.
        let output = match makes_key || !wanted.has_secret {
            true => Output::open(self.save.as_deref())?,
            false => Output::Screen,
        };
        let steps = Steps { config, connection, wanted, secrets, output };
        steps.go(&plan, !self.no_round_trip).await?;
        Ok(ExitCode::SUCCESS)
    }

    async fn remove(&self, connection: &Connection, wanted: &Wanted) -> anyhow::Result<ExitCode> {
        let found = Found::look(connection.admin(), wanted).await?;
        let plan = setup::removal(wanted, &found);
        plan::show(&plan)?;
        if self.dry_run || plan.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if !plan::agreed(self.yes)? {
            return Ok(ExitCode::FAILURE);
        }
        for action in plan.actions() {
            steps::act(connection.admin(), action, "").await?;
        }
        remark("Done. The service's database, and what is in it, stay as they are.");
        Ok(ExitCode::SUCCESS)
    }

    /// The secrets that the receiver accepts; the first is what new Webhooks sign with. A new one where there is none yet.
    fn secrets(&self, config: &Config) -> anyhow::Result<Vec<Secret>> {
        let secrets = config.webhook.secrets.clone();
        if self.rotate_secret && secrets.len() < 2 {
            bail!(
                "a new secret must be accepted before ERPNext signs with it, and the old one as long as ERPNext may still \
                 send what it signed before. So put a new one in front of the present one, restart the service, and run \
                 this again:\n\n  ERPNEXT_WEBHOOK_SECRET={},the-present-one",
                save::new_secret()
            );
        }
        Ok(if secrets.is_empty() { vec![Secret::new(save::new_secret())] } else { secrets })
    }
}

/// ERPNext follows a redirect without the body and takes the answer for success.
async fn refuse_redirects(receiver: &str) -> anyhow::Result<()> {
    let url = Url::parse(receiver).context("the public address cannot be used")?;
    if let Reached::Redirect { to } = Reached::ask(&url).await {
        bail!(
            "{receiver} redirects to {to}. ERPNext would follow that without the body and take the answer for success, so \
             every webhook would be lost: give the address that answers itself"
        );
    }
    Ok(())
}

/// As strict as Frappe about what a user may be called: it wants a dot in the domain, too.
fn is_address(user: &str) -> bool {
    let is_clean = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    user.split_once('@').is_some_and(|(name, domain)| is_clean(name) && is_clean(domain) && domain.contains('.'))
}

/// Frappe wants an address with a dot in its domain.
fn default_user(site: &Url) -> String {
    let host = site.host_str().filter(|host| host.contains('.')).unwrap_or("example.com");
    format!("customer-sync@{host}")
}
