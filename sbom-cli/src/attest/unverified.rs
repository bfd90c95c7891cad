//! What lies beside an image as it is shown before anybody has verified it.

use sbom_core::{
    attach::{Found, Incomplete, Note, Spending, Stopwatch, Wanted, find},
    attest::{
        Signed,
        bundle::{Bundle, Content},
        envelope::Envelope,
        predicate::PredicateType,
        statement::Statement,
    },
    limits::Limits,
    oci::{Descriptor, Platform},
};
use serde_json::{Value, json};

use crate::{
    exit_code::{Exit, Failure},
    place::Image,
    terminal::Terminal,
};

/// The image or index, and each of its platforms, or only those that match `wanted`; at least one.
pub(crate) fn subjects(
    image: &Image,
    wanted: Option<&Platform>,
) -> Result<Vec<(Option<Platform>, Descriptor)>, Failure> {
    let platforms = image.platforms.iter().filter(|(own, _)| wanted.is_none_or(|wanted| wanted.matches(own)));
    let platforms = platforms.map(|(own, entry)| (Some(own.clone()), entry.clone()));
    let subjects: Vec<_> = match wanted {
        None => [(None, image.root.clone())].into_iter().chain(platforms).collect(),
        Some(_) => platforms.collect(),
    };
    if subjects.is_empty() {
        let platform = wanted.map(ToString::to_string).unwrap_or_default();
        return Err(Failure::usage(anyhow::anyhow!("{} has no image for {platform}", image.given)));
    }
    Ok(subjects)
}

/// The image or index, each of its platforms, and what indexes within it hold.
pub(crate) fn all_subjects(image: &Image, limits: &Limits) -> Result<Vec<Descriptor>, Failure> {
    let mut all: Vec<Descriptor> = subjects(image, None)?.into_iter().map(|(_, subject)| subject).collect();
    for digest in image.digests(limits)? {
        if !all.iter().any(|known| known.digest == digest) {
            all.push(super::descriptor(image, &digest)?);
        }
    }
    Ok(all)
}

/// All attestations about one subject.
pub(crate) fn about(
    image: &Image,
    subject: &Descriptor,
    likely: Option<&PredicateType>,
    limits: &Limits,
) -> Found {
    let likely: Vec<String> = likely.iter().map(|wanted| wanted.uri().to_owned()).collect();
    let wanted = Wanted { subject: &subject.digest, index: image.index(), likely: &likely };
    let mut spending = Spending::new(limits, Box::new(Stopwatch::default()));
    find(&*image.store, wanted, &mut spending)
}

/// The statement in something signed, with nothing about its signature known. None if there is none in it.
pub(crate) fn statement(signed: &Signed, limits: &Limits) -> Option<Statement> {
    let envelope = match signed {
        Signed::Bundle(bytes) => match Bundle::read(bytes).ok()?.content {
            Content::Envelope(envelope) => envelope,
            Content::Message { .. } => return None,
        },
        Signed::Envelope { bytes, .. } => Envelope::read(bytes).ok()?,
    };
    Statement::read(envelope.payload, limits).ok()
}

/// Says what is wrong and what was not looked at. `Environment` if something was not.
pub(crate) fn tell(notes: &[Note], incomplete: &[Incomplete], terminal: &Terminal) -> Exit {
    const SHOWN: usize = 20;
    for note in notes.iter().take(SHOWN) {
        terminal.warn(format_args!("{note}"));
    }
    if let Some(more) = notes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        terminal.warn(format_args!("and {more} more of that sort"));
    }
    for one in incomplete.iter().take(SHOWN) {
        terminal.warn(format_args!("not looked at: {one}"));
    }
    if incomplete.is_empty() { Exit::Done } else { Exit::Environment }
}

/// Notes and gaps for JSON.
pub(crate) fn as_json(notes: &[Note], incomplete: &[Incomplete]) -> (Value, Value) {
    let notes = notes
        .iter()
        .map(|note| json!({ "code": note.reason.code(), "about": note.about, "message": note.to_string() }));
    let incomplete = incomplete.iter().map(|one| json!({ "code": one.code(), "message": one.to_string() }));
    (notes.collect(), incomplete.collect())
}
