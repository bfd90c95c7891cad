//! What refers to a manifest: the registry's own list, where it keeps one.
//!
//! Source: OCI distribution specification 1.1, "Listing referrers". The list is a claim of the registry: what a
//! manifest refers to only the manifest itself says.

use std::collections::BTreeSet;

use ureq::http::header;

use super::{
    Client, Fault, RegistryError,
    auth::{Action, Scope},
    client::{At, Repeat, error},
    link,
    url::{Url, form},
    wire::Ask,
};
use crate::{
    digest::Digest,
    limits::Limit,
    oci::{
        Descriptor,
        manifest::{ManifestError, OCI_INDEX, parse_referrers},
        reference::Repository,
    },
};

/// What a registry says refers to a manifest.
#[derive(Debug)]
pub enum Referrers {
    /// It keeps a list.
    Api(Listed),
    /// It keeps none; an index under a tag made of the digest takes its place.
    Unsupported,
}

/// A registry's list of what refers to a manifest.
#[derive(Debug, Default)]
pub struct Listed {
    /// The manifests, in the registry's order, none twice.
    pub manifests: Vec<Descriptor>,
    /// Entries that cannot be read: their number in the list, and why.
    pub unreadable: Vec<(usize, ManifestError)>,
    /// Whether the registry says that it left out what is of another type than was asked for. If not, the list holds
    /// all types.
    pub filtered: bool,
}

impl Client {
    /// What refers to the manifest of `digest`; with an `artifact_type`, perhaps only that
    /// ([`Listed::filtered`]).
    ///
    /// Only a registry that does not know the request has no list: it answers 404, or sends elsewhere, as GitHub's
    /// does. Everything else that is not a list is an error, never an empty list.
    pub fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Referrers, RegistryError> {
        self.list_referrers(repository, digest, artifact_type)
            .map_err(|fault| error(repository, format!("referrers of {digest}"), fault))
    }

    fn list_referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Referrers, Fault> {
        let mut path = format!("/v2/{}/referrers/{digest}", repository.path());
        if let Some(artifact_type) = artifact_type {
            path = format!("{path}?{}", form(&[("artifactType", artifact_type)]));
        }
        let scope = Scope::new(repository, Action::Pull);
        let mut reading = Reading::default();
        let first = self.repeat(Repeat::Safe, || self.page(&scope, At::Path(&path), &reading))?;
        let Some(first) = first else { return Ok(Referrers::Unsupported) };
        let mut next = reading.add(self, first)?;
        while let Some(url) = next.take() {
            let page = self.repeat(Repeat::Safe, || self.page(&scope, At::Named(&url), &reading))?;
            let Some(page) = page else {
                // The registry has named a page that it does not have.
                return Err(Fault::BrokenOff { host: url.authority().to_owned() });
            };
            next = reading.add(self, page)?;
        }
        Ok(Referrers::Api(reading.listed))
    }

    /// One page; none if the registry does not know the request.
    fn page(&self, scope: &Scope, at: At<'_>, reading: &Reading) -> Result<Option<Page>, Fault> {
        let limits = &self.config().limits;
        let ask = Ask { stay: true, ..self.get(vec![(header::ACCEPT, OCI_INDEX.to_owned())]) };
        let answer = self.authorized(scope, at, &ask)?;
        // The specification names 404; older registries answer a path that they do not know in these ways, too.
        if matches!(answer.status, 400 | 404 | 405 | 406) || answer.is_redirect() {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(self.refused(answer));
        }
        let registry = self.wire().registry_url(scope.repository.api_host());
        let url = answer.url.clone();
        let mut links = answer.headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
        let next = links.find_map(link::next).map(|target| answer.join(target)).transpose()?;
        if let Some(next) = next.as_ref().filter(|next| !next.same_origin(&registry)) {
            return Err(refused_page(&url, next, "the list goes on at another host"));
        }
        let filtered = answer.header("oci-filters-applied").is_some_and(|filters| {
            filters.split(',').any(|filter| filter.trim().eq_ignore_ascii_case("artifactType"))
        });
        let left = limits.referrers_bytes.value.saturating_sub(reading.bytes);
        let bytes = answer.into_bytes(limits.response_bytes)?;
        if bytes.len() as u64 > left {
            limits.referrers_bytes.check(u64::MAX)?;
        }
        let (manifests, unreadable) = parse_referrers(&bytes).map_err(|source| Fault::Referrers {
            host: url.authority().to_owned(),
            source: Box::new(source),
        })?;
        Ok(Some(Page { url, next, filtered, bytes: bytes.len() as u64, manifests, unreadable }))
    }
}

/// One page of a list.
struct Page {
    url: Url,
    next: Option<Url>,
    filtered: bool,
    bytes: u64,
    manifests: Vec<Descriptor>,
    unreadable: Vec<(usize, ManifestError)>,
}

/// A list as far as it was read.
#[derive(Default)]
struct Reading {
    listed: Listed,
    entries: usize,
    bytes: u64,
    seen: BTreeSet<Digest>,
    pages: BTreeSet<String>,
}

impl Reading {
    /// Adds a page; gives where the next one is.
    fn add(&mut self, client: &Client, page: Page) -> Result<Option<Url>, Fault> {
        let limits = &client.config().limits;
        let check = |limit: Limit, found: usize| limit.check(found as u64);
        self.listed.filtered = page.filtered && (self.pages.is_empty() || self.listed.filtered);
        self.pages.insert(page.url.to_string());
        check(limits.referrer_pages, self.pages.len())?;
        let start = self.entries;
        self.entries = start.saturating_add(page.manifests.len()).saturating_add(page.unreadable.len());
        check(limits.referrers_listed, self.entries)?;
        self.bytes = self.bytes.saturating_add(page.bytes);
        let unreadable = page.unreadable.into_iter();
        self.listed.unreadable.extend(unreadable.map(|(at, error)| (start.saturating_add(at), error)));
        let seen = &mut self.seen;
        let new = page.manifests.into_iter().filter(|manifest| seen.insert(manifest.digest.clone()));
        self.listed.manifests.extend(new);
        match page.next {
            Some(next) if self.pages.contains(&next.to_string()) => {
                Err(refused_page(&page.url, &next, "the list leads back to what was read"))
            }
            next => Ok(next),
        }
    }
}

fn refused_page(url: &Url, next: &Url, reason: &'static str) -> Fault {
    Fault::Redirect {
        host: url.authority().to_owned(),
        location: super::error::quoted(&next.to_string()),
        reason,
    }
}
