//! Rules about what a document is about, and how its parts hang together.

use std::collections::HashSet;

use crate::{
    document::model::{Component, ComponentKind, Document, Relationship, RelationshipKind},
    validate::{
        Examined, Findings, Quoted, Rule,
        Severity::{Error, Warning},
        raw::{Fact, Kind},
    },
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "subject-missing",
        severity: Error,
        says: "a document says what it describes (SPDX: one DESCRIBES, or a root element)",
        mend: "add a DESCRIBES from the document to the package that stands for the subject",
        check: subject_missing,
    },
    Rule {
        id: "subject-unnamed",
        severity: Warning,
        says: "a document says what it describes (CycloneDX: `metadata.component`)",
        mend: "add `metadata.component` with name, version and package URL of the subject",
        check: subject_unnamed,
    },
    Rule {
        id: "subjects-many",
        severity: Warning,
        says: "a document describes one thing (SPDX)",
        mend: "describe one package and let it contain the others; readers take one of several, not the same one",
        check: subjects_many,
    },
    Rule {
        id: "subject-in-graph",
        severity: Warning,
        says: "the subject has relationships to its parts",
        mend: "add an entry for it to `dependencies` (CycloneDX), or relationships that begin at it (SPDX)",
        check: subject_in_graph,
    },
    Rule {
        id: "reachable",
        severity: Warning,
        says: "every component is reached from the subject",
        mend: "add the relationship by which it belongs to the subject, or to a part of it",
        check: reachable,
    },
    Rule {
        id: "leaf-listed",
        severity: Warning,
        says: "a component that needs nothing has an entry in `dependencies`, an empty one (CycloneDX)",
        mend: "add `{\"ref\": …, \"dependsOn\": []}`; without it nobody knows whether it needs something",
        check: leaf_listed,
    },
    Rule {
        id: "contains-circle",
        severity: Error,
        says: "nothing contains itself, not even by way of others",
        mend: "take one of the relationships of the circle out",
        check: contains_circle,
    },
    Rule {
        id: "one-system",
        severity: Warning,
        says: "there is one operating system",
        mend: "keep the one that the subject runs; scanners take any one of several for all packages",
        check: one_system,
    },
];

fn subject_missing(examined: &Examined<'_>, findings: &mut Findings) {
    let missing = examined.document.is_some_and(|document| document.root.is_none());
    if missing && !examined.is_cyclonedx() && examined.raw.items.len() > 1 {
        findings.add(String::new, || "nothing says what the document describes".to_owned());
    }
}

fn subject_unnamed(examined: &Examined<'_>, findings: &mut Findings) {
    if examined.is_cyclonedx() && examined.raw.of(Kind::Describes).next().is_none() {
        findings.add(|| "metadata.component".to_owned(), || "there is none".to_owned());
    }
}

fn subjects_many(examined: &Examined<'_>, findings: &mut Findings) {
    let subjects: HashSet<&str> = examined.raw.of(Kind::Describes).map(|fact| &*fact.text).collect();
    if subjects.len() > 1 {
        let second = examined.raw.of(Kind::Describes).nth(1);
        let place = || second.map(|fact| examined.raw.place(fact)).unwrap_or_default();
        findings.add(place, || format!("{} things are described", subjects.len()));
    }
}

fn subject_in_graph(examined: &Examined<'_>, findings: &mut Findings) {
    if let Some((root, component)) = lonely_root(examined) {
        let others = root.components.len().saturating_sub(1);
        findings
            .add(|| component.id.clone(), || format!("it has no relationship to any of {others} components"));
    }
}

/// The subject, if nothing leaves it though there are other components.
fn lonely_root<'a>(examined: &Examined<'a>) -> Option<(&'a Document, &'a Component)> {
    let document = examined.document?;
    let index = document.root?;
    let lonely = document.components.len() > 1 && document.outgoing(index).is_empty();
    lonely.then(|| Some((document, document.components.get(index)?)))?
}

fn reachable(examined: &Examined<'_>, findings: &mut Findings) {
    let Some(document) = examined.document.filter(|_| lonely_root(examined).is_none()) else { return };
    let Some(root) = document.root else { return };
    let mut reached = vec![false; document.components.len()];
    let mut open = vec![root];
    while let Some(index) = open.pop() {
        let Some(mark) = reached.get_mut(index).filter(|mark| !**mark) else { continue };
        *mark = true;
        open.extend(document.outgoing(index).iter().map(|edge| edge.to));
    }
    for (component, _) in document.components.iter().zip(&reached).filter(|(_, reached)| !**reached) {
        findings.add(|| component.id.clone(), || format!("{} is not reached", Quoted(&component.name)));
    }
}

fn leaf_listed(examined: &Examined<'_>, findings: &mut Findings) {
    if !examined.is_cyclonedx() {
        return;
    }
    let listed: HashSet<&str> = examined.raw.of(Kind::Node).map(|fact| &*fact.text).collect();
    let missing: Vec<&Fact<'_>> = examined
        .raw
        .of(Kind::Id)
        .filter(|fact| is_component(examined, fact) && !listed.contains(&*fact.text))
        .collect();
    if listed.is_empty() {
        if !missing.is_empty() {
            findings.add(|| "dependencies".to_owned(), || "there are none".to_owned());
        }
        return;
    }
    for fact in missing {
        findings.add(|| examined.raw.place(fact), || format!("{} has no entry", Quoted(&fact.text)));
    }
}

/// Whether an identifier is that of a component of the subject, not of a tool, a service or an ancestor.
fn is_component(examined: &Examined<'_>, fact: &Fact<'_>) -> bool {
    let place = examined.raw.items.get(fact.item).map_or("", |item| item.place.as_str());
    let mut steps = place.split('.').map(|step| step.split('[').next().unwrap_or_default());
    steps.all(|step| matches!(step, "metadata" | "component" | "components")) && !place.is_empty()
}

fn contains_circle(examined: &Examined<'_>, findings: &mut Findings) {
    let Some(document) = examined.document else { return };
    let id = |index: usize| document.components.get(index).map_or("", |part| part.id.as_str());
    let mut seen = vec![Seen::Not; document.components.len()];
    for start in 0..seen.len() {
        // A stack of its own: what contains what may go deeper than the thread's stack.
        let mut path = Vec::new();
        enter(document, start, &mut seen, &mut path);
        while let Some((index, rest)) = path.last_mut() {
            let index = *index;
            let Some(edge) = rest.find(|edge| edge.kind == RelationshipKind::Contains) else {
                if let Some(mark) = seen.get_mut(index) {
                    *mark = Seen::Done;
                }
                path.pop();
                continue;
            };
            if seen.get(edge.to) == Some(&Seen::Open) {
                let message = || format!("it contains {}, which contains it", Quoted(id(edge.to)));
                findings.add(|| id(index).to_owned(), message);
            }
            enter(document, edge.to, &mut seen, &mut path);
        }
    }
}

/// How far a walk is with a component: not come to, within it, or done with all that it contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    Open,
    Done,
}

/// Goes into a component that the walk has not come to before.
fn enter<'a>(
    document: &'a Document,
    index: usize,
    seen: &mut [Seen],
    path: &mut Vec<(usize, std::slice::Iter<'a, Relationship>)>,
) {
    if let Some(mark) = seen.get_mut(index).filter(|mark| **mark == Seen::Not) {
        *mark = Seen::Open;
        path.push((index, document.outgoing(index).iter()));
    }
}

fn one_system(examined: &Examined<'_>, findings: &mut Findings) {
    let components = examined.document.into_iter().flat_map(|document| &document.components);
    let systems = components.filter(|component| component.kind == ComponentKind::OperatingSystem);
    for component in systems.skip(1) {
        let message = || format!("{} is a further operating system", Quoted(&component.name));
        findings.add(|| component.id.clone(), message);
    }
}
