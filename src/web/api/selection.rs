//! Which jobs an action is about, as a body says it.
//!
//! Invariant: an action says what it is about: an empty body, or a word that is not known, is a mistake and never
//! "everything".

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use crate::domain::hint::Doctype;
use crate::domain::job::DocKey;
use crate::store::{JobFilter, Selection};

/// Most jobs that one action may name; whoever means more asks for all that match.
const MOST_NAMED: usize = 1_000;

/// Which jobs are meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "send either {\"jobs\": [{\"doctype\": …, \"name\": …}]} or {\"all\": true, \"filter\": {…}}; the filter has \
                 the words of the list: state, doctype, label, q, cause"
)]
#[schema(as = WantedJobs)]
pub(in crate::web) enum Wanted {
    Some(Some),
    All(All),
}

/// These.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SomeJobs)]
pub(in crate::web) struct Some {
    /// Which.
    #[schema(min_items = 1, max_items = 1000)]
    jobs: Vec<Named>,
}

/// All that match.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AllJobs)]
pub(in crate::web) struct All {
    /// Nothing but true, so that "all" is never said by leaving something out.
    #[serde(rename = "all", deserialize_with = "only_true")]
    #[schema(schema_with = schema_of_true)]
    _all: (),
    /// What they match; without it all failures are meant.
    filter: Option<JobFilter>,
}

/// A job by its document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NamedJob)]
struct Named {
    /// Kind of the document.
    doctype: Doctype,
    /// Its name.
    name: String,
}

fn only_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    if bool::deserialize(deserializer)? { Ok(()) } else { Err(D::Error::custom("it is true or left out")) }
}

fn schema_of_true() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Option::Some([true])).build()
}

impl Wanted {
    /// The same in the store's words; an error is a sentence for the caller.
    pub(super) fn selection(self) -> Result<Selection, String> {
        match self {
            Self::Some(Some { jobs }) if jobs.is_empty() || jobs.len() > MOST_NAMED => {
                Err(format!("name 1 to {MOST_NAMED} jobs, or ask for all that match a filter"))
            }
            Self::Some(Some { jobs }) => {
                let keys = jobs.into_iter().map(|Named { doctype, name }| DocKey { doctype, name });
                Ok(Selection::Keys(keys.collect()))
            }
            Self::All(All { filter, .. }) => Ok(Selection::All(filter.unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(body: &str) -> Result<Selection, String> {
        serde_json::from_str::<Wanted>(body).map_err(|error| error.to_string())?.selection()
    }

    #[test]
    fn an_action_says_what_it_is_about() {
        let keys = selection(r#"{"jobs": [{"doctype": "Customer", "name": "A/B"}]}"#);
        assert_eq!(keys, Ok(Selection::Keys(vec![DocKey::customer("A/B")])));
        let label = JobFilter { label: Option::Some("timeout".to_owned()), ..JobFilter::default() };
        assert_eq!(selection(r#"{"all": true, "filter": {"label": "timeout"}}"#), Ok(Selection::All(label)));
        assert_eq!(selection(r#"{"all": true}"#), Ok(Selection::All(JobFilter::default())), "all failures");
        for vague in [
            "{}",
            r#"{"jobs": []}"#,
            r#"{"all": false}"#,
            r#"{"filter": {"label": "timeout"}}"#,
            r#"{"all": true, "filter": {"lable": "timeout"}}"#,
            r#"{"all": true, "jobs": [{"doctype": "Customer", "name": "A"}]}"#,
            r#"{"all": null, "jobs": null, "filter": null}"#,
            r#"{"jobs": [{"doctype": "Supplier", "name": "A"}]}"#,
            r#"{"jobs": [{"doctype": "Customer", "name": "A", "x": 1}]}"#,
            r#"{"everything": true}"#,
        ] {
            assert!(selection(vague).is_err(), "{vague}");
        }
    }
}
