//! Licence texts, compared with the SPDX list as soon as they were met: by who waits for something else, and what is left at
//! the end of a layer by who read it, beside those who have nothing else to do.

use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::Stop;
use crate::{
    detect::{Finding, apk::ApkFile, dpkg::DpkgFile},
    license::{
        CustomLicense, declare,
        text::{Reading, SHORTEST, recognise},
    },
    limits::Limit,
};

/// The texts of all layers that were met so far. All clones are of the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    met: Mutex<Met>,
    /// Those that nobody took on. Beside `met`, which is locked for as long as a text is looked up.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Met {
    states: HashMap<Arc<str>, State>,
    /// Those that nobody took on, and others that somebody did since.
    queue: Vec<Arc<str>>,
    bytes: u64,
}

#[derive(Debug, Clone)]
enum State {
    Waiting,
    /// Somebody compares it.
    Taken,
    Compared(Option<Reading>),
}

impl Texts {
    /// Takes note of those in `found`, as far as `limit` lets all together be compared, and gives these, a text that is met
    /// again as the same `Arc`.
    pub(super) fn add(&self, found: &[Finding], limit: Limit) -> Vec<Arc<str>> {
        let texts: Vec<_> = found.iter().flat_map(license_texts).collect();
        if texts.is_empty() {
            return texts;
        }
        let mut met = self.lock();
        let before = met.queue.len();
        let texts = texts.into_iter().filter_map(|text| met.add(text, limit)).collect();
        self.0.waiting.fetch_add(met.queue.len() - before, Ordering::Relaxed);
        texts
    }

    /// Whether there may be one that nobody took on.
    pub(super) fn are_waiting(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Compares one that nobody took on, if there is one.
    pub(super) fn help(&self) {
        let mut met = self.lock();
        while let Some(text) = met.queue.pop() {
            if self.take_on(&mut met, &text) {
                drop(met);
                self.compare(&text);
                return;
            }
        }
    }

    /// What these are, sorted: those that nobody compared are compared now, or left out once it is to `stop`.
    pub(super) fn finish(
        &self,
        mut texts: Vec<Arc<str>>,
        stop: Stop<'_>,
    ) -> Vec<(Arc<str>, Option<Reading>)> {
        texts.sort_unstable_by_key(|text| Arc::as_ptr(text).addr());
        texts.dedup_by(|one, other| Arc::ptr_eq(one, other));
        texts.sort();
        let mut is_to_stop = false;
        for text in &texts {
            is_to_stop = stop();
            if is_to_stop {
                break;
            }
            let is_mine = self.take_on(&mut self.lock(), text);
            if is_mine {
                self.compare(text);
            }
        }
        let read = |text: Arc<str>| {
            let state = self.lock().states.get(&text)?.clone();
            let reading = match state {
                State::Compared(reading) => reading,
                _ if is_to_stop => return None,
                // Nobody waits for who took it on.
                _ => self.compare(&text),
            };
            Some((text, reading))
        };
        texts.into_iter().filter_map(read).collect()
    }

    /// Forgets all, and gives their memory back.
    pub(super) fn forget(&self) {
        mem::take(&mut *self.lock());
        self.0.waiting.store(0, Ordering::Relaxed);
    }

    /// Takes on what is waiting; false if somebody did already.
    fn take_on(&self, met: &mut Met, text: &str) -> bool {
        let waiting = met.states.get_mut(text).filter(|state| matches!(state, State::Waiting));
        let is_waiting = waiting.map(|state| *state = State::Taken).is_some();
        if is_waiting {
            self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        is_waiting
    }

    fn compare(&self, text: &Arc<str>) -> Option<Reading> {
        let reading = recognise(text);
        self.lock().states.insert(text.clone(), State::Compared(reading.clone()));
        reading
    }

    fn lock(&self) -> MutexGuard<'_, Met> {
        self.0.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Met {
    /// The text as it was first met, if it is to be compared.
    fn add(&mut self, text: Arc<str>, limit: Limit) -> Option<Arc<str>> {
        if let Some((known, _)) = self.states.get_key_value(&text) {
            return Some(known.clone());
        }
        let bytes = self.bytes.saturating_add(text.len() as u64);
        limit.check(bytes).ok()?;
        self.bytes = bytes;
        self.states.insert(text.clone(), State::Waiting);
        self.queue.push(text.clone());
        Some(text)
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
