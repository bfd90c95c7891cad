//! Where a walk over all components of a document has to begin.

use super::model::Document;

/// The fewest components from which, together with `root`, all are reached over needs, sorted: those that nothing
/// needs, and one of each circle that nothing outside of it needs.
pub(super) fn tops(document: &Document, root: usize) -> Vec<usize> {
    let count = document.components.len();
    let mut finished = Vec::with_capacity(count);
    let mut seen = vec![false; count];
    for start in 0..count {
        walk(start, document, &mut seen, &mut finished);
    }
    // A component that finishes after another is not reached from it, unless both lie on one circle. So going from
    // the last back, whatever has not been reached yet is reached from nothing but its own circle.
    let mut reached = vec![false; count];
    let mut order = Vec::with_capacity(count);
    walk(root, document, &mut reached, &mut order);
    let mut tops: Vec<usize> = finished
        .into_iter()
        .rev()
        .filter(|&node| {
            let new = reached.get(node) == Some(&false);
            walk(node, document, &mut reached, &mut order);
            new
        })
        .collect();
    tops.sort_unstable();
    tops
}

/// Marks what is reached from `start` and was not marked before, and appends it in the order of finishing.
fn walk(start: usize, document: &Document, marked: &mut [bool], finished: &mut Vec<usize>) {
    let mut mark = |node: usize| marked.get_mut(node).is_some_and(|mark| !std::mem::replace(mark, true));
    if !mark(start) {
        return;
    }
    // A stack of its own: a chain of dependencies may be longer than the thread's stack is deep.
    let mut path = vec![(start, document.outgoing(start).iter())];
    while let Some((node, rest)) = path.last_mut() {
        if let Some(edge) = rest.find(|edge| edge.kind.is_need() && mark(edge.to)) {
            path.push((edge.to, document.outgoing(edge.to).iter()));
        } else {
            finished.push(*node);
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::model::{Component, Relationship, RelationshipKind};

    fn document(count: usize, pairs: &[(usize, usize)]) -> Document {
        let edge =
            |&(from, to): &(usize, usize)| Relationship { from, to, kind: RelationshipKind::DependsOn };
        let mut relationships: Vec<Relationship> = pairs.iter().map(edge).collect();
        relationships.sort_unstable();
        Document { components: vec![Component::default(); count], relationships, ..Document::default() }
    }

    #[test]
    fn what_nothing_needs_is_a_top() {
        assert_eq!(tops(&document(4, &[(1, 0), (1, 2)]), 0), [1, 3]);
        assert!(tops(&document(0, &[]), 0).is_empty());
        assert!(tops(&document(3, &[(0, 1), (1, 2)]), 0).is_empty());
    }

    #[test]
    fn a_circle_has_one_top_unless_something_needs_it() {
        assert_eq!(tops(&document(4, &[(1, 2), (2, 1), (2, 3)]), 0), [1]);
        assert_eq!(tops(&document(4, &[(2, 3), (3, 2), (2, 1)]), 0), [2]);
        assert_eq!(tops(&document(4, &[(1, 2), (2, 1), (3, 1)]), 0), [3]);
    }

    #[test]
    fn optional_edges_reach_nothing() {
        let mut document = document(2, &[(0, 1)]);
        document.relationships[0].kind = RelationshipKind::Recommends;
        assert_eq!(tops(&document, 0), [1]);
    }

    #[test]
    fn a_very_long_chain_is_walked() {
        let pairs: Vec<_> = (1..200_000).map(|n| (n - 1, n)).collect();
        assert!(tops(&document(200_000, &pairs), 0).is_empty());
    }

    proptest! {
        #[test]
        fn all_is_reached_and_no_top_is_superfluous(
            pairs in proptest::collection::vec((0..12_usize, 0..12_usize), 0..30)
        ) {
            let document = document(12, &pairs);
            let tops = tops(&document, 0);
            let reach = |starts: &[usize]| {
                let (mut marked, mut order) = (vec![false; 12], Vec::new());
                for &start in starts.iter().chain(&[0]) {
                    walk(start, &document, &mut marked, &mut order);
                }
                order.len()
            };
            prop_assert_eq!(reach(&tops), 12);
            for skipped in &tops {
                let fewer: Vec<usize> = tops.iter().copied().filter(|top| top != skipped).collect();
                prop_assert!(reach(&fewer) < 12);
            }
        }
    }
}
