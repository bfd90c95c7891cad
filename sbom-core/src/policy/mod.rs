//! The gate: a policy, what is known of an image, and the statements about it that were verified → a verdict.
//!
//! A policy is a YAML file ([`Policy::parse`]). It names who may say something ([`model::Signer`]) and which images need
//! what ([`model::Rule`]). Evidence is gathered elsewhere: this module reads no file, no registry, no clock.
//! [`evaluate()`] is a function of its arguments alone, so that a deployment is judged tomorrow as it was in a test today.
//!
//! What holds everywhere:
//! - All rules that match an image apply. Of rules in `enforce` a failed check denies and an undecided one leaves the
//!   verdict undecided; `warn` and `audit` never do either.
//! - Denied wins over undecided: a violation stands however the undecided checks would end, and whoever is told to try
//!   again must have a reason to.
//! - An empty set never passes: no statement, no platform, no rule.
//! - What was refused by verification has no say. It can explain why something is missing, and never makes a check
//!   fail that passes without it.

pub mod evaluate;
pub mod expression;
pub mod facts;
pub mod fixture;
pub mod image;
pub mod license;
pub mod model;
pub mod package;
pub mod read;
pub mod reason;
pub mod signers;
pub mod summary;
pub mod verdict;
pub mod yaml;

pub use evaluate::evaluate;
pub use facts::{Evidence, Subject};
pub use model::Policy;
pub use read::{PolicyError, PolicyErrors};
pub use reason::Reason;
pub use signers::Signers;
pub use verdict::{Decision, Verdict};
