//! Names and passwords of users: what they may look like.
//!
//! Invariant: a [`UserName`] that exists is in its one spelling (lower case, plain letters), so no two users look alike.
//! How a password is kept is `sync::passwords`' business.

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

/// Characters of the longest name.
const LONGEST_NAME: usize = 64;
/// Characters of the shortest password: NIST SP 800-63B asks for 8 at least, and for no rules about signs and digits.
const SHORTEST_PASSWORD: usize = 12;
/// Bytes of the longest password that is hashed.
const LONGEST_PASSWORD: usize = 1024;

/// The name by which a user signs in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UserName(String);

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {LONGEST_NAME} of the letters a to z, digits and . _ - + @, and begins with a letter or digit"
)]
pub struct WrongName;

/// What is wrong with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrongPassword {
    /// It can be guessed.
    #[error("a password has {SHORTEST_PASSWORD} characters at least")]
    TooShort,
    /// Nobody types that.
    #[error("a password has {LONGEST_PASSWORD} bytes at most")]
    TooLong,
    /// It can be guessed.
    #[error("the password contains little more than the name, or few different characters")]
    TooSimple,
}

impl UserName {
    /// The name in its one spelling.
    ///
    /// # Errors
    /// Where it is not a name.
    pub fn parse(text: &str) -> Result<Self, WrongName> {
        let name = text.trim().to_ascii_lowercase();
        let proper = |letter: char| letter.is_ascii_alphanumeric() || "._-+@".contains(letter);
        let begins = name.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        if begins && name.len() <= LONGEST_NAME && name.chars().all(proper) { Ok(Self(name)) } else { Err(WrongName) }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether somebody of that name may have that password.
///
/// # Errors
/// What is wrong with it; never the password itself.
pub fn check_password(name: &UserName, password: &str) -> Result<(), WrongPassword> {
    if password.len() > LONGEST_PASSWORD {
        return Err(WrongPassword::TooLong);
    }
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(WrongPassword::TooShort);
    }
    let without_name = password.to_lowercase().replace(name.as_str(), "");
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    if without_name.chars().count() < SHORTEST_PASSWORD / 2 || different.len() < SHORTEST_PASSWORD / 3 {
        return Err(WrongPassword::TooSimple);
    }
    Ok(())
}

/// The bytes of a password that are hashed, however the keyboard composed its letters; `None` for one that nobody has.
#[must_use]
pub fn password_bytes(password: &str) -> Option<Vec<u8>> {
    (password.len() <= LONGEST_PASSWORD).then(|| password.nfkc().collect::<String>().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling_and_nothing_that_looks_like_another() {
        assert_eq!(
            UserName::parse(" Anna.Berg@Example.com ").map(|name| name.0),
            Ok("anna.berg@example.com".to_owned())
        );
        let long = "a".repeat(65);
        for wrong in ["", " ", "-anna", "ann\u{430}", "a b", "a\nb", "a'--", "<b>", "a%", "\u{ff41}", long.as_str()] {
            assert_eq!(UserName::parse(wrong), Err(WrongName), "{wrong:?}");
        }
    }

    #[test]
    fn a_password_is_long_and_not_the_name() {
        let name = UserName::parse("anna").expect("a name");
        assert_eq!(check_password(&name, "correct horse"), Ok(()));
        assert_eq!(check_password(&name, "dvanáctznaků"), Ok(()));
        assert_eq!(check_password(&name, "short"), Err(WrongPassword::TooShort));
        assert_eq!(check_password(&name, "Anna anna AnnaAnna"), Err(WrongPassword::TooSimple));
        assert_eq!(check_password(&name, "aaaaaaaaaaaaaaaaa"), Err(WrongPassword::TooSimple));
        assert_eq!(check_password(&name, &"long one ".repeat(200)), Err(WrongPassword::TooLong));
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        assert_eq!(password_bytes("pa\u{e9}"), password_bytes("pae\u{301}"));
        assert_eq!(password_bytes(&"x".repeat(1025)), None);
    }
}
