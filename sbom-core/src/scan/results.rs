//! What layers give, and the bill they come to: found in the cache, or read, and kept there once all digests were proved.

use super::{
    LayerRead, Options, ScanError, Stop,
    inspect::Shared,
    pipeline::Pipeline,
    reread::Rereader,
    stored::{self, Layers},
};
use crate::{
    bom::{Bom, FileScope, overlay::Reread},
    cache::{Files, Key, Keys, LayerCache, Place, RereadResult},
    oci::LayerDescriptor,
};

/// The results of one scan.
pub(super) struct Results<'a> {
    reading: stored::Reading<'a>,
    shared: &'a Shared<'a>,
    cache: Option<Cache<'a>>,
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
        Self { reading, shared, cache }
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
        let (content, is_proved) = stored::read_layer(self.reading, layer, self.shared, pipeline, stop)?;
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
        let pipeline = Pipeline::new(&[0], 1, self.shared.aside.clone());
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
