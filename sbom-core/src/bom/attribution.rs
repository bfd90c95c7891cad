//! In which layer a record of a database came, changed and went.

use std::collections::BTreeMap;

use super::Attribution;

/// A record, in the last version of its file that has it, with its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked<'a, R> {
    /// The record as it was last.
    pub record: &'a R,
    /// The layer of the file version that `record` stands in.
    pub layer: usize,
    /// When it came, changed and went.
    pub layers: Attribution,
}

/// Follows records through the versions of their file: `(layer, records)`, lowest layer first; a version in
/// which the file does not exist has no records. Records are the same if their keys are; of two with the same
/// key in one version the later counts. Sorted by key.
///
/// A record counts as introduced in the first layer since which it has been there without a break, and as
/// changed in the last layer in which it differs from the version before.
pub fn track<'a, R: PartialEq, K: Ord>(
    versions: &[(usize, &'a [R])],
    key: impl Fn(&'a R) -> K,
) -> Vec<Tracked<'a, R>> {
    let mut known: BTreeMap<K, Tracked<'a, R>> = BTreeMap::new();
    for &(layer, records) in versions {
        let present: BTreeMap<K, &'a R> = records.iter().map(|record| (key(record), record)).collect();
        for (key, tracked) in &mut known {
            if tracked.layers.removed.is_none() && !present.contains_key(key) {
                tracked.layers.removed = Some(layer);
            }
        }
        for (key, record) in present {
            match known.get_mut(&key) {
                Some(tracked) if tracked.layers.removed.is_none() => {
                    if tracked.record != record {
                        tracked.layers.changed = layer;
                    }
                    tracked.record = record;
                    tracked.layer = layer;
                }
                _ => {
                    let layers = Attribution { introduced: layer, changed: layer, removed: None };
                    known.insert(key, Tracked { record, layer, layers });
                }
            }
        }
    }
    known.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(versions: &[(usize, &[(&str, u8)])], expected: &[(&str, u8, usize, usize, Option<usize>)]) {
        let tracked = track(versions, |record| record.0);
        let found: Vec<_> = tracked
            .iter()
            .map(|t| (t.record.0, t.record.1, t.layers.introduced, t.layers.changed, t.layers.removed))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_rewritten_database_does_not_move_its_unchanged_records() {
        check(
            &[(0, &[("a", 1), ("b", 1)]), (3, &[("a", 1), ("b", 2), ("c", 1)])],
            &[("a", 1, 0, 0, None), ("b", 2, 0, 3, None), ("c", 1, 3, 3, None)],
        );
    }

    #[test]
    fn a_record_that_vanishes_is_removed_in_the_layer_that_rewrote_the_file() {
        check(&[(0, &[("a", 1)]), (2, &[])], &[("a", 1, 0, 0, Some(2))]);
    }

    #[test]
    fn a_record_that_comes_back_is_introduced_anew() {
        check(&[(0, &[("a", 1)]), (1, &[]), (4, &[("a", 1)])], &[("a", 1, 4, 4, None)]);
    }
}
