//! Layers that are read in part: where that is wanted and possible, and what follows if it turns out not to be.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Mutex, PoisonError},
};

use super::{
    Progress, ScanError, Stop,
    inspect::{Inspector, Shared},
    reread::Rereader,
};
use crate::{
    bom::{
        FileScope,
        overlay::{LayerContent, Overlay, Reread},
    },
    cache::Files,
    detect::{Gap, GapKind},
    layer::{
        EntrySink, LayerError,
        partial::{Extent, Form, PartialError, RandomAccess, Reading, walk},
    },
    oci::{LayerDescriptor, Proof, Subject},
    source::Source,
};

#[cfg(test)]
mod tests;

/// Layers of fewer bytes are read whole, and so proved whole: parts would bring next to nothing.
const SMALL: u64 = 128 << 10;

/// The layers of one subject, as far as they are read in part.
pub(super) struct Parts<'a> {
    source: &'a dyn Source,
    shared: &'a Shared<'a>,
    progress: &'a dyn Progress,
    is_wanted: bool,
    /// The layers that were, unless that was all of them and proved.
    read: Mutex<BTreeMap<usize, Proof>>,
}

/// What was read in part once could not be a second time: the scan has to begin again with whole layers, for nobody could
/// tell what of the first reading is true.
#[derive(Debug)]
pub(super) struct Lost;

impl<'a> Parts<'a> {
    /// None are, unless `is_wanted`.
    pub(super) fn new(
        source: &'a dyn Source,
        shared: &'a Shared<'a>,
        progress: &'a dyn Progress,
        is_wanted: bool,
    ) -> Self {
        Self { source, shared, progress, is_wanted, read: Mutex::default() }
    }

    /// Reads what detectors could want of one layer; `wake` is for [`Inspector::finish`]. None if the layer has to be read whole:
    /// that it was tried leaves no trace in the bill.
    pub(super) fn read_layer(
        &self,
        layer: &LayerDescriptor,
        stop: Stop<'_>,
        wake: &dyn Fn(),
    ) -> Option<Result<LayerContent, ScanError>> {
        let options = self.shared.options;
        // Whoever wants all files hashed needs all of them.
        if !self.is_wanted || options.bill.files != FileScope::None || layer.size? < SMALL {
            return None;
        }
        let (access, form) = self.source.open_parts(layer)?;
        let mut inspector = Inspector::new(self.shared, layer.index, stop);
        self.progress.begin(layer);
        let report = |bytes| self.progress.advance(layer, bytes);
        let walked = self.walk(layer, &*access, &form, &report, &mut inspector);
        self.progress.end(layer);
        match walked {
            Ok(Extent::Whole) => Some(Ok(inspector.finish(wake))),
            Ok(Extent::Parts) => {
                let proof = proof(&form);
                self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(layer.index, proof);
                Some(Ok(inspector.finish(wake)))
            }
            Err(PartialError::Layer(LayerError::Stopped)) => Some(Err(ScanError::Stopped)),
            Err(error) => {
                let text = format!("{} cannot be read in part and is read whole: {error}", layer.label());
                self.progress.note(layer, &text);
                None
            }
        }
    }

    /// Reads certain files of a layer that was read in part, as [`Results::reread`](super::results::Results::reread) does of
    /// the whole. None if the layer was not read in part.
    pub(super) fn reread(
        &self,
        layer: &LayerDescriptor,
        files: &Files,
        further: &mut u64,
    ) -> Option<Result<Vec<Reread>, Lost>> {
        if !self.read.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&layer.index) {
            return None;
        }
        let Some((access, form)) = self.source.open_parts(layer) else {
            return Some(Err(self.lose(layer, &"its parts are gone")));
        };
        let mut rereader = Rereader::new(self.shared, layer.index, files, further);
        Some(match self.walk(layer, &*access, &form, &|_| {}, &mut rereader) {
            Ok(_) => Ok(rereader.finish()),
            Err(error) => Err(self.lose(layer, &error)),
        })
    }

    fn lose(&self, layer: &LayerDescriptor, why: &dyn Display) -> Lost {
        let label = layer.label();
        self.progress.note(
            layer,
            &format!("{label} cannot be read in part again, so all layers are read whole: {why}"),
        );
        Lost
    }

    fn walk(
        &self,
        layer: &LayerDescriptor,
        access: &dyn RandomAccess,
        form: &Form,
        report: &dyn Fn(u64),
        sink: &mut dyn EntrySink,
    ) -> Result<Extent, PartialError> {
        let (digest, limits, memory) = (layer.digest.as_ref(), self.shared.limits(), &self.shared.windows);
        walk(access, form, &Reading { digest, limits, memory, report }, sink)
    }

    /// Says in the bill which layers were read in part.
    pub(super) fn mark(self, subject: &mut Subject, overlay: &mut Overlay<'_>) {
        for (index, proof) in self.read.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(layer) = subject.layers.get_mut(index) {
                layer.partial = Some(proof);
            }
            let gap = Gap::new(GapKind::Partial, message(proof));
            overlay.gap(Gap { layer: Some(index), ..gap });
        }
    }
}

fn proof(form: &Form) -> Proof {
    match form {
        Form::Estargz(_) => Proof::Estargz,
        Form::ZstdChunked(..) => Proof::ZstdChunked,
        Form::Plain => Proof::Nothing,
    }
}

fn message(proof: Proof) -> &'static str {
    match proof {
        Proof::Estargz | Proof::ZstdChunked => {
            "read in part: the manifest proves what was read, by the layer's table of contents; what is not in that \
             table, or is a program by its content alone, was not looked at"
        }
        Proof::Nothing => {
            "read in part: nothing proves that what was read is of the layer that the manifest names"
        }
    }
}
