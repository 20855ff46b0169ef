//! One setting: its names, its default and what it means. And the macro that declares a section of them.
//!
//! Invariant: name, type, default and explanation of a setting stand in one place; the struct, its `Default`, the reader,
//! the sample file and the README's table all come from there, so none can say something else.

use super::value::Value;

/// Prefix of the environment variables that name a setting by its section and key.
pub(super) const PREFIX: &str = "CUSTOMER_SYNC__";

/// The description of a setting, without its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The table in TOML; empty for a key outside of tables.
    pub section: &'static str,
    /// The key in that table.
    pub key: &'static str,
    /// Further variables that set it, the preferred one first.
    pub aliases: &'static [&'static str],
    /// Whether its value is never shown and `…_FILE` variants exist.
    pub secret: bool,
    /// The default as a TOML literal, where there is one.
    pub default: Option<String>,
    /// A TOML literal to show where there is no default.
    pub example: Option<&'static str>,
    /// What it means, for people.
    pub what: &'static str,
    /// What its value looks like, to follow the word "write".
    pub expected: &'static str,
}

impl Setting {
    /// `section.key`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.section.is_empty() { self.key.to_owned() } else { format!("{}.{}", self.section, self.key) }
    }

    /// The variable with the full name.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name().replace('.', "__").to_ascii_uppercase())
    }

    /// The variable that people should use: the first alias, else the full name.
    #[must_use]
    pub fn preferred_variable(&self) -> String {
        self.aliases.first().map_or_else(|| self.variable(), |alias| (*alias).to_owned())
    }

    /// Every variable that sets it, the strongest first.
    pub(super) fn variables(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.variable()).chain(self.aliases.iter().map(|alias| (*alias).to_owned()))
    }
}

/// Walks over the settings of a section: to read them, or to list them.
pub(super) trait Visitor {
    /// The value that the setting shall have.
    fn setting<T: Value>(&mut self, setting: Setting, default: T) -> T;
}

/// Lists descriptions.
impl Visitor for Vec<Setting> {
    fn setting<T: Value>(&mut self, setting: Setting, default: T) -> T {
        self.push(setting);
        default
    }
}

/// A struct whose fields are settings.
pub(super) trait Section: Default {
    /// A section with the values that the visitor gives.
    fn visit(visitor: &mut impl Visitor) -> Self;
}

/// Declares a section: `key (ALIAS, …): Type = default => "example"`, the doc comment being what people read.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident = $section:literal {$(
        $(#[doc = $what:literal])+
        $key:ident $(($($alias:literal),+))? : $type:ty = $default:expr $(=> $example:literal)?;
    )+}) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {$(
            $(#[doc = $what])+
            pub $key: $type,
        )+}

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $crate::config::setting::Section for $name {
            fn visit(visitor: &mut impl $crate::config::setting::Visitor) -> Self {
                let default = Self::default();
                Self {$(
                    $key: visitor.setting(
                        $crate::config::setting::Setting {
                            section: $section,
                            key: stringify!($key),
                            aliases: &[$($($alias),+)?],
                            secret: <$type as $crate::config::value::Value>::SECRET,
                            default: $crate::config::value::Value::render(&default.$key),
                            example: [$(Some($example),)? None][0],
                            what: concat!($($what),+).trim_ascii(),
                            expected: <$type as $crate::config::value::Value>::EXPECTED,
                        },
                        default.$key,
                    ),
                )+}
            }
        }
    };
}

pub(super) use section;
