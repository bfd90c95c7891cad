//! What components need, what needs them, and the ways from the root to them.

use std::collections::{BTreeSet, VecDeque};

use crate::document::model::{ComponentKind, Document, RelationshipKind};

/// Neighbours of every component, in one direction.
type Graph = Vec<Vec<usize>>;

/// All that `starts` need, directly or not: indices, sorted, without `starts` unless they need each other.
pub fn dependencies(document: &Document, starts: &[usize]) -> Vec<usize> {
    closure(&graph(document, false, |_, _| true), starts)
}

/// All that needs one of `starts`, directly or not: indices, sorted. The root and the operating system contain
/// everything, and are not listed for that.
pub fn dependents(document: &Document, starts: &[usize]) -> Vec<usize> {
    let holds = |from: usize| Some(from) == document.root || is_system(document, from);
    closure(&graph(document, true, |from, _| !holds(from)), starts)
}

/// Shortest ways from the root to a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Each from the root to the component, both included: indices.
    pub paths: Vec<Vec<usize>>,
    /// Whether there are more of this length than were asked for.
    pub more: bool,
}

/// The shortest ways from the root to `target`, at most `limit` of them; empty if the document has no root, or nothing
/// leads there from it. That an image or operating system contains something says little about why it is there: where
/// something else needs it, those ways do not count.
pub fn paths(document: &Document, target: usize, limit: usize) -> Paths {
    let none = Paths { paths: Vec::new(), more: false };
    let Some(root) = document.root else { return none };
    let needed = needed(document);
    let telling = graph(document, false, |from, kind_and_to| {
        let (kind, to) = kind_and_to;
        let holds = from == root || is_system(document, from);
        !(holds && kind == RelationshipKind::Contains && needed.contains(&to))
    });
    let found = shortest(&telling, root, target, limit);
    if found.paths.is_empty() {
        shortest(&graph(document, false, |_, _| true), root, target, limit)
    } else {
        found
    }
}

/// Components that something needs other than by containing it.
fn needed(document: &Document) -> BTreeSet<usize> {
    let needs = document.relationships.iter().filter(|relationship| {
        relationship.kind.is_need()
            && relationship.kind != RelationshipKind::Contains
            && relationship.from != relationship.to
    });
    needs.map(|relationship| relationship.to).collect()
}

fn is_system(document: &Document, index: usize) -> bool {
    document.components.get(index).is_some_and(|component| {
        matches!(component.kind, ComponentKind::OperatingSystem | ComponentKind::Platform)
    })
}

/// The needs of a document that `counts` accepts, by where they leave or, if `reverse`, by what they reach.
fn graph(
    document: &Document,
    reverse: bool,
    counts: impl Fn(usize, (RelationshipKind, usize)) -> bool,
) -> Graph {
    let mut graph: Graph = vec![Vec::new(); document.components.len()];
    for relationship in document.relationships.iter().filter(|relationship| relationship.kind.is_need()) {
        let (from, to) = (relationship.from, relationship.to);
        if !counts(from, (relationship.kind, to)) {
            continue;
        }
        let (at, other) = if reverse { (to, from) } else { (from, to) };
        if let Some(neighbours) = graph.get_mut(at) {
            neighbours.push(other);
        }
    }
    for neighbours in &mut graph {
        neighbours.sort_unstable();
        neighbours.dedup();
    }
    graph
}

fn closure(graph: &Graph, starts: &[usize]) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<usize> = starts.to_vec();
    while let Some(node) = waiting.pop() {
        for &next in graph.get(node).into_iter().flatten() {
            if seen.insert(next) {
                waiting.push(next);
            }
        }
    }
    seen.into_iter().collect()
}

fn shortest(graph: &Graph, root: usize, target: usize, limit: usize) -> Paths {
    let mut distance: Vec<Option<usize>> = vec![None; graph.len()];
    let mut waiting = VecDeque::from([root]);
    if let Some(slot) = distance.get_mut(root) {
        *slot = Some(0);
    }
    while let Some(node) = waiting.pop_front() {
        let next_distance = distance.get(node).copied().flatten().map(|distance| distance + 1);
        for &next in graph.get(node).into_iter().flatten() {
            if let Some(slot) = distance.get_mut(next).filter(|slot| slot.is_none()) {
                *slot = next_distance;
                waiting.push_back(next);
            }
        }
    }
    walk_back(graph, &distance, target, limit)
}

/// Ways from the root to `target` over ever greater distances. Every step back leads to the root in the end, so no
/// more is walked than is told.
fn walk_back(graph: &Graph, distance: &[Option<usize>], target: usize, limit: usize) -> Paths {
    let mut found = Paths { paths: Vec::new(), more: false };
    let of = |node: usize| distance.get(node).copied().flatten();
    let Some(length) = of(target) else { return found };
    let mut before: Graph = vec![Vec::new(); graph.len()];
    for (from, neighbours) in graph.iter().enumerate() {
        let Some(distance) = of(from).filter(|distance| *distance < length) else { continue };
        for &to in neighbours.iter().filter(|to| of(**to) == Some(distance + 1)) {
            if let Some(before) = before.get_mut(to) {
                before.push(from);
            }
        }
    }
    let mut path = vec![(target, 0_usize)];
    while let Some((node, next)) = path.last_mut() {
        if of(*node) == Some(0) {
            if found.paths.len() == limit {
                found.more = true;
                return found;
            }
            found.paths.push(path.iter().rev().map(|(node, _)| *node).collect());
            path.pop();
            continue;
        }
        let step = before.get(*node).and_then(|before| before.get(*next)).copied();
        *next += 1;
        match step {
            Some(step) => path.push((step, 0)),
            None => drop(path.pop()),
        }
    }
    found
}
