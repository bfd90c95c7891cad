//! Licence texts, compared with the SPDX list as soon as they were met: by who waits for something else, and what is left at
//! the end of a layer by all who have nothing else to do.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    detect::{Finding, apk::ApkFile, dpkg::DpkgFile},
    license::{
        CustomLicense, declare,
        text::{Reading, SHORTEST, recognise},
    },
    limits::Limit,
};

/// The texts of all layers that were met so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts(Arc<Mutex<Met>>);

#[derive(Debug, Default)]
struct Met {
    states: HashMap<Arc<str>, State>,
    /// Those that nobody took on.
    waiting: Vec<Arc<str>>,
    bytes: u64,
}

#[derive(Debug, Clone)]
enum State {
    /// Nobody compared it, or not to the end.
    Open,
    /// What it is.
    Compared(Option<Reading>),
}

impl Texts {
    /// Takes note of those in `found`, as far as `limit` lets all together be compared, and gives them.
    pub(super) fn add(&self, found: &[Finding], limit: Limit) -> Vec<Arc<str>> {
        let texts: Vec<_> = found.iter().flat_map(license_texts).collect();
        if !texts.is_empty() {
            let mut met = self.lock();
            for text in &texts {
                met.add(text, limit);
            }
        }
        texts
    }

    /// Whether there is one that nobody took on.
    pub(super) fn are_waiting(&self) -> bool {
        !self.lock().waiting.is_empty()
    }

    /// Compares one that nobody took on; false if there is none.
    pub(super) fn help(&self) -> bool {
        let Some(text) = self.lock().waiting.pop() else { return false };
        let reading = recognise(&text);
        self.lock().states.insert(text, State::Compared(reading));
        true
    }

    /// What these are, sorted: of those that were too much to be compared nothing.
    pub(super) fn finish(&self, mut texts: Vec<Arc<str>>) -> Vec<(Arc<str>, Option<Reading>)> {
        if texts.is_empty() {
            return Vec::new();
        }
        while self.help() {}
        texts.sort();
        texts.dedup();
        let read = |text: Arc<str>| {
            let state = self.lock().states.get(&text)?.clone();
            let reading = match state {
                State::Compared(reading) => reading,
                // Whoever took it on may have only begun.
                State::Open => recognise(&text),
            };
            Some((text, reading))
        };
        texts.into_iter().filter_map(read).collect()
    }

    /// Forgets all, and gives their memory back.
    pub(super) fn forget(&self) {
        mem::take(&mut *self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Met> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Met {
    fn add(&mut self, text: &Arc<str>, limit: Limit) {
        if let Entry::Vacant(place) = self.states.entry(text.clone()) {
            let bytes = self.bytes.saturating_add(text.len() as u64);
            if limit.check(bytes).is_ok() {
                self.bytes = bytes;
                place.insert(State::Open);
                self.waiting.push(text.clone());
            }
        }
    }
}

/// The texts that stand for licences which the SPDX list has no name for.
fn license_texts(finding: &Finding) -> Vec<Arc<str>> {
    let declared = |field: &Option<String>| {
        // What is shorter is a name, of which nothing is to be read.
        let long = field.as_deref().filter(|field| field.len() >= SHORTEST);
        long.map(|field| declare(field).custom).unwrap_or_default()
    };
    let custom: Vec<CustomLicense> = match finding {
        Finding::Copyright(copyright) => copyright.licenses.custom.clone(),
        Finding::Apk(ApkFile::Sbom(sbom)) => {
            return sbom.licenses.values().map(|text| text.as_str().into()).collect();
        }
        Finding::Apk(ApkFile::Installed(packages)) => {
            packages.iter().flat_map(|package| declared(&package.license)).collect()
        }
        Finding::Dpkg(DpkgFile::Packages(_, packages)) => {
            packages.iter().flat_map(|package| declared(&package.license)).collect()
        }
        _ => Vec::new(),
    };
    custom.into_iter().map(|license| license.text).filter(|text| text.len() >= SHORTEST).collect()
}

#[cfg(test)]
mod tests;
