//! Finds the strongest value of each setting: flag, variable, `.env`, file, default.
//!
//! Invariant: everything that was written is either used for a setting or reported; a slip of the pen in a name never
//! means that a default is taken in silence. An empty variable counts as not set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::domain::suggest::{closest, did_you_mean};

use super::effective::Effective;
use super::environment::Environment;
use super::load::Override;
use super::problem::{Problem, Source};
use super::raw::Raw;
use super::setting::{PREFIX, Setting, Visitor};
use super::toml_file::TomlFile;
use super::value::Value;

/// All layers above the defaults; collects problems while sections read from it.
#[derive(Debug)]
pub(super) struct Layers {
    /// Flags, the strongest.
    pub(super) overrides: Vec<Override>,
    /// The process's variables.
    pub(super) environment: Environment,
    /// The variables of `.env`.
    pub(super) dot_env: Environment,
    /// The configuration file.
    pub(super) file: TomlFile,
    /// Relative paths of secret files start here.
    pub(super) folder: PathBuf,
    /// What was wrong so far.
    pub(super) problems: Vec<Problem>,
    /// Where each setting that is not a default came from, by full name.
    pub(super) sources: BTreeMap<String, Source>,
    /// Every setting that was read so far, as it counts.
    pub(super) effective: Vec<Effective>,
    /// What was written for those of them that may be shown, by full name.
    pub(super) shown: BTreeMap<String, String>,
}

/// A setting that somebody has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its full name, e.g. `server.listen`.
    pub setting: String,
    /// Where it was written.
    pub source: Source,
    /// As it was written; `None` for secrets, and for lists and tables.
    pub value: Option<String>,
}

impl Visitor for Layers {
    fn setting<T: Value>(&mut self, setting: Setting, default: T) -> T {
        let value = self.strongest(&setting, default);
        let source = self.sources.get(&setting.name()).cloned().unwrap_or(Source::Nowhere);
        self.effective.push(Effective::new(setting, &value, source));
        value
    }
}

impl Layers {
    fn strongest<T: Value>(&mut self, setting: &Setting, default: T) -> T {
        let Some((raw, source)) = self.find(setting) else { return default };
        self.sources.insert(setting.name(), source.clone());
        if let Some(text) = raw.scalar().filter(|_| !setting.secret) {
            self.shown.insert(setting.name(), text);
        }
        match T::from_raw(&raw) {
            Ok(value) => value,
            Err(why) => {
                let shown =
                    raw.scalar().filter(|_| !setting.secret).map_or("the value".to_owned(), |t| format!("{t:?}"));
                let why = if why.is_empty() { "cannot be used" } else { &why };
                let message = format!("{shown} {why}; write {}", setting.expected);
                self.problems.push(Problem { setting: setting.name(), source, message });
                default
            }
        }
    }

    /// Reports a value that is wrong in combination with others.
    pub(super) fn problem(&mut self, setting: &str, message: impl Into<String>) {
        let source = self.sources.get(setting).cloned().unwrap_or(Source::Nowhere);
        self.problems.push(Problem { setting: setting.to_owned(), source, message: message.into() });
    }

    /// What was set, by name.
    pub(super) fn given(&self) -> Vec<Given> {
        let given = self.sources.iter().map(|(setting, source)| Given {
            setting: setting.clone(),
            source: source.clone(),
            value: self.shown.get(setting).cloned(),
        });
        given.collect()
    }

    fn find(&mut self, setting: &Setting) -> Option<(Raw, Source)> {
        let name = setting.name();
        if let Some(found) = self.overrides.iter().find(|given| given.setting == name) {
            return Some((Raw::Text(found.value.clone()), Source::Flag(found.flag)));
        }
        let variable = self.find_variable(setting, &self.environment, Source::Variable);
        let variable = variable.or_else(|| self.find_variable(setting, &self.dot_env, Source::DotEnv));
        if let Some(found) = variable {
            return self.open(setting, found);
        }
        let direct = self.file.entries.get(&name);
        let direct = direct.map(|(raw, line)| (Written::Here(raw.clone()), Source::line(&self.file.path, *line)));
        let indirect = setting.secret.then(|| self.file.entries.get(&format!("{name}_file"))).flatten();
        let indirect = indirect.map(|(raw, line)| {
            (Written::InFile(raw.scalar().unwrap_or_default()), Source::line(&self.file.path, *line))
        });
        let found = one_of(direct, indirect)?;
        self.open(setting, found)
    }

    fn find_variable(
        &self,
        setting: &Setting,
        variables: &Environment,
        source: fn(String) -> Source,
    ) -> Option<(Written, Source)> {
        let filled = |name: &String| variables.get(name).filter(|value| !value.trim().is_empty()).cloned();
        setting.variables().find_map(|name| {
            let direct = filled(&name).map(|text| (Written::Here(Raw::Text(text)), source(name.clone())));
            let indirect = format!("{name}_FILE");
            let path = setting.secret.then(|| filled(&indirect)).flatten();
            one_of(direct, path.map(|path| (Written::InFile(path), source(indirect))))
        })
    }

    /// Reads the secret's file where only its path was written.
    fn open(&mut self, setting: &Setting, (written, source): (Written, Source)) -> Option<(Raw, Source)> {
        let message = match written {
            Written::Here(raw) => return Some((raw, source)),
            Written::Twice => "is given both directly and by a file; remove one of the two".to_owned(),
            Written::InFile(path) => match std::fs::read_to_string(self.folder.join(&path)) {
                Ok(text) => return Some((Raw::Text(text.trim_end_matches(['\r', '\n']).to_owned()), source)),
                Err(error) => {
                    format!("the file {path:?} cannot be read: {error}; write the path of a readable text file")
                }
            },
        };
        self.problems.push(Problem { setting: setting.name(), source, message });
        None
    }

    /// Reports what was written and belongs to no setting.
    pub(super) fn report_unknown(&mut self, settings: &[Setting]) {
        let mut names: BTreeSet<String> = BTreeSet::new();
        let mut variables: BTreeSet<String> = BTreeSet::new();
        for setting in settings {
            names.insert(setting.name());
            variables.insert(setting.variable());
            if setting.secret {
                names.insert(format!("{}_file", setting.name()));
                variables.insert(format!("{}_FILE", setting.variable()));
            }
        }
        for (name, (_, line)) in &self.file.entries {
            if !names.contains(name) {
                self.problems.push(Problem {
                    setting: name.clone(),
                    source: Source::line(&self.file.path, *line),
                    message: unknown_key(name, &names, settings),
                });
            }
        }
        let given = self.environment.keys().map(|name| (name, Source::Variable(name.clone())));
        let given = given.chain(self.dot_env.keys().map(|name| (name, Source::DotEnv(name.clone()))));
        for (name, source) in given.filter(|(name, _)| name.starts_with(PREFIX) && !variables.contains(*name)) {
            let hint = did_you_mean(name, variables.iter().map(String::as_str));
            let message = format!("there is no setting for this variable{hint}");
            self.problems.push(Problem { setting: String::new(), source, message });
        }
    }
}

/// A value, or where it is.
enum Written {
    Here(Raw),
    InFile(String),
    Twice,
}

fn one_of(direct: Option<(Written, Source)>, indirect: Option<(Written, Source)>) -> Option<(Written, Source)> {
    match (direct, indirect) {
        (Some((_, source)), Some(_)) => Some((Written::Twice, source)),
        (direct, indirect) => direct.or(indirect),
    }
}

fn unknown_key(name: &str, names: &BTreeSet<String>, settings: &[Setting]) -> String {
    if settings.iter().any(|setting| setting.section == name) {
        return format!("this is a table; write [{name}] and its settings below");
    }
    let sections = settings.iter().map(|setting| setting.section).filter(|section| !section.is_empty());
    let candidates = names.iter().map(String::as_str).chain(sections);
    let key = name.rsplit('.').next().unwrap_or(name);
    let elsewhere = || settings.iter().find(|setting| setting.key == key).map(Setting::name);
    match closest(name, candidates).map(str::to_owned).or_else(elsewhere) {
        Some(near) => format!("there is no such setting; did you mean \"{near}\"?"),
        None => "there is no such setting; remove the line or look the name up in the sample file".to_owned(),
    }
}
