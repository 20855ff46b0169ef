//! The configuration as users meet it: layers, files, secrets, and what they are told when something is wrong.
//!
//! Nothing here touches the process's environment: every test hands its own to `Config::load`. The sample file and the
//! README's table are compared with what the code renders.

use std::path::Path;
use std::time::Duration;

use customer_sync::config::{
    Config, Inputs, LogFormat, Override, Problems, Secret, Setting, reference_markdown, sample_toml,
};
use customer_sync::domain::mapping::default_sources;
use customer_sync::telemetry::metrics;

/// A folder with these files and an environment with these variables.
fn load(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Config, Problems> {
    load_with(files, variables, Vec::new())
}

fn load_with(files: &[(&str, &str)], variables: &[(&str, &str)], overrides: Vec<Override>) -> Result<Config, Problems> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::load(Inputs { environment, overrides, folder: folder.path().to_owned(), ..Inputs::default() })
}

fn lines(problems: &Problems) -> Vec<String> {
    problems.0.iter().map(ToString::to_string).collect()
}

#[test]
fn defaults_need_nothing() {
    let config = load(&[], &[]).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.body_limit.bytes(), 1_048_576);
    assert_eq!(config.database_url().expose(), "sqlite://data/customer-sync.db");
    assert_eq!(config.worker.backoff_max, Duration::from_secs(900));
    assert_eq!(config.log.format, LogFormat::Auto);
    assert!(config.webhook.secrets.is_empty() && !config.webhook.insecure);
}

#[test]
fn flags_beat_variables_beat_dot_env_beats_the_file_beats_defaults() {
    let file = ("customer-sync.toml", "[server]\nlisten = \"127.0.0.1:1\"\n");
    let dot_env = (".env", "LISTEN=127.0.0.1:2\n");
    let variable = ("LISTEN", "127.0.0.1:3");
    let full_name = ("CUSTOMER_SYNC__SERVER__LISTEN", "127.0.0.1:4");
    let flag = Override { setting: "server.listen", flag: "--listen", value: "127.0.0.1:5".to_owned() };
    let port = |config: Result<Config, Problems>| config.unwrap().server.listen.port();
    assert_eq!(port(load(&[file], &[])), 1);
    assert_eq!(port(load(&[file, dot_env], &[])), 2);
    assert_eq!(port(load(&[file, dot_env], &[variable])), 3);
    assert_eq!(port(load(&[file, dot_env], &[variable, full_name])), 4);
    assert_eq!(port(load_with(&[file, dot_env], &[variable, full_name], vec![flag])), 5);
    assert_eq!(port(load(&[file], &[("LISTEN", " ")])), 1, "an empty variable is not set");
}

#[test]
fn the_names_users_already_have_work() {
    let config = load(
        &[("secret.txt", "abc\n")],
        &[
            ("NEXT_PUBLIC_ERPNEXT_URL", "https://erp.example.com"),
            ("ERPNEXT_API_KEY", "key"),
            ("ERPNEXT_API_SECRET_FILE", "secret.txt"),
            ("ERPNEXT_WEBHOOK_SECRET", "new, old"),
            ("DATABASE_URL", "postgres://u:p@h/d"),
            ("DATA_DIR", "/var/lib/customer-sync"),
            ("RUST_LOG", "warn,customer_sync=trace"),
        ],
    )
    .unwrap();
    let site = config.require_erpnext().unwrap();
    assert_eq!((site.url.as_str(), site.api_key.expose()), ("https://erp.example.com/", "key"));
    assert_eq!(site.api_secret.expose(), "abc");
    assert_eq!(config.webhook.secrets, [Secret::new("new"), Secret::new("old")]);
    assert_eq!(config.database_url().expose(), "postgres://u:p@h/d");
    assert_eq!(config.data_dir, Path::new("/var/lib/customer-sync"));
    assert_eq!(config.log.level.directives(), "warn,customer_sync=trace");
    let shown = format!("{config:?}");
    assert!(!shown.contains("postgres://") && !shown.contains("abc"), "{shown}");
}

#[test]
fn a_secret_given_twice_is_told() {
    let problems = load(&[], &[("ERPNEXT_API_KEY", "a"), ("ERPNEXT_API_KEY_FILE", "b")]).unwrap_err();
    assert!(problems.to_string().contains("remove one of the two"), "{problems}");
}

#[test]
fn missing_erpnext_settings_name_the_variables() {
    let problems = load(&[], &[("ERPNEXT_API_KEY", "key")]).unwrap().require_erpnext().unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    the configuration has 2 problems:
      erpnext.url (not set): set the variable ERPNEXT_URL (or url = "https://erp.example.com" below [erpnext] in customer-sync.toml) to the address of your ERPNext site
      erpnext.api_secret (not set): set the variable ERPNEXT_API_SECRET (or api_secret = "fedcba987654321" below [erpnext] in customer-sync.toml) to the API secret of that user
    "#);
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let file = "\
[server]
lisetn = \"127.0.0.1:1\"
body_limit = \"much\"
[sever]
[worker]
concurrency = 0
lease = 30
batch = 500
[erpnext]
url = \"erp.example.com\"
";
    let problems = load(
        &[("customer-sync.toml", file), (".env", "CUSTOMER_SYNC__LOG__FROMAT=json\n")],
        &[
            ("CUSTOMER_SYNC__SERVER__BODY_TIMEOUT", "10"),
            ("CUSTOMER_SYNC__WORKER__BATHC", "7"),
            ("RUST_LOG", "inof"),
            ("DATABASE_URL", "oracle://scott:tiger@db/x"),
            ("ERPNEXT_API_SECRET_FILE", "nowhere"),
            ("ERPNEXT_API_KEY", "token a:b"),
        ],
    )
    .unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    the configuration has 14 problems:
      server.body_limit (customer-sync.toml:3): "much" cannot be used; write a size above 0 like "64KiB", "1MiB" or a number of bytes
      server.body_timeout (CUSTOMER_SYNC__SERVER__BODY_TIMEOUT): "10" cannot be used; write a duration above 0 with its unit like "500ms", "10s", "2min" or "1h 30min"
      erpnext.url (customer-sync.toml:10): "erp.example.com" has no https:// in front; write scheme and host only, like "https://erp.example.com"
      erpnext.api_secret (ERPNEXT_API_SECRET_FILE): the file "nowhere" cannot be read: No such file or directory (os error 2); write the path of a readable text file
      worker.concurrency (customer-sync.toml:6): "0" cannot be used; write a whole number from 1
      worker.lease (customer-sync.toml:7): "30" cannot be used; write a duration above 0 with its unit like "500ms", "10s", "2min" or "1h 30min"
      log.level (RUST_LOG): "inof" has no level in "inof"; write error, warn, info, debug or trace, or directives like "info,customer_sync=debug"
      server.lisetn (customer-sync.toml:2): there is no such setting; did you mean "server.listen"?
      sever (customer-sync.toml:4): there is no such setting; did you mean "server"?
      CUSTOMER_SYNC__WORKER__BATHC: there is no setting for this variable; did you mean "CUSTOMER_SYNC__WORKER__BATCH"?
      CUSTOMER_SYNC__LOG__FROMAT in .env: there is no setting for this variable; did you mean "CUSTOMER_SYNC__LOG__FORMAT"?
      database.url (DATABASE_URL): is no address of a database; write sqlite://file, postgres://user:password@host/name or mariadb://user:password@host/name
      erpnext.api_key (ERPNEXT_API_KEY): contains a space, a colon or something else that ERPNext never puts there; write the key alone, without "token" and without its other half
      worker.batch (customer-sync.toml:8): is too large; write at most 200
    "#);
}

#[test]
fn garbage_in_every_variable_is_told_for_each_and_never_shows_a_secret() {
    let mut taken = Vec::new();
    for setting in Config::settings() {
        let variable = setting.variable();
        match load(&[], &[(&variable, "\u{1f4a5} garbage")]) {
            Ok(_) => taken.push(setting.name()),
            Err(problems) => {
                let text = problems.to_string();
                assert!(text.contains(&variable), "{text}");
                assert!(!setting.secret || !text.contains("garbage"), "{text}");
            }
        }
    }
    // Free texts, of which only their user can tell whether they are right.
    let free = ["data_dir", "erpnext.ca_file", "webhook.secrets", "mapping.company"];
    assert_eq!(taken, free);
}

#[test]
fn a_command_that_needs_erpnext_is_told_what_is_missing_together_with_what_is_wrong() {
    let variables = [("LISTEN", "eighty"), ("ERPNEXT_URL", "erp.example.com"), ("ERPNEXT_API_KEY", "key")];
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let problems = Config::load(Inputs { environment, needs_erpnext: true, ..Inputs::default() }).unwrap_err();
    let told: Vec<&str> = problems.0.iter().map(|problem| problem.setting.as_str()).collect();
    assert_eq!(told, ["server.listen", "erpnext.url", "erpnext.api_secret"], "{problems}");
}

#[test]
fn a_lease_that_no_job_could_be_worked_on_with_is_told() {
    // Two answers of ERPNext may take 60 s each, so the default lease of two minutes is too short.
    let problems = load(&[], &[("CUSTOMER_SYNC__ERPNEXT__READ_TIMEOUT", "60s")]).unwrap_err();
    assert!(lines(&problems)[0].contains("worker.lease") && lines(&problems)[0].contains("130s"), "{problems}");
    let long = ("CUSTOMER_SYNC__WORKER__LEASE", "130s");
    let config = load(&[], &[("CUSTOMER_SYNC__ERPNEXT__READ_TIMEOUT", "60s"), long]).unwrap();
    assert!(config.worker.lease > config.lease_margin());
}

#[test]
fn a_schema_without_postgresql_is_told() {
    let schema = ("CUSTOMER_SYNC__DATABASE__SCHEMA", "crm");
    let problems = load(&[], &[schema, ("DATABASE_URL", "mariadb://u:p@h/d")]).unwrap_err();
    assert!(problems.to_string().contains("only for PostgreSQL"), "{problems}");
    assert!(load(&[], &[schema, ("DATABASE_URL", "postgresql://u:p@h/d")]).is_ok());
}

#[test]
fn a_broken_or_missing_file_is_told() {
    let problems = load(&[("customer-sync.toml", "[server\nlisten = 1\n")], &[]).unwrap_err();
    assert!(lines(&problems)[0].starts_with("customer-sync.toml:1: this is not valid TOML"), "{problems}");
    let inputs = Inputs { config_path: Some("other.toml".into()), ..Inputs::default() };
    let problems = Config::load(inputs).unwrap_err();
    assert!(problems.to_string().contains("other.toml: it cannot be read"), "{problems}");
}

#[test]
fn tables_come_from_the_file_and_from_variables() {
    let file = "[erpnext.headers]\nX-Access = \"a,b\"\n[mapping.fields]\nphone = [\"contact.phone\"]\n";
    let variable = ("CUSTOMER_SYNC__MAPPING__EXTRA", "vat=customer.custom_vat");
    let config = load(&[("customer-sync.toml", file)], &[variable]).unwrap();
    assert_eq!(config.erpnext.headers["X-Access"].expose(), "a,b");
    let mapping = config.mapping_config();
    assert_eq!(mapping.fields["phone"], ["contact.phone"]);
    assert_eq!(mapping.extra["vat"], "customer.custom_vat");
}

#[test]
fn a_wrong_mapping_is_told_with_its_line() {
    let file = "[mapping]\nfields = { emial = [\"contact.email_id\"], phone = [\"contcat.phone\"] }\n";
    let problems = load(&[("customer-sync.toml", file)], &[]).unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    the configuration has 2 problems:
      mapping.fields (customer-sync.toml:2): "emial" is no column that can be mapped; did you mean "email"?
      mapping.fields (customer-sync.toml:2): phone: "contcat.phone" does not begin with "customer.", "address." or "contact."; did you mean "contact"?
    "#);
}

#[test]
fn settings_that_contradict_each_other_are_told() {
    let file = "\
[server]
body_limit = \"32MiB\"
[database]
schema = \"Customer-Sync\"
[erpnext.headers]
Authorization = \"Basic abc\"
\"a b\" = \"c\"
[webhook]
secrets = [\"one\"]
insecure = true
[worker]
lease = \"30s\"
backoff_base = \"1h\"
[metrics]
listen = \"127.0.0.1:8080\"
token = \"easy to guess, and with spaces\"
";
    let problems = load(&[("customer-sync.toml", file)], &[]).unwrap_err();
    insta::assert_snapshot!(problems, @r#"
    the configuration has 10 problems:
      server.bodies_in_flight (not set): is below server.body_limit; write at least that size
      metrics.listen (customer-sync.toml:15): is server.listen; write another port, or remove it to have /metrics on server.listen
      metrics.token (customer-sync.toml:16): is too easy to guess or cannot be sent in a header; write at least 16 letters, digits and signs without spaces, for example what `openssl rand -hex 32` prints
      database.schema (customer-sync.toml:4): is only for PostgreSQL; remove it, or set DATABASE_URL to a postgres:// address
      database.schema (customer-sync.toml:4): is no plain name; write lower-case letters, digits and _ only, not beginning with a digit
      erpnext.headers (customer-sync.toml:5): "Authorization" is set by the service; use api_key and api_secret, or host_header
      erpnext.headers (customer-sync.toml:5): "a b" is no name of a header; write letters, digits and -
      webhook.insecure (customer-sync.toml:10): is true although webhook.secrets are set, which would then protect nothing; remove one of the two
      worker.backoff_base (customer-sync.toml:13): is longer than worker.backoff_max; write a shorter time
      worker.lease (customer-sync.toml:12): is too short for two answers within erpnext.read_timeout; write at least "70s", or a shorter read_timeout
    "#);
}

/// Compares a committed file with what it should be, or writes it where the environment asks for that.
pub fn assert_rendered(file: &str, render: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let committed = std::fs::read_to_string(&path).unwrap();
    let rendered = render(&committed);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    } else {
        let how = "run `UPDATE_REFERENCE=1 cargo test --test it is_rendered` and commit what it wrote";
        assert!(committed == rendered, "{file} is stale: {how}");
    }
}

#[test]
fn the_sample_file_is_rendered_from_the_code() {
    assert_rendered("deploy/customer-sync.toml", |_| sample_toml());
}

#[test]
fn the_readme_table_is_rendered_from_the_code() {
    assert_rendered("README.md", |readme| {
        let readme = between(readme, "settings", &reference_markdown());
        let readme = between(&readme, "metrics", &metrics::reference_markdown());
        between(&readme, "mapping", &mapping_markdown())
    });
}

/// The file with that text between the two markers of that name.
fn between(file: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("\n<!-- {name}: end -->"));
    let (before, rest) = file.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}\n{text}{end}{after}")
}

fn mapping_markdown() -> String {
    let row = |(column, sources): (&str, &[&str])| {
        let sources: Vec<String> = sources.iter().map(|source| format!("`{source}`")).collect();
        format!("| `{column}` | {} |\n", sources.join(", "))
    };
    let head = "| column | sources, first non-empty wins |\n| --- | --- |\n".to_owned();
    default_sources().map(row).fold(head, |text, row| text + row.as_str())
}

#[test]
fn the_sample_file_loads_as_it_is_and_with_every_line_switched_on() {
    assert_eq!(load(&[("customer-sync.toml", &sample_toml())], &[]).unwrap(), load(&[], &[]).unwrap());
    let settings = Config::settings();
    let is_setting = |line: &str| settings.iter().any(|setting| line.starts_with(&format!("#{} = ", setting.key)));
    let switched_on: String = sample_toml()
        .lines()
        .map(|line| if is_setting(line) { &line[1..] } else { line })
        .fold(String::new(), |text, line| text + line + "\n");
    let mut config = load(&[("customer-sync.toml", &switched_on)], &[]).unwrap();
    let defaults = load(&[], &[]).unwrap();
    let shown_without_default = config.server.public_url.take();
    assert_eq!(shown_without_default.unwrap().host_str(), Some("sync.example.com"));
    assert_eq!(config.server.trusted_proxies.len(), 2);
    config.server.trusted_proxies.clear();
    assert_eq!(config.server, defaults.server);
    assert_eq!(config.worker, defaults.worker);
    assert_eq!(config.retention.tombstones_days.take().map(u32::from), Some(365));
    assert_eq!(config.retention, defaults.retention);
    assert_eq!(config.erpnext.headers.len(), 2);
}

#[test]
fn what_counts_is_told_with_its_source_and_without_secrets() {
    let file = ("customer-sync.toml", "[worker]\nattempts = 7\n[erpnext]\napi_key = \"secret-key\"\n");
    let dot_env = (".env", "CUSTOMER_SYNC__WORKER__LEASE=3min\nDATABASE_URL=postgres://u:secret@h/d\n");
    let variables = [("CUSTOMER_SYNC__MAPPING__FIELDS", "email=contact.email_id|customer.email_id")];
    let config = load(&[file, dot_env], &variables).unwrap();
    let names: Vec<String> = config.effective.iter().map(|effective| effective.setting.name()).collect();
    let expected: Vec<String> = Config::settings().iter().map(Setting::name).collect();
    assert_eq!(names, expected);
    let told = |name: &str| {
        let effective = config.effective.iter().find(|effective| effective.setting.name() == name).unwrap();
        (effective.value.clone().map(|value| value.to_string()).unwrap_or_default(), effective.source.to_string())
    };
    let pair = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(told("worker.attempts"), pair("7", "customer-sync.toml:2"));
    assert_eq!(told("worker.lease"), pair("\"3min\"", "CUSTOMER_SYNC__WORKER__LEASE in .env"));
    assert_eq!(
        told("mapping.fields"),
        pair(r#"{"email":["contact.email_id","customer.email_id"]}"#, "CUSTOMER_SYNC__MAPPING__FIELDS")
    );
    assert_eq!(told("server.listen"), pair("\"127.0.0.1:8080\"", "not set"));
    assert_eq!(told("erpnext.api_key"), pair("", "customer-sync.toml:4"));
    assert_eq!(told("database.url"), pair("", "DATABASE_URL in .env"));
    assert!(
        !format!("{:?}", config.effective).contains("secret@")
            && !format!("{:?}", config.effective).contains("secret-key")
    );
}
