//! What could not be read, within a bound: the least in their order are listed, the others are counted.

use std::collections::BTreeMap;

use crate::{
    detect::Gap,
    limits::{Limit, Limits},
};

/// The least of all gaps that were added, as many as [`Limits::gaps`] allows, and how many others there were.
///
/// Both depend on which gaps were added, and not on the order: what is among the least in the end was so ever since it was
/// added. What was added several times is listed once; what is not listed counts as often as it was added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gaps {
    /// How many may be listed.
    pub(crate) most: usize,
    /// Each with how often it was added.
    pub(crate) listed: BTreeMap<Gap, u64>,
    /// How often others were added.
    pub(crate) beyond: u64,
}

impl Default for Gaps {
    /// As many as the default limits allow.
    fn default() -> Self {
        Self::new(Limits::default().gaps)
    }
}

impl Gaps {
    /// None yet, of which `limit` may be listed.
    pub fn new(limit: Limit) -> Self {
        Self { most: limit.as_usize(), listed: BTreeMap::new(), beyond: 0 }
    }

    /// Adds a gap.
    pub fn add(&mut self, gap: Gap) {
        self.add_times(gap, 1);
    }

    /// Adds all of `other`.
    pub fn append(&mut self, other: Self) {
        self.beyond = self.beyond.saturating_add(other.beyond);
        for (gap, times) in other.listed {
            self.add_times(gap, times);
        }
    }

    /// Those that are listed, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.listed.keys()
    }

    /// The same as those of the layer `layer`.
    #[must_use]
    pub fn in_layer(self, layer: usize) -> Self {
        let mut moved = Self { listed: BTreeMap::new(), ..self };
        for (gap, times) in self.listed {
            moved.add_times(Gap { layer: Some(layer), ..gap }, times);
        }
        moved
    }

    /// The least, in order, as many as `limit` allows, and the number of the others.
    pub fn list(mut self, limit: Limit) -> (Vec<Gap>, u64) {
        self.most = self.most.min(limit.as_usize());
        while self.listed.len() > self.most {
            self.drop_last();
        }
        (self.listed.into_keys().collect(), self.beyond)
    }

    fn add_times(&mut self, gap: Gap, times: u64) {
        let is_full = self.listed.len() >= self.most;
        if is_full && self.listed.last_key_value().is_none_or(|(last, _)| *last < gap) {
            self.beyond = self.beyond.saturating_add(times);
            return;
        }
        let known = self.listed.entry(gap).or_default();
        *known = known.saturating_add(times);
        if self.listed.len() > self.most {
            self.drop_last();
        }
    }

    fn drop_last(&mut self) {
        if let Some((_, times)) = self.listed.pop_last() {
            self.beyond = self.beyond.saturating_add(times);
        }
    }
}

impl Extend<Gap> for Gaps {
    fn extend<I: IntoIterator<Item = Gap>>(&mut self, gaps: I) {
        gaps.into_iter().for_each(|gap| self.add(gap));
    }
}

impl FromIterator<Gap> for Gaps {
    fn from_iter<I: IntoIterator<Item = Gap>>(gaps: I) -> Self {
        let mut all = Self::default();
        all.extend(gaps);
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::GapKind;

    fn gaps(most: u64, of: &[u8]) -> Gaps {
        let mut gaps = Gaps::new(Limit { value: most, ..Limits::default().gaps });
        gaps.extend(of.iter().map(|n| Gap::new(GapKind::Malformed, format!("{n:03}"))));
        gaps
    }

    #[test]
    fn of_what_is_listed_repeats_do_not_count() {
        let (listed, beyond) = gaps(2, &[7, 1, 9, 1, 7, 9]).list(Limits::default().gaps);
        assert_eq!(listed.iter().map(|gap| gap.message.as_str()).collect::<Vec<_>>(), ["001", "007"]);
        assert_eq!(beyond, 2);
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_changes_anything(
            mut all in proptest::collection::vec(0..12_u8, 0..40),
            most in 0..8_u64,
            at in any::<prop::sample::Index>(),
        ) {
            let expected = gaps(most, &all);
            let (one, other) = all.split_at(at.index(all.len() + 1));
            let mut joined = gaps(most, one);
            joined.append(gaps(most, other));
            prop_assert_eq!(&joined, &expected);
            all.reverse();
            prop_assert_eq!(&gaps(most, &all), &expected);
            all.sort_unstable();
            prop_assert_eq!(&gaps(most, &all), &expected);
        }

        #[test]
        fn fewer_may_be_listed_than_were_kept(all in proptest::collection::vec(0..12_u8, 0..40), most in 0..8_u64) {
            let limit = Limit { value: most, ..Limits::default().gaps };
            prop_assert_eq!(gaps(100, &all).list(limit), gaps(most, &all).list(limit));
        }
    }
}
