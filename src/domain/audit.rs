//! Who did what: the entries of the audit log.
//!
//! Invariant: an entry holds no secret and nothing about a customer but the local id. What was tried under a name that
//! nobody has is noted without that name: people type their password there.

use std::fmt;

use utoipa::ToSchema;

/// What somebody did, or tried to do. The text form is stored and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Action {
    /// Signed in.
    SignIn,
    /// Tried to, and could not.
    SignInFailed,
    /// Ended the own session.
    SignOut,
    /// Ended all own sessions.
    SignOutEverywhere,
    /// Changed the own password.
    PasswordChange,
    /// Became the first admin by the one-time link.
    FirstAdmin,
    /// Tried to become it, and could not.
    FirstAdminFailed,
    /// Added a user.
    UserAdd,
    /// Gave a user another role or password.
    UserChange,
    /// Removed a user.
    UserRemove,
    /// Ended all sessions of a user.
    UserSignOut,
    /// Made a token.
    TokenCreate,
    /// Revoked a token.
    TokenRevoke,
    /// Added a local customer.
    CustomerCreate,
    /// Changed a customer by hand.
    CustomerChange,
    /// Deleted a local customer.
    CustomerDelete,
    /// Took customers out as a file.
    CustomersExport,
    /// Synced one customer.
    CustomerSync,
    /// Erased a customer for good.
    CustomerErase,
    /// Linked a customer.
    CustomerLink,
    /// Took a link away.
    CustomerUnlink,
    /// Said that two customers are one.
    SuggestionAccept,
    /// Said that they are not.
    SuggestionReject,
    /// Started a run.
    RunStart,
    /// Cancelled a run.
    RunCancel,
    /// Let a held run do what it would.
    RunApprove,
    /// Did not let it.
    RunDiscard,
    /// Retried jobs.
    JobsRetry,
    /// Discarded jobs.
    JobsDiscard,
    /// Paused a schedule.
    SchedulePause,
    /// Ended the pause.
    ScheduleResume,
    /// Had a schedule run at once.
    ScheduleRun,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 32] = [
        Self::SignIn,
        Self::SignInFailed,
        Self::SignOut,
        Self::SignOutEverywhere,
        Self::PasswordChange,
        Self::FirstAdmin,
        Self::FirstAdminFailed,
        Self::UserAdd,
        Self::UserChange,
        Self::UserRemove,
        Self::UserSignOut,
        Self::TokenCreate,
        Self::TokenRevoke,
        Self::CustomerCreate,
        Self::CustomerChange,
        Self::CustomerDelete,
        Self::CustomersExport,
        Self::CustomerSync,
        Self::CustomerErase,
        Self::CustomerLink,
        Self::CustomerUnlink,
        Self::SuggestionAccept,
        Self::SuggestionReject,
        Self::RunStart,
        Self::RunCancel,
        Self::RunApprove,
        Self::RunDiscard,
        Self::JobsRetry,
        Self::JobsDiscard,
        Self::SchedulePause,
        Self::ScheduleResume,
        Self::ScheduleRun,
    ];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignOut => "sign_out",
            Self::SignOutEverywhere => "sign_out_everywhere",
            Self::PasswordChange => "password_change",
            Self::FirstAdmin => "first_admin",
            Self::FirstAdminFailed => "first_admin_failed",
            Self::UserAdd => "user_add",
            Self::UserChange => "user_change",
            Self::UserRemove => "user_remove",
            Self::UserSignOut => "user_sign_out",
            Self::TokenCreate => "token_create",
            Self::TokenRevoke => "token_revoke",
            Self::CustomerCreate => "customer_create",
            Self::CustomerChange => "customer_change",
            Self::CustomerDelete => "customer_delete",
            Self::CustomersExport => "customers_export",
            Self::CustomerSync => "customer_sync",
            Self::CustomerErase => "customer_erase",
            Self::CustomerLink => "customer_link",
            Self::CustomerUnlink => "customer_unlink",
            Self::SuggestionAccept => "suggestion_accept",
            Self::SuggestionReject => "suggestion_reject",
            Self::RunStart => "run_start",
            Self::RunCancel => "run_cancel",
            Self::RunApprove => "run_approve",
            Self::RunDiscard => "run_discard",
            Self::JobsRetry => "jobs_retry",
            Self::JobsDiscard => "jobs_discard",
            Self::SchedulePause => "schedule_pause",
            Self::ScheduleResume => "schedule_resume",
            Self::ScheduleRun => "schedule_run",
        }
    }

    /// The action of a stored form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who is signed in, or whose password was tried.
    User {
        /// The user's id.
        id: i64,
        /// The user's name.
        name: String,
    },
    /// Whoever holds that token.
    Token {
        /// Its id.
        id: i64,
        /// What it is for.
        name: String,
    },
    /// Whoever runs the program on the machine.
    CommandLine,
    /// Nobody whom we know.
    Unknown,
}

impl Actor {
    /// The stored form of what kind it is.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Token { .. } => "token",
            Self::CommandLine => "command_line",
            Self::Unknown => "unknown",
        }
    }

    /// Id and name, where it has them.
    #[must_use]
    pub fn known(&self) -> Option<(i64, &str)> {
        match self {
            Self::User { id, name } | Self::Token { id, name } => Some((*id, name)),
            Self::CommandLine | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Actor {
    /// As the history of a customer tells who it was: a token may be called as a user is.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((_id, name)) => write!(formatter, "{}:{name}", self.kind()),
            None => formatter.write_str(self.kind()),
        }
    }
}

/// One deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who.
    pub actor: Actor,
    /// From where, for what came over the network.
    pub address: Option<String>,
    /// What.
    pub action: Action,
    /// To whom or what: a local id, or the name of a schedule.
    pub target: Option<String>,
}

/// What of a path may stand in the log as a target: a local id, or a plain word. Anything else could be somebody's name.
#[must_use]
pub fn target(text: &str) -> Option<String> {
    let is_id = text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (!text.is_empty() && (is_id || is_word)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_a_word_of_its_own() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
        }
        assert_eq!(Action::parse("nothing"), None);
    }

    #[test]
    fn only_ids_and_words_are_targets() {
        assert_eq!(target("42").as_deref(), Some("42"));
        assert_eq!(target("catch_up").as_deref(), Some("catch_up"));
        for other in ["", "ACME Ltd", "anna.berg@example.com", "12345678901234567890", "a\nb", "\u{e9}"] {
            assert_eq!(target(other), None, "{other:?}");
        }
    }
}
