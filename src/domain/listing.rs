//! A question for a list of customers: which ones, in which order, from where on.
//!
//! Invariant: pure. An order ends with the id, so that no two customers are equal in it, and a [`Cursor`] is a place in it
//! that stays right while rows come, go and change. What answers the question is `store::customers`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use utoipa::ToSchema;

use super::customer::CustomerId;
use super::search::Search;

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    /// Our id: the order in which rows were made.
    #[default]
    Id,
    /// What people call the customer, as the database sorts names.
    Name,
    /// When a public value changed last.
    Updated,
    /// When the row was made.
    Created,
}

impl Key {
    /// Every key.
    pub const ALL: [Self; 4] = [Self::Id, Self::Name, Self::Updated, Self::Created];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Updated => "updated",
            Self::Created => "created",
        }
    }
}

/// An order: a key, and its direction. Customers without a value come first, descending last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// By what.
    pub key: Key,
    /// The greatest first.
    pub descending: bool,
}

impl Sort {
    /// Reads `name` or `-name`.
    ///
    /// # Errors
    /// A sentence for the client that says what there is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (descending, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
        let found = Key::ALL.into_iter().find(|key| key.as_str() == word);
        let key = found.ok_or_else(|| {
            format!("sort must be one of {}, or one of them behind a -", list(&Key::ALL.map(Key::as_str)))
        })?;
        Ok(Self { key, descending })
    }

    /// The other way round.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { descending: !self.descending, ..self }
    }
}

/// Which customers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Show {
    /// Every row, tombstones included.
    #[default]
    All,
    /// Those that are not deleted.
    Living,
    /// The living ones that come from ERPNext.
    Synced,
    /// The living ones that are only here.
    Local,
    /// The living ones that are not active.
    Inactive,
    /// Tombstones, merged and erased ones included.
    Deleted,
    /// Living ones whose sync failed, or of which something cannot be read.
    Problems,
    /// Living ones that may be a customer of ERPNext, where a person has to say.
    ToLink,
}

impl Show {
    /// Every choice.
    pub const ALL: [Self; 8] = [
        Self::All,
        Self::Living,
        Self::Synced,
        Self::Local,
        Self::Inactive,
        Self::Deleted,
        Self::Problems,
        Self::ToLink,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Living => "living",
            Self::Synced => "synced",
            Self::Local => "local",
            Self::Inactive => "inactive",
            Self::Deleted => "deleted",
            Self::Problems => "problems",
            Self::ToLink => "to_link",
        }
    }

    /// Reads its word.
    ///
    /// # Errors
    /// A sentence for the client that says what there is.
    pub fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|show| show.as_str() == text);
        found.ok_or_else(|| format!("show must be one of {}", list(&Self::ALL.map(Self::as_str))))
    }
}

fn list(words: &[&str]) -> String {
    words.join(", ")
}

/// A place in an order: behind or before the customer with that key and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The value of the key as the database writes it; `None` for a customer without one, and in the order of ids.
    pub key: Option<String>,
    /// The customer's id.
    pub id: CustomerId,
}

impl Cursor {
    /// As text for an address: the id in the order of ids, else opaque.
    #[must_use]
    pub fn written(&self, sort: Sort) -> String {
        if sort.key == Key::Id {
            return self.id.to_string();
        }
        let (mark, key) = self.key.as_deref().map_or(('-', ""), |key| ('+', key));
        URL_SAFE_NO_PAD.encode(format!("{}{mark}{key}", self.id))
    }

    /// Reads what [`Cursor::written`] gave.
    ///
    /// # Errors
    /// A sentence for the client.
    pub fn parse(text: &str, sort: Sort) -> Result<Self, String> {
        let unreadable = || match sort.key {
            Key::Id => "after and before must be the id of a customer where the list is sorted by id".to_owned(),
            _ => "after and before must be what the Link header of another page of the same list has there".to_owned(),
        };
        if sort.key == Key::Id {
            return text.parse().map(|id| Self { key: None, id }).map_err(|_not_a_number| unreadable());
        }
        let decode = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            // The first sign may be the id's own.
            let at = text.char_indices().skip(1).find(|(_, char)| matches!(char, '+' | '-'))?.0;
            let (id, key) = text.split_at(at);
            let key = match key.strip_prefix('+') {
                Some(key) if is_key(sort.key, key) => Some(key.to_owned()),
                Some(_) => return None,
                None => None,
            };
            Some(Self { key, id: id.parse().ok()? })
        };
        decode().ok_or_else(unreadable)
    }
}

/// Whether a database can read that as a value of the key. A time may be milliseconds: Prisma writes them so into SQLite.
fn is_key(key: Key, text: &str) -> bool {
    match key {
        Key::Id | Key::Name => !text.contains('\0'),
        Key::Updated | Key::Created => {
            let time = text.trim_end_matches("+00").trim_end_matches('Z');
            time.parse::<jiff::civil::DateTime>().is_ok() || time.parse::<i64>().is_ok()
        }
    }
}

/// Where a page lies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// At the beginning.
    #[default]
    First,
    /// Right behind that place.
    After(Cursor),
    /// Right before it.
    Before(Cursor),
}

/// Which customers, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomerQuery {
    /// What people typed; `None` for everything.
    pub search: Option<Search>,
    /// Which of them.
    pub show: Show,
    /// In which order.
    pub sort: Sort,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back_and_others_are_refused_with_what_there_is() {
        for show in Show::ALL {
            assert_eq!(Show::parse(show.as_str()), Ok(show));
        }
        for key in Key::ALL {
            assert_eq!(Sort::parse(key.as_str()), Ok(Sort { key, descending: false }));
            assert_eq!(Sort::parse(&format!("-{}", key.as_str())), Ok(Sort { key, descending: true }));
        }
        assert!(Show::parse("gone").unwrap_err().contains("to_link"));
        assert!(Sort::parse("--name").unwrap_err().contains("updated"));
    }

    #[test]
    fn a_cursor_is_read_back_in_its_own_order() {
        let by = |key| Sort { key, descending: false };
        for (key, value) in [
            (Key::Id, None),
            (Key::Name, Some("Ünï+-\"x\" 😀")),
            (Key::Name, Some("")),
            (Key::Name, None),
            (Key::Updated, Some("2026-01-31 12:00:00.123456+00")),
            (Key::Created, None),
        ] {
            let cursor = Cursor { key: value.map(str::to_owned), id: 42 };
            let written = cursor.written(by(key));
            assert!(written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{written}");
            assert_eq!(Cursor::parse(&written, by(key)), Ok(cursor.clone()));
            let adopted = Cursor { id: -42, ..cursor };
            assert_eq!(Cursor::parse(&adopted.written(by(key)), by(key)), Ok(adopted));
        }
        let name = Cursor { key: Some("x' OR 1=1".to_owned()), id: 1 }.written(by(Key::Name));
        assert!(Cursor::parse(&name, by(Key::Updated)).is_err(), "not a time");
        for nonsense in ["", "x", "%%%", "NDI", "99999999999999999999"] {
            assert!(Cursor::parse(nonsense, by(Key::Name)).is_err(), "{nonsense}");
            assert!(Cursor::parse(nonsense, by(Key::Id)).is_err(), "{nonsense}");
        }
    }
}
