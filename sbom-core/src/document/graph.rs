//! The edges of a bill, as documents need them: by component, and where a walk over all of them has to begin.

use crate::bom::{Edge, EdgeKind};

/// Whether an edge makes a component part of what `from` needs: those that CycloneDX calls `dependsOn`.
pub(super) fn is_need(kind: EdgeKind) -> bool {
    match kind {
        EdgeKind::DependsOn | EdgeKind::DependsOnAlternative | EdgeKind::BuildDependsOn | EdgeKind::Owns => {
            true
        }
        EdgeKind::Recommends | EdgeKind::Suggests | EdgeKind::Breaks => false,
    }
}

/// The name of a kind of edge in documents; stable.
pub(super) fn name(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::DependsOn => "dependsOn",
        EdgeKind::DependsOnAlternative => "dependsOnAlternative",
        EdgeKind::Recommends => "recommends",
        EdgeKind::Suggests => "suggests",
        EdgeKind::Breaks => "breaks",
        EdgeKind::BuildDependsOn => "buildDependsOn",
        EdgeKind::Owns => "owns",
    }
}

/// The edges that leave `from`; `edges` is sorted.
pub(super) fn outgoing(edges: &[Edge], from: usize) -> &[Edge] {
    let start = edges.partition_point(|edge| edge.from < from);
    let rest = edges.get(start..).unwrap_or_default();
    rest.get(..rest.partition_point(|edge| edge.from == from)).unwrap_or_default()
}

/// The fewest of `count` components from which all are reached over needs, sorted: those that nothing needs, and
/// one of each circle that nothing outside of it needs.
pub(super) fn tops(count: usize, edges: &[Edge]) -> Vec<usize> {
    let mut finished = Vec::with_capacity(count);
    let mut seen = vec![false; count];
    for start in 0..count {
        walk(start, edges, &mut seen, &mut finished);
    }
    // A component that finishes after another is not reached from it, unless both lie on one circle. So going from
    // the last back, whatever has not been reached yet is reached from nothing but its own circle.
    let mut reached = vec![false; count];
    let mut order = Vec::with_capacity(count);
    let mut tops: Vec<usize> = finished
        .into_iter()
        .rev()
        .filter(|&node| {
            let new = reached.get(node) == Some(&false);
            walk(node, edges, &mut reached, &mut order);
            new
        })
        .collect();
    tops.sort_unstable();
    tops
}

/// Marks what is reached from `start` and was not marked before, and appends it in the order of finishing.
fn walk(start: usize, edges: &[Edge], marked: &mut [bool], finished: &mut Vec<usize>) {
    let mut mark = |node: usize| marked.get_mut(node).is_some_and(|mark| !std::mem::replace(mark, true));
    if !mark(start) {
        return;
    }
    // A stack of its own: a chain of dependencies may be longer than the thread's stack is deep.
    let mut path = vec![(start, outgoing(edges, start).iter())];
    while let Some((node, rest)) = path.last_mut() {
        if let Some(edge) = rest.find(|edge| is_need(edge.kind) && mark(edge.to)) {
            path.push((edge.to, outgoing(edges, edge.to).iter()));
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

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        let mut edges: Vec<Edge> =
            pairs.iter().map(|&(from, to)| Edge { from, to, kind: EdgeKind::DependsOn }).collect();
        edges.sort();
        edges
    }

    #[test]
    fn what_nothing_needs_is_a_top() {
        assert_eq!(tops(4, &edges(&[(1, 0), (1, 2)])), [1, 3]);
        assert!(tops(0, &[]).is_empty());
    }

    #[test]
    fn a_circle_has_one_top_unless_something_needs_it() {
        assert_eq!(tops(3, &edges(&[(0, 1), (1, 0), (1, 2)])), [0]);
        assert_eq!(tops(3, &edges(&[(1, 2), (2, 1), (1, 0)])), [1]);
        assert_eq!(tops(3, &edges(&[(0, 1), (1, 0), (2, 0)])), [2]);
    }

    #[test]
    fn optional_edges_reach_nothing() {
        assert_eq!(tops(2, &[Edge { from: 0, to: 1, kind: EdgeKind::Recommends }]), [0, 1]);
    }

    #[test]
    fn a_very_long_chain_is_walked() {
        let pairs: Vec<_> = (1..200_000).map(|n| (n - 1, n)).collect();
        assert_eq!(tops(200_000, &edges(&pairs)), [0]);
    }

    proptest! {
        #[test]
        fn all_is_reached_and_no_top_is_superfluous(
            pairs in proptest::collection::vec((0..12_usize, 0..12_usize), 0..30)
        ) {
            let edges = edges(&pairs);
            let tops = tops(12, &edges);
            let reach = |starts: &[usize]| {
                let (mut marked, mut order) = (vec![false; 12], Vec::new());
                for &start in starts {
                    walk(start, &edges, &mut marked, &mut order);
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
