//! The rules, by what they are about.

use super::Rule;

mod graph;
mod header;
mod identifiers;
mod licenses;
mod packages;
mod programs;
mod text;

/// All rules, in the order of reports.
pub(super) const ALL: &[&[Rule]] = &[
    text::RULES,
    header::RULES,
    identifiers::RULES,
    graph::RULES,
    packages::RULES,
    licenses::RULES,
    programs::RULES,
];
