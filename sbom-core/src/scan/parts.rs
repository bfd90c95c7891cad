//! Layers that are read in part: where that is wanted and possible, and what follows if it turns out not to be.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{
    Progress, ScanError, Stop,
    inspect::{Inspector, Shared},
};
use crate::{
    bom::{FileScope, overlay::Overlay},
    cache::LayerResult,
    detect::{Gap, GapKind},
    layer::{
        EntrySink, LayerError,
        partial::{Form, PartialError, walk},
    },
    oci::{LayerDescriptor, Proof, Subject},
    source::Source,
};

/// Layers of fewer bytes are read whole, and so proved whole: parts would bring next to nothing.
const SMALL: u64 = 128 << 10;

/// The layers of one subject, as far as they are read in part.
pub(super) struct Parts<'a> {
    source: &'a dyn Source,
    shared: &'a Shared<'a>,
    progress: &'a dyn Progress,
    /// The layers that were.
    read: Mutex<BTreeMap<usize, Proof>>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(source: &'a dyn Source, shared: &'a Shared<'a>, progress: &'a dyn Progress) -> Self {
        Self { source, shared, progress, read: Mutex::default() }
    }

    /// Reads what detectors could want of one layer. None if the layer has to be read whole: that it was tried leaves
    /// no trace in the bill.
    pub(super) fn read_layer(
        &self,
        layer: &LayerDescriptor,
        stop: Stop<'_>,
    ) -> Option<Result<LayerResult, ScanError>> {
        let options = self.shared.options;
        // Whoever wants all files hashed needs all of them.
        if !options.partial || options.bill.files != FileScope::None || layer.size? < SMALL {
            return None;
        }
        let (access, form) = self.source.open_parts(layer)?;
        let mut inspector = Inspector::new(self.shared, layer.index, stop);
        self.progress.begin(layer);
        let report = |bytes| self.progress.advance(layer, bytes);
        let walked = walk(&*access, &form, self.shared.limits(), &report, &mut inspector);
        self.progress.end(layer);
        match walked {
            Ok(()) => {
                let proof = proof(&form);
                self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(layer.index, proof);
                Some(Ok(inspector.finish()))
            }
            Err(PartialError::Layer(LayerError::Stopped)) => Some(Err(ScanError::Stopped)),
            Err(error) => {
                let text = format!("{} cannot be read in part and is read whole: {error}", layer.label());
                self.progress.note(layer, &text);
                None
            }
        }
    }

    /// Hands a layer that was read in part to `sink` once more. False if that has to be done with the whole, and what
    /// the sink took is to be thrown away.
    pub(super) fn walk(&self, layer: &LayerDescriptor, sink: &mut dyn EntrySink) -> bool {
        if !self.read.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&layer.index) {
            return false;
        }
        let Some((access, form)) = self.source.open_parts(layer) else { return false };
        walk(&*access, &form, self.shared.limits(), &|_| {}, sink).is_ok()
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
