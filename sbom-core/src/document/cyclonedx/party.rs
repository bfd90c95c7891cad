//! People and organisations in CycloneDX, which has a field for each of the two, and older versions a mere text.

use std::borrow::Cow;

use super::{
    record::{Contact, Entity},
    version::{CycloneDxVersion, Feature},
};
use crate::document::{
    facts::{Fact, beyond},
    model::{Component, Party, PartyKind},
    syntax,
};

/// Who made a component, by the fields that say it.
#[derive(Default)]
pub(super) struct Makers<'a> {
    pub(super) manufacturer: Option<Entity<'a>>,
    pub(super) authors: Option<[Contact<'a>; 1]>,
    pub(super) author: Option<Cow<'a, str>>,
    pub(super) publisher: Option<Cow<'a, str>>,
    /// What the fields cannot hold, also of the supplier.
    pub(super) facts: Vec<Fact<'a>>,
}

/// Who made `component`.
pub(super) fn makers(component: &Component, version: CycloneDxVersion) -> Makers<'_> {
    let mut makers = Makers::default();
    if let Some(supplier) = component.supplier.as_deref().filter(|party| !is_entity(party)) {
        makers.facts.push(beyond::party("sbomctl:supplier", supplier));
    }
    let Some(party) = component.originator.as_deref() else { return makers };
    makers.publisher = syntax::name_and_mail(party);
    let fits = match party.kind {
        _ if !version.has(Feature::Makers) => {
            makers.author = makers.publisher.clone().filter(|_| party.kind == PartyKind::Person);
            false
        }
        PartyKind::Person => {
            makers.authors = Some([contact(party)]);
            is_contact(party)
        }
        PartyKind::Organization => {
            makers.manufacturer = Some(entity(party));
            is_entity(party)
        }
    };
    if !fits {
        makers.facts.push(beyond::party("sbomctl:originator", party));
    }
    makers
}

/// `party` as an organisation.
pub(super) fn entity(party: &Party) -> Entity<'_> {
    let mail = party.email.as_deref().filter(|mail| syntax::is_mail(mail));
    Entity {
        name: &party.name,
        url: party.url.as_deref().filter(|url| syntax::is_address(url)).map(|url| [url]),
        contact: mail.map(|mail| [Contact { name: None, email: Some(mail) }]),
    }
}

/// `party` as a person. What is no mail address stands in the name's place if there is no name.
pub(super) fn contact(party: &Party) -> Contact<'_> {
    let email = party.email.as_deref();
    let valid = email.filter(|email| syntax::is_mail(email));
    let name = if party.name.is_empty() && valid.is_none() { email } else { Some(party.name.as_str()) };
    Contact { name: name.filter(|name| !name.is_empty()), email: valid }
}

/// Whether [`entity`] says all that is known of `party`.
pub(super) fn is_entity(party: &Party) -> bool {
    party.kind == PartyKind::Organization
        && party.url.as_deref().is_none_or(syntax::is_address)
        && party.email.as_deref().is_none_or(syntax::is_mail)
}

/// Whether [`contact`] says all that is known of `party`.
pub(super) fn is_contact(party: &Party) -> bool {
    party.kind == PartyKind::Person
        && party.url.is_none()
        && !party.name.is_empty()
        && party.email.as_deref().is_none_or(syntax::is_mail)
}
