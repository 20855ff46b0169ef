//! When a sweep must ask a person, and in which words.
//!
//! Invariant: pure. A few removals always pass, because small tables would otherwise ask about every one.

/// From so many candidates on the share counts.
const AT_LEAST: i64 = 10;

/// What a sweep would remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Living rows that follow a document.
    pub(super) living: i64,
    /// Candidates that ERPNext's list lacks.
    pub(super) missing: i64,
    /// Candidates that the filter leaves out.
    pub(super) filtered: i64,
}

impl Tally {
    /// All candidates.
    pub(super) fn removed(self) -> i64 {
        self.missing.saturating_add(self.filtered)
    }

    /// Whether a person must agree.
    pub(super) fn exceeds(self, percent: u32) -> bool {
        let (removed, living) = (i128::from(self.removed()), i128::from(self.living));
        self.removed() >= AT_LEAST && removed * 100 > living * i128::from(percent)
    }

    /// What would be removed, and why that is too much.
    pub(super) fn told(self, percent: u32, hidden: u64) -> String {
        let mut reasons = Vec::new();
        if self.missing > 0 {
            let hidden = if hidden > 0 {
                format!("; ERPNext hides {hidden} customers from the sync user, who may be among them")
            } else {
                String::new()
            };
            reasons.push(format!("{} are missing from ERPNext's list{hidden}", self.missing));
        }
        if self.filtered > 0 {
            reasons.push(format!("{} do not match sync.filter", self.filtered));
        }
        format!(
            "this would remove {} of {} customers ({}), more than the {percent} % of sync.max_removed_percent",
            self.removed(),
            self.living,
            reasons.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_trips_beyond_the_share_and_never_below_ten() {
        let missing = |missing, living| Tally { living, missing, filtered: 0 };
        assert!(!missing(9, 9).exceeds(5));
        assert!(missing(10, 10).exceeds(5));
        assert!(!missing(10, 200).exceeds(5), "exactly the share");
        assert!(missing(11, 200).exceeds(5));
        assert!(Tally { living: 100, missing: 6, filtered: 6 }.exceeds(5), "both reasons count");
        assert!(!missing(i64::MAX, i64::MAX).exceeds(100));
    }

    #[test]
    fn it_says_how_many_of_how_many_and_why() {
        let told = Tally { living: 50, missing: 38, filtered: 2 }.told(5, 38);
        assert!(
            told.starts_with("this would remove 40 of 50 customers (38 are missing from ERPNext's list; "),
            "{told}"
        );
        assert!(told.contains("hides 38 customers") && told.contains("2 do not match sync.filter"), "{told}");
    }
}
