//! The whole configuration, and how it is put together.
//!
//! Invariant: [`Config::load`] reads files and the given maps only, never the process, and reports every problem it can
//! find in one go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::domain::mapping::MappingConfig;

use super::check::check;
use super::effective::Effective;
use super::environment::{self, Environment, dot_env};
use super::layers::{Given, Layers};
use super::problem::{Problem, Problems, Source};
use super::sections::{
    Access, Database, Erpnext, Log, Mapping, Matching, Metrics, Retention, Root, Schedule, Server, Sync, Verify,
    Webhook, Worker,
};
use super::setting::{Section, Setting};
use super::toml_file::{self, TomlFile};
use super::values::Secret;

/// The file that is read where no other is named.
const DEFAULT_FILE: &str = "customer-sync.toml";

/// Everything that can be configured, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Folder for the SQLite database and other local files.
    pub data_dir: PathBuf,
    /// `[server]`
    pub server: Server,
    /// `[access]`
    pub access: Access,
    /// `[database]`
    pub database: Database,
    /// `[erpnext]`
    pub erpnext: Erpnext,
    /// `[webhook]`
    pub webhook: Webhook,
    /// `[worker]`
    pub worker: Worker,
    /// `[sync]`
    pub sync: Sync,
    /// `[schedule]`
    pub schedule: Schedule,
    /// `[matching]`
    pub matching: Matching,
    /// `[mapping]`
    pub mapping: Mapping,
    /// `[verify]`
    pub verify: Verify,
    /// `[retention]`
    pub retention: Retention,
    /// `[metrics]`
    pub metrics: Metrics,
    /// `[log]`
    pub log: Log,
    /// Every setting as it counts, in the order of the sample file.
    pub effective: Vec<Effective>,
}

/// What a configuration is made of.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The environment.
    pub environment: Environment,
    /// `--config`; without it `customer-sync.toml` in `folder`, if there is one.
    pub config_path: Option<PathBuf>,
    /// Flags that stand for a setting.
    pub overrides: Vec<Override>,
    /// The working folder: home of `.env`, and where relative paths of the configuration begin.
    pub folder: PathBuf,
    /// Whether the command talks to ERPNext, so that a missing address or key is a problem too.
    pub needs_erpnext: bool,
}

impl Inputs {
    /// Those of this process.
    #[must_use]
    pub fn of_process(config_path: Option<PathBuf>, overrides: Vec<Override>, needs_erpnext: bool) -> Self {
        let (environment, folder) = (environment::process(), environment::working_folder());
        Self { environment, config_path, overrides, folder, needs_erpnext }
    }
}

/// A flag that stands for a setting.
#[derive(Debug, Clone)]
pub struct Override {
    /// Full name of the setting, e.g. `server.listen`.
    pub setting: &'static str,
    /// The flag, e.g. `--listen`.
    pub flag: &'static str,
    /// Its value.
    pub value: String,
}

/// What is needed to talk to ERPNext.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Root of the site.
    pub url: Url,
    /// API key.
    pub api_key: Secret,
    /// API secret.
    pub api_secret: Secret,
}

/// What writing a batch may take once it was read.
const WRITE_MARGIN: Duration = Duration::from_secs(5);

impl Config {
    /// What must be left of a lease when a batch is begun: it is read in two rounds, then written.
    #[must_use]
    pub fn lease_margin(&self) -> Duration {
        self.erpnext.read_timeout * 2 + WRITE_MARGIN
    }

    /// Puts defaults, file, `.env`, environment and flags together.
    ///
    /// # Errors
    /// All problems of all layers at once.
    pub fn load(inputs: Inputs) -> Result<Self, Problems> {
        Self::load_with_sources(inputs).map(|(config, _given)| config)
    }

    /// The same, with what is not a default and where that was written, by name.
    ///
    /// # Errors
    /// All problems of all layers at once.
    pub fn load_with_sources(inputs: Inputs) -> Result<(Self, Vec<Given>), Problems> {
        let settings = Self::settings();
        let mut problems = Vec::new();
        let dot_env = dot_env(&inputs.folder, &mut problems);
        let file = read_file(&inputs, &settings, &mut problems);
        let mut layers = Layers {
            overrides: inputs.overrides,
            environment: inputs.environment,
            dot_env,
            file,
            folder: inputs.folder,
            problems,
            sources: std::collections::BTreeMap::new(),
            shown: std::collections::BTreeMap::new(),
            effective: Vec::new(),
        };
        let Root { data_dir } = Root::visit(&mut layers);
        let mut config = Self {
            data_dir,
            server: Server::visit(&mut layers),
            access: Access::visit(&mut layers),
            database: Database::visit(&mut layers),
            erpnext: Erpnext::visit(&mut layers),
            webhook: Webhook::visit(&mut layers),
            worker: Worker::visit(&mut layers),
            sync: Sync::visit(&mut layers),
            schedule: Schedule::visit(&mut layers),
            matching: Matching::visit(&mut layers),
            mapping: Mapping::visit(&mut layers),
            verify: Verify::visit(&mut layers),
            retention: Retention::visit(&mut layers),
            metrics: Metrics::visit(&mut layers),
            log: Log::visit(&mut layers),
            effective: Vec::new(),
        };
        config.effective = std::mem::take(&mut layers.effective);
        layers.report_unknown(&settings);
        check(&config, &mut layers);
        if inputs.needs_erpnext
            && let Err(Problems(missing)) = config.require_erpnext()
        {
            let told = |problem: &Problem| layers.problems.iter().any(|other| other.setting == problem.setting);
            let missing: Vec<Problem> = missing.into_iter().filter(|problem| !told(problem)).collect();
            layers.problems.extend(missing);
        }
        if layers.problems.is_empty() { Ok((config, layers.given())) } else { Err(Problems(layers.problems)) }
    }

    /// Every setting, in the order of the sample file.
    #[must_use]
    pub fn settings() -> Vec<Setting> {
        let mut settings = Vec::new();
        Root::visit(&mut settings);
        Server::visit(&mut settings);
        Access::visit(&mut settings);
        Database::visit(&mut settings);
        Erpnext::visit(&mut settings);
        Webhook::visit(&mut settings);
        Worker::visit(&mut settings);
        Sync::visit(&mut settings);
        Schedule::visit(&mut settings);
        Matching::visit(&mut settings);
        Mapping::visit(&mut settings);
        Verify::visit(&mut settings);
        Retention::visit(&mut settings);
        Metrics::visit(&mut settings);
        Log::visit(&mut settings);
        settings
    }

    /// Where the SQLite database is, for whoever configured no other one.
    #[must_use]
    pub fn sqlite_file(&self) -> PathBuf {
        self.data_dir.join("customer-sync.db")
    }

    /// The database to use: the configured one, else `customer-sync.db` in `data_dir`.
    #[must_use]
    pub fn database_url(&self) -> Secret {
        let default = || Secret::new(format!("sqlite://{}", self.sqlite_file().display()));
        self.database.url.clone().unwrap_or_else(default)
    }

    /// The mapping as `domain::mapping` takes it.
    #[must_use]
    pub fn mapping_config(&self) -> MappingConfig {
        MappingConfig {
            company: self.mapping.company.clone(),
            fields: self.mapping.fields.clone(),
            extra: self.mapping.extra.clone(),
        }
    }

    /// The settings that only commands which talk to ERPNext need.
    ///
    /// # Errors
    /// Each missing one with the variable to set.
    pub fn require_erpnext(&self) -> Result<Site, Problems> {
        let Erpnext { url, api_key, api_secret, .. } = &self.erpnext;
        if let (Some(url), Some(api_key), Some(api_secret)) = (url, api_key, api_secret) {
            return Ok(Site { url: url.clone(), api_key: api_key.clone(), api_secret: api_secret.clone() });
        }
        let missing = [
            ("url", url.is_none(), "the address of your ERPNext site"),
            (
                "api_key",
                api_key.is_none(),
                "the API key of the ERPNext user that reads customers (customer-sync setup makes it)",
            ),
            ("api_secret", api_secret.is_none(), "the API secret of that user"),
        ];
        let missing = missing.into_iter().filter(|(_, missing, _)| *missing);
        Err(Problems(missing.map(|(key, _, to_what)| missing_erpnext(key, to_what)).collect()))
    }
}

fn missing_erpnext(key: &str, to_what: &str) -> Problem {
    let setting = Config::settings().into_iter().find(|setting| setting.section == "erpnext" && setting.key == key);
    let variable = setting.as_ref().map(Setting::preferred_variable).unwrap_or_default();
    let example = setting.and_then(|setting| setting.example).unwrap_or_default();
    Problem {
        setting: format!("erpnext.{key}"),
        source: Source::Nowhere,
        message: format!(
            "set the variable {variable} (or {key} = {example} below [erpnext] in {DEFAULT_FILE}) to {to_what}"
        ),
    }
}

fn read_file(inputs: &Inputs, settings: &[Setting], problems: &mut Vec<Problem>) -> TomlFile {
    let path = inputs.config_path.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let is_section = |key: &str| settings.iter().any(|setting| setting.section == key);
    match std::fs::read_to_string(inputs.folder.join(&path)) {
        Ok(text) => toml_file::parse(&path, &text, is_section, problems),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && inputs.config_path.is_none() => {
            TomlFile::default()
        }
        Err(error) => {
            problems.push(unreadable(&path, &error));
            TomlFile::default()
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("it cannot be read: {error}; correct the path after --config or the file's permissions");
    Problem { setting: String::new(), source: Source::File(path.to_owned(), None), message }
}
