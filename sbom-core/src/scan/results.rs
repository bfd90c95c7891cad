//! What layers give, and the bill they come to: found in the cache, or read, and kept there once all digests were proved.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    LayerRead, Options, ScanError, Stop,
    inspect::Shared,
    pipeline::Pipeline,
    reread::Rereader,
    stored::{self, Layers},
};
use crate::{
    bom::{
        Bom, FileScope,
        overlay::{LayerContent, Reread},
    },
    cache::{Files, Key, Keys, LayerCache, Place, RereadResult},
    detect::{Finding, apk::ApkFile, dpkg::DpkgFile},
    license::{
        CustomLicense, declare,
        text::{Reading, SHORTEST, recognise},
    },
    oci::LayerDescriptor,
};

/// The results of one scan.
pub(super) struct Results<'a> {
    reading: stored::Reading<'a>,
    shared: &'a Shared<'a>,
    cache: Option<Cache<'a>>,
    /// What the licence texts of all layers so far turned out to be.
    readings: Mutex<HashMap<Arc<str>, Option<Reading>>>,
    /// Their bytes.
    texts: AtomicU64,
}

/// Where results are kept, and under which keys.
#[derive(Debug)]
pub(super) struct Cache<'a> {
    pub(super) kept: &'a LayerCache,
    pub(super) keys: Keys,
    detectors: Vec<&'static str>,
}

impl<'a> Results<'a> {
    pub(super) fn new(reading: stored::Reading<'a>, shared: &'a Shared<'a>) -> Self {
        let cache = Cache::of(shared.options);
        Self { reading, shared, cache, readings: Mutex::default(), texts: AtomicU64::new(0) }
    }

    /// What `layer` holds.
    pub(super) fn layer(
        &self,
        layer: &'a LayerDescriptor,
        pipeline: &Layers<'a>,
        stop: Stop<'_>,
    ) -> Result<LayerRead, ScanError> {
        let kept = self.kept(layer);
        if let Some((cache, key)) = &kept
            && let Some(content) = cache.kept.layer(key, cache.place(layer))
        {
            self.skip(layer);
            return Ok(LayerRead { content, is_proved: true });
        }
        let (mut content, is_proved) = stored::read_layer(self.reading, layer, self.shared, pipeline, stop)?;
        self.read_licenses(&mut content);
        if let Some((cache, key)) = kept.filter(|_| is_proved) {
            cache.kept.keep_layer(&key, &content);
        }
        Ok(LayerRead { content, is_proved })
    }

    /// The bill of all layers, if it was kept.
    pub(super) fn bill(&self) -> Option<Bom> {
        let (cache, key, layers) = self.kept_bill()?;
        let subject = self.reading.source.subject();
        let bom = cache.kept.bill(&key, &layers, subject, &cache.detectors)?;
        subject.layers.iter().for_each(|layer| self.skip(layer));
        Some(bom)
    }

    /// Keeps the bill of all layers. To be called when digests proved the bytes of all of them.
    pub(super) fn keep_bill(&self, bom: &Bom) {
        if let Some((cache, key, _)) = self.kept_bill() {
            cache.kept.keep_bill(&key, bom);
        }
    }

    /// What certain files of `layer` say under other names. Takes from `further` what was read more than once.
    pub(super) fn reread(
        &self,
        layer: &'a LayerDescriptor,
        files: &Files,
        further: &mut u64,
    ) -> Result<Vec<Reread>, ScanError> {
        let kept = self.kept(layer).map(|(cache, key)| (cache, cache.keys.reread(&key, files, *further)));
        if let Some((cache, key)) = &kept
            && let Some(result) = cache.kept.reread(key, cache.place(layer))
            && let Some(left) = further.checked_sub(result.further)
        {
            *further = left;
            return Ok(result.read);
        }
        let before = *further;
        let mut rereader = Rereader::new(self.shared, layer.index, files, further);
        let pipeline = Pipeline::new(&[0], 1, self.shared.hashings.clone());
        let walked = stored::walk_layer(self.reading, layer, &pipeline, &mut rereader)?;
        let read = rereader.finish();
        let result = RereadResult { read, further: before.saturating_sub(*further) };
        if let Some((cache, key)) = kept.filter(|_| walked.is_proved) {
            cache.kept.keep_reread(&key, &result);
        }
        Ok(result.read)
    }

    /// Where the result of `layer` is kept, if it is known by a digest.
    fn kept(&self, layer: &LayerDescriptor) -> Option<(&Cache<'a>, Key)> {
        let cache = self.cache.as_ref()?;
        Some((cache, cache.keys.layer(layer)?))
    }

    /// Where the bill is kept, and the results of the layers; if all layers are known by a digest and none may be read in part.
    fn kept_bill(&self) -> Option<(&Cache<'a>, Key, Vec<Key>)> {
        let cache = self.cache.as_ref()?;
        let (bill, layers) = cache.bill(&self.reading.source.subject().layers, self.shared.options)?;
        Some((cache, bill, layers))
    }

    fn skip(&self, layer: &LayerDescriptor) {
        self.reading.progress.begin(layer);
        self.reading.progress.end(layer);
    }

    /// Compares the licence texts in `content` with those that are known: here, since layers are read in parallel.
    fn read_licenses(&self, content: &mut LayerContent) {
        let texts = content.findings.iter().flat_map(|(_, found)| found).flat_map(license_texts);
        let mut read = HashMap::new();
        for text in texts {
            if read.contains_key(&text) {
                continue;
            }
            let bytes = text.len() as u64;
            let before = self.texts.fetch_add(bytes, Ordering::Relaxed);
            if self.shared.limits().license_bytes.check(before.saturating_add(bytes)).is_err() {
                break;
            }
            let known = self.readings.lock().unwrap_or_else(PoisonError::into_inner).get(&text).cloned();
            let reading = known.unwrap_or_else(|| {
                let reading = recognise(&text);
                let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
                readings.insert(Arc::clone(&text), reading.clone());
                reading
            });
            read.insert(text, reading);
        }
        content.readings = read.into_iter().collect();
        content.readings.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
}

/// However a scan ends, the cache has no more in it than it may.
impl Drop for Results<'_> {
    fn drop(&mut self) {
        if let Some(cache) = &self.cache {
            cache.kept.make_room();
        }
    }
}

impl<'a> Cache<'a> {
    pub(super) fn of(options: &'a Options) -> Option<Self> {
        let kept = options.cache.as_ref()?;
        let detectors: Vec<_> =
            options.detectors.iter().map(|detector| (detector.id(), detector.version())).collect();
        let keys = Keys::new(&detectors, options.bill.files != FileScope::None, &options.limits);
        Some(Self { kept, keys, detectors: detectors.into_iter().map(|(id, _)| id).collect() })
    }

    /// The keys of the bill and of the layers; none if one is not known by a digest, or may be read in part.
    pub(super) fn bill(&self, layers: &[LayerDescriptor], options: &Options) -> Option<(Key, Vec<Key>)> {
        if options.partial {
            return None;
        }
        let layers = layers.iter().map(|layer| self.keys.layer(layer)).collect::<Option<Vec<Key>>>()?;
        Some((self.keys.bill(&layers, &options.bill), layers))
    }

    fn place(&self, layer: &LayerDescriptor) -> Place<'_> {
        Place { layer: layer.index, detectors: &self.detectors }
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
