//! What refers to a digest, by every list that a store keeps.

use std::collections::BTreeMap;

use super::{
    find::{Found, Reason},
    spending::Spending,
    store::{Referrers, Store, fallback_tag},
};
use crate::{
    digest::Digest,
    oci::{Descriptor, manifest::parse_referrers},
};

/// Something that a list names as referring to the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// What the list says of it. Where two lists name it, the registry's own counts.
    pub(super) descriptor: Descriptor,
    /// Whether the store's own list names it.
    pub(super) listed: bool,
}

/// All that the lists name, each once, by digest. What is wrong with the lists is told to `found`.
pub(super) fn list(
    store: &dyn Store,
    subject: &Digest,
    spending: &mut Spending,
    found: &mut Found,
) -> Vec<Candidate> {
    let mut candidates = BTreeMap::new();
    let mut add = |descriptor: Descriptor, listed: bool| {
        let digest = descriptor.digest.clone();
        candidates.entry(digest).or_insert(Candidate { descriptor, listed });
    };
    let mut has_lists = false;
    match spending.request() {
        Err(source) => found.unlisted(format!("the referrers of {subject}"), source),
        Ok(()) => match store.referrers(subject) {
            Ok(Referrers::Listed(listed, unreadable)) => {
                has_lists = true;
                for descriptor in listed {
                    add(descriptor, true);
                }
                let about = format!("the list of what refers to {subject}");
                for why in unreadable {
                    found.note(&about, Reason::Unreadable(why));
                }
            }
            Ok(Referrers::Unsupported) => {}
            Err(error) => found.not_listed(format!("the list of what refers to {subject}"), error),
        },
    }
    // A registry that learned to keep lists may still have what was put there before under the tag.
    for descriptor in under_fallback_tag(store, subject, spending, found) {
        add(descriptor, false);
    }
    let candidates: Vec<Candidate> = candidates.into_values().collect();
    if has_lists {
        for candidate in candidates.iter().filter(|candidate| !candidate.listed) {
            found.note(&candidate.descriptor.digest, Reason::NotListed);
        }
    }
    candidates
}

/// What stands in the index under the tag that stands in for lists.
fn under_fallback_tag(
    store: &dyn Store,
    subject: &Digest,
    spending: &mut Spending,
    found: &mut Found,
) -> Vec<Descriptor> {
    let Some(tag) = fallback_tag(subject) else { return Vec::new() };
    if let Err(source) = spending.request() {
        found.unlisted(format!("the tag {tag}"), source);
        return Vec::new();
    }
    let tagged = match store.tagged(&tag) {
        Ok(Some(tagged)) => tagged,
        Ok(None) => return Vec::new(),
        Err(error) => {
            found.not_listed(format!("the tag {tag}"), error);
            return Vec::new();
        }
    };
    match parse_referrers(&tagged.bytes) {
        Ok((entries, unreadable)) => {
            for (at, why) in unreadable {
                found.note(&tag, Reason::Unreadable(format!("number {at} {why}")));
            }
            entries
        }
        Err(error) => {
            found.note(&tag, Reason::Damaged(error.to_string()));
            Vec::new()
        }
    }
}
