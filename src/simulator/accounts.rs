//! Who may do what: users with API keys, roles, hidden fields and hidden documents.
//!
//! Invariant: `Administrator` may do everything; anybody else has what their roles give, unless an override for a
//! doctype says otherwise. Everyone owns the Contacts and Addresses they created (Frappe's role All).

use std::collections::{BTreeMap, BTreeSet};

use super::collation::fold;

/// The user whose key may only read, in every stand-in from the start.
pub const SYNC_USER: &str = "sync@example.com";
/// The user who may do everything.
pub const ADMINISTRATOR: &str = "Administrator";

/// What someone may do with the documents of one doctype.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permission {
    /// Read all documents; without it only those that they created, where Frappe's role All allows that.
    pub read: bool,
    /// Change them.
    pub write: bool,
    /// Create new ones.
    pub create: bool,
    /// Delete them.
    pub delete: bool,
}

impl Permission {
    /// No right at all.
    pub const NONE: Self = Self { read: false, write: false, create: false, delete: false };
    /// Read only.
    pub const READ: Self = Self { read: true, ..Self::NONE };
    /// Read, change and create.
    pub const EDIT: Self = Self { read: true, write: true, create: true, delete: false };
    /// Everything.
    pub const FULL: Self = Self { delete: true, ..Self::EDIT };

    const fn or(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
            create: self.create || other.create,
            delete: self.delete || other.delete,
        }
    }
}

/// Doctypes that role All may create, and whose documents their owners may read and change.
const OWNED: [&str; 2] = ["Address", "Contact"];
/// Doctypes that a System Manager manages.
const SYSTEM: [&str; 6] = ["Deleted Document", "Role", "System Settings", "User", "Webhook", "Webhook Request Log"];

/// How much of a doctype a user may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Nothing,
    Own,
    All,
}

/// One user.
#[derive(Debug, Clone, Default)]
pub(super) struct User {
    pub(super) email: String,
    pub(super) api_key: Option<String>,
    pub(super) api_secret: String,
    pub(super) roles: BTreeSet<String>,
    disabled: bool,
    overrides: BTreeMap<String, Permission>,
    hidden_fields: BTreeMap<String, BTreeSet<String>>,
    hidden_documents: BTreeSet<(String, String)>,
}

impl User {
    /// Whether a User Permission hides that document from them.
    pub(super) fn is_hidden(&self, doctype: &str, folded_name: &str) -> bool {
        !self.hidden_documents.is_empty()
            && self.hidden_documents.contains(&(doctype.to_owned(), folded_name.to_owned()))
    }

    /// Fields above their permission level.
    pub(super) fn hidden_fields(&self, doctype: &str) -> Option<&BTreeSet<String>> {
        self.hidden_fields.get(doctype)
    }
}

/// All users and roles.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    users: BTreeMap<String, User>,
    roles: BTreeMap<String, BTreeMap<String, Permission>>,
}

impl Accounts {
    /// The site's first users: Administrator, and a reader with the rights that the service needs.
    pub(super) fn new() -> Self {
        let mut accounts = Self::default();
        let role = |doctypes: &[&str], permission| {
            doctypes.iter().map(|doctype| ((*doctype).to_owned(), permission)).collect::<BTreeMap<_, _>>()
        };
        let parties = ["Customer", "Contact", "Address"];
        let reader = ["Customer", "Contact", "Address", "Deleted Document"];
        accounts.roles.insert("Customer Sync Reader".to_owned(), role(&reader, Permission::READ));
        accounts.roles.insert("Sales User".to_owned(), role(&parties, Permission::EDIT));
        accounts.roles.insert("Sales Master Manager".to_owned(), role(&parties, Permission::FULL));
        accounts.roles.insert("System Manager".to_owned(), role(&SYSTEM, Permission::FULL));
        accounts.add(ADMINISTRATOR, &[], "adminkey".to_owned(), "adminsecret".to_owned());
        accounts.add(SYNC_USER, &["Customer Sync Reader"], "synckey".to_owned(), "syncsecret".to_owned());
        accounts
    }

    pub(super) fn add(&mut self, email: &str, roles: &[&str], api_key: String, api_secret: String) {
        let user = User {
            email: email.to_owned(),
            api_key: Some(api_key),
            api_secret,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..User::default()
        };
        self.users.insert(email.to_owned(), user);
    }

    /// A user who cannot log in yet.
    pub(super) fn add_without_key(&mut self, email: &str, roles: &[&str]) {
        self.add(email, roles, String::new(), String::new());
        if let Some(user) = self.users.get_mut(email) {
            user.api_key = None;
        }
    }

    pub(super) fn user(&self, email: &str) -> Option<&User> {
        self.users.get(email)
    }

    pub(super) fn user_mut(&mut self, email: &str) -> Option<&mut User> {
        self.users.get_mut(email)
    }

    /// The user of an `Authorization` header (`token key:secret`).
    pub(super) fn authenticate(&self, header: &str) -> Option<&User> {
        let (key, secret) = header.strip_prefix("token ")?.trim().split_once(':')?;
        let mut allowed = self.users.values().filter(|user| !user.disabled);
        allowed.find(|user| user.api_key.as_deref() == Some(key) && user.api_secret == secret)
    }

    pub(super) fn has_role(&self, email: &str, role: &str) -> bool {
        email == ADMINISTRATOR || self.user(email).is_some_and(|user| user.roles.contains(role))
    }

    pub(super) fn permission(&self, email: &str, doctype: &str) -> Permission {
        if email == ADMINISTRATOR {
            return Permission::FULL;
        }
        let Some(user) = self.user(email) else { return Permission::NONE };
        if let Some(permission) = user.overrides.get(doctype) {
            return *permission;
        }
        let all = Permission { create: OWNED.contains(&doctype), ..Permission::NONE };
        user.roles
            .iter()
            .filter_map(|role| self.roles.get(role)?.get(doctype))
            .fold(all, |sum, permission| sum.or(*permission))
    }

    pub(super) fn reach(&self, email: &str, doctype: &str) -> Reach {
        if self.permission(email, doctype).read {
            Reach::All
        } else if OWNED.contains(&doctype) && self.user(email).is_some() {
            Reach::Own
        } else {
            Reach::Nothing
        }
    }

    /// Gives a role a permission, creating the role where it is new.
    pub(super) fn grant_role(&mut self, role: &str, doctype: &str, permission: Permission) {
        self.roles.entry(role.to_owned()).or_default().insert(doctype.to_owned(), permission);
    }

    pub(super) fn revoke_role(&mut self, role: &str, doctype: &str) {
        if let Some(permissions) = self.roles.get_mut(role) {
            permissions.remove(doctype);
        }
    }

    /// The doctypes that a role may do something with.
    pub(super) fn rules(&self, role: &str) -> Vec<(String, Permission)> {
        let rules = self.roles.get(role).into_iter().flatten();
        rules.map(|(doctype, permission)| (doctype.clone(), *permission)).collect()
    }

    /// E-mails of the enabled users that have a role.
    pub(super) fn users_with_role(&self, role: &str) -> Vec<String> {
        let with_role = self.users.values().filter(|user| !user.disabled && user.roles.contains(role));
        with_role.map(|user| user.email.clone()).collect()
    }

    /// Gives a user the roles of their document, and lets them in or not.
    pub(super) fn set_roles(&mut self, email: &str, roles: &[&str], enabled: bool) {
        if let Some(user) = self.users.get_mut(email) {
            user.roles = roles.iter().map(|role| (*role).to_owned()).collect();
            user.disabled = !enabled;
        }
    }

    /// A deleted user cannot log in any longer.
    pub(super) fn remove(&mut self, email: &str) {
        self.users.remove(email);
    }

    /// Sets what one user may do with a doctype, whatever the roles say; `None` lets the roles decide again.
    pub(super) fn set_override(&mut self, email: &str, doctype: &str, permission: Option<Permission>) {
        let Some(user) = self.users.get_mut(email) else { return };
        match permission {
            Some(permission) => drop(user.overrides.insert(doctype.to_owned(), permission)),
            None => drop(user.overrides.remove(doctype)),
        }
    }

    pub(super) fn hide_field(&mut self, email: &str, doctype: &str, field: &str, hide: bool) {
        let Some(user) = self.users.get_mut(email) else { return };
        let fields = user.hidden_fields.entry(doctype.to_owned()).or_default();
        if hide {
            fields.insert(field.to_owned());
        } else {
            fields.remove(field);
        }
    }

    /// Whether a field is above somebody's permission level.
    pub(super) fn hides(&self, doctype: &str, field: &str) -> bool {
        self.users.values().filter_map(|user| user.hidden_fields(doctype)).any(|fields| fields.contains(field))
    }

    pub(super) fn hide_document(&mut self, email: &str, doctype: &str, name: &str, hide: bool) {
        let Some(user) = self.users.get_mut(email) else { return };
        let document = (doctype.to_owned(), fold(name));
        if hide {
            user.hidden_documents.insert(document);
        } else {
            user.hidden_documents.remove(&document);
        }
    }

    /// A renamed document stays as hidden as it was: a User Permission lists those that are shown, and follows them.
    pub(super) fn follow_rename(&mut self, doctype: &str, old: &str, new: &str) {
        for user in self.users.values_mut() {
            if user.hidden_documents.remove(&(doctype.to_owned(), fold(old))) {
                user.hidden_documents.insert((doctype.to_owned(), fold(new)));
            }
        }
    }

    /// Takes every User Permission away from somebody.
    pub(super) fn show_documents(&mut self, email: &str) {
        if let Some(user) = self.users.get_mut(email) {
            user.hidden_documents.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_add_up_and_overrides_win() {
        let mut accounts = Accounts::new();
        assert_eq!(accounts.reach(SYNC_USER, "Customer"), Reach::All);
        assert_eq!(accounts.reach(SYNC_USER, "Webhook"), Reach::Nothing);
        assert!(accounts.permission(SYNC_USER, "Contact").create, "role All may create contacts");
        accounts.set_override(SYNC_USER, "Address", Some(Permission::NONE));
        assert_eq!(accounts.reach(SYNC_USER, "Address"), Reach::Own);
        accounts.set_override(SYNC_USER, "Address", None);
        assert_eq!(accounts.reach(SYNC_USER, "Address"), Reach::All);
        assert!(accounts.authenticate("token synckey:syncsecret").is_some());
        assert!(accounts.authenticate("token synckey:wrong").is_none());
    }
}
