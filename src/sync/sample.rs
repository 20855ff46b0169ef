//! A few of many, each with the same chance, without knowing how many there are.
//!
//! Invariant: memory is that of the few (reservoir sampling). What is sampled and why is the callers' business.

use rand::RngExt;

/// At most so many of what was offered.
#[derive(Debug)]
pub(super) struct Sample<T> {
    most: usize,
    kept: Vec<T>,
    offered: usize,
}

impl<T> Sample<T> {
    /// Keeps at most so many.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, kept: Vec::new(), offered: 0 }
    }

    /// Offers one more; made only if it is kept for now.
    pub(super) fn offer(&mut self, make: impl FnOnce() -> T) {
        self.offered += 1;
        if self.kept.len() < self.most {
            self.kept.push(make());
        } else {
            let place = rand::rng().random_range(0..self.offered);
            if let Some(kept) = self.kept.get_mut(place) {
                *kept = make();
            }
        }
    }

    /// What was kept, in no order.
    pub(super) fn into_kept(self) -> Vec<T> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_small_and_everybody_may_be_in_it() {
        let mut sample = Sample::new(100);
        for number in 0..1_000 {
            sample.offer(|| number);
        }
        let kept = sample.into_kept();
        assert_eq!(kept.len(), 100);
        assert!(kept.iter().any(|number| *number >= 100));
    }
}
