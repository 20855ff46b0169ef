//! Who the seeded customers are: companies and persons, and now and then a name that breaks careless code.
//!
//! Invariant: no two customers of a site fold to the same name; a taken one gets a number, as ERPNext does it.

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::Xoshiro256PlusPlus;

use super::words::{AWKWARD, Country};
use crate::simulator::collation::fold;
use crate::simulator::site::Site;

/// One customer's identity.
#[derive(Debug)]
pub(super) struct Identity {
    /// Name of the document, and `customer_name` where names come from it.
    pub(super) name: String,
    pub(super) is_company: bool,
    pub(super) given: &'static str,
    pub(super) family: &'static str,
}

/// Gives out names.
#[derive(Debug, Default)]
pub(super) struct Namer {
    taken: HashMap<String, u32>,
}

pub(super) fn pick<T: Copy>(random: &mut Xoshiro256PlusPlus, from: &[T]) -> Option<T> {
    from.get(random.random_range(0..from.len().max(1))).copied()
}

impl Namer {
    pub(super) fn next(&mut self, site: &Site, random: &mut Xoshiro256PlusPlus, country: &Country) -> Identity {
        let mut word = |words: &'static [&'static str]| pick(random, words).unwrap_or_default();
        let (given, family) = (word(country.given), word(country.family));
        let (second_given, second_family) = (word(country.given), word(country.family));
        let (trade, form) = (word(country.trades), word(country.forms));
        let city = pick(random, country.places).map(|(city, _, _)| city).unwrap_or_default();
        let (name, is_company) = match random.random_range(0..100_u8) {
            0 => (pick(random, AWKWARD).unwrap_or_default().to_owned(), true),
            1..=9 => (format!("{given} {family}"), false),
            10..=19 => (format!("{given} {family}-{second_family}"), false),
            20..=29 => (format!("{given} {second_given} {family}"), false),
            30..=45 => (format!("{family} {trade} {form}"), true),
            46..=65 => (format!("{family} & {second_family} {trade} {form}"), true),
            66..=95 => (format!("{family} {trade} {city} {form}"), true),
            _ => (format!("{city} {trade} {form}"), true),
        };
        Identity { name: self.free(site, &name), is_company, given, family }
    }

    fn free(&mut self, site: &Site, name: &str) -> String {
        let used = self.taken.entry(fold(name)).or_default();
        loop {
            let candidate = if *used == 0 { name.to_owned() } else { format!("{name} - {used}") };
            *used += 1;
            if !site.exists("Customer", &candidate) {
                return candidate;
            }
        }
    }
}
