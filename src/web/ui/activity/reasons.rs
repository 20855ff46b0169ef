//! Why a document could not be synced, in plain words, and what a person can do about it.
//!
//! Invariant: made of the stable word of an error alone (`label()` of the layers' errors); the error's own text stands beside it
//! on the page and names what is special about the one document. A word that is not known here is called unexpected, never
//! hidden.

/// A reason for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason {
    /// What is wrong, in a few words.
    pub(super) what: &'static str,
    /// What to do, in a sentence or two.
    pub(super) todo: &'static str,
}

const RETRY_LATER: &str = "Nothing is wrong with the document: retry once ERPNext answers again.";
const BY_ITSELF: &str = "Nothing to do: it is tried again by itself.";

/// The reason of that word; empty for a document that nobody has tried to read yet.
pub(super) fn reason(label: &str) -> Reason {
    let (what, todo) = match label {
        "" => ("Not tried yet", BY_ITSELF),
        "unauthorized" => ("ERPNext refuses the key", "Check API key and secret of the sync user, then retry."),
        "forbidden" => ("Not permitted in ERPNext", "Let the sync user read this document in ERPNext, then retry."),
        "missing" => (
            "ERPNext lacks what was asked for",
            "Check that the address of the site is right and its apps are installed.",
        ),
        "invalid" => (
            "ERPNext refuses to give it",
            "Open the document in ERPNext and put right what it complains about. Saving it there tries again.",
        ),
        "maintenance" => ("ERPNext is under maintenance", RETRY_LATER),
        "server_error" => ("ERPNext failed", "ERPNext's Error Log tells more. Retry once that is mended."),
        "rate_limited" | "paced" | "busy" => ("Too many requests at once", BY_ITSELF),
        "breaker_open" | "connect" => ("ERPNext cannot be reached", RETRY_LATER),
        "timeout" => ("ERPNext took too long", RETRY_LATER),
        "redirect" | "not_erpnext" => (
            "Something else answered than ERPNext",
            "Check the address of the site, and what stands between it and this service (proxy, sign-in page).",
        ),
        "too_large" => ("The answer is too large", "Raise erpnext.max_response, or shorten the document in ERPNext."),
        "decode" => ("The answer cannot be read", RETRY_LATER),
        "impossible_name" => ("No document can have this name", "Discard it: ERPNext forbids such names."),
        "paused" => ("Sync is paused", "It goes on by itself: the overview tells what it waits for."),
        "unmappable" | "refused" => {
            ("This document cannot be stored", "Correct the value in ERPNext. Saving it there tries again.")
        }
        "listed_differently" => (
            "Hidden from ERPNext's lists",
            "Let the sync user see it in lists too (User Permissions in ERPNext), then retry.",
        ),
        "merge_pending" | "namesakes_pending" => ("Waits for another customer", BY_ITSELF),
        "outdated" => ("It changed while it was read", BY_ITSELF),
        "tangled_names" => ("Several renames at once", "Retry: what is renamed now is looked at anew."),
        "would_empty_field" => (
            "It would empty a field of many customers",
            "Was the field emptied on purpose? Then retry them. If not, mend the permission or the field in ERPNext first.",
        ),
        "name_concealed" => (
            "Another customer of this name is hidden",
            "Let the sync user read all customers of this name in ERPNext, then retry.",
        ),
        "unavailable" | "denied" => {
            ("Our own database cannot be written", "Mend what the database complains about, then retry.")
        }
        _ => ("An unexpected failure", "The log of the service tells more. Retry once it is mended."),
    };
    Reason { what, todo }
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn each_has_words_and_an_unknown_one_is_not_hidden() {
        assert_eq!(reason("forbidden").what, "Not permitted in ERPNext");
        assert_eq!(reason("something_new").what, "An unexpected failure");
        assert_ne!(reason("").todo, reason("something_new").todo);
    }
}
