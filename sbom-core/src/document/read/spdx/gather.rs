//! The statements of a document of SPDX 2, in any order → the model.

use std::{collections::HashMap, sync::Arc};

use super::{
    annotation::{self, Remark},
    licenses::{Licenses, Whose},
    package, relationship,
    statements::{Annotation, CreationInfo, File, License, Package, Relationship},
    vocabulary,
};
use crate::document::{
    model::{Completeness, ComponentKind, Document, Evidence, Header, Party, RelationshipKind},
    read::{
        Context, ReadError,
        elements::{Copies, Elements, Number},
        records::{Text, lose},
    },
};

const DOCUMENT: &str = "SPDXRef-DOCUMENT";

/// What has been stated so far.
pub(super) struct Gather<'a, 'r, 'c> {
    context: &'r mut Context<'c>,
    header: Header,
    elements: Elements<'a>,
    licenses: Licenses<'a>,
    /// Parties by the text that names them: few make many packages.
    parties: HashMap<String, Option<Arc<Party>>>,
    /// What the document is about, in the order of its statements.
    described: Vec<Number>,
    /// Remarks on elements that need not be known yet.
    remarks: Vec<(Number, Remark)>,
    /// What needs nothing.
    leaves: Vec<Number>,
    /// Packages, and the files that show that they are there.
    evident: Vec<(Number, Number)>,
    packages: Vec<usize>,
    files: usize,
    /// The line that the element at hand begins in, where the form has lines.
    line: Option<usize>,
}

impl<'a, 'r, 'c> Gather<'a, 'r, 'c> {
    pub(super) fn new(format: &'static str, context: &'r mut Context<'c>) -> Self {
        Self {
            context,
            header: Header::default(),
            elements: Elements::new(format),
            licenses: Licenses::default(),
            parties: HashMap::new(),
            described: Vec::new(),
            remarks: Vec::new(),
            leaves: Vec::new(),
            evident: Vec::new(),
            packages: Vec::new(),
            files: 0,
            line: None,
        }
    }

    pub(super) fn name(&mut self, name: &str) {
        name.clone_into(&mut self.header.name);
    }

    pub(super) fn namespace(&mut self, namespace: Text<'a>) {
        self.header.identity = namespace.into_known();
    }

    /// A remark on the document as a whole.
    pub(super) fn comment(&mut self, text: &str) {
        append(&mut self.header.comment, text);
    }

    pub(super) fn creation(&mut self, info: &CreationInfo<'a>) {
        lose(&mut self.context.losses, "creationInfo.", &info.unknown);
        match info.created.parse() {
            Ok(time) => self.header.timestamp = Some(time),
            Err(_) if info.created.is_empty() => {}
            Err(_) => self.context.losses.add("creationInfo.created"),
        }
        for creator in &info.creators {
            match creator.trim().split_once(':') {
                Some((kind, name)) if kind.eq_ignore_ascii_case("tool") => {
                    self.header.tools.push(vocabulary::tool(name));
                }
                _ => self.header.authors.extend(vocabulary::party(creator)),
            }
        }
        creation_comment(&mut self.header, &info.comment);
    }

    pub(super) fn license(&mut self, license: &License<'a>) {
        lose(&mut self.context.losses, "hasExtractedLicensingInfos[].", &license.unknown);
        if license.comment.known().is_some() {
            self.context.losses.add("hasExtractedLicensingInfos[].comment");
        }
        if !license.see_also.is_empty() {
            self.context.losses.add("hasExtractedLicensingInfos[].seeAlsos");
        }
        let named = license.name.known().unwrap_or_else(|| license.id.trim_start_matches("LicenseRef-"));
        if !self.licenses.define(license.id.clone().into_inner(), named, &license.text) {
            self.context.losses.add("hasExtractedLicensingInfos[]");
        }
    }

    pub(super) fn package(&mut self, mut package: Package<'a>) -> Result<(), ReadError> {
        let id = std::mem::take(&mut package.id);
        package.id = id.clone();
        let parties = &mut self.parties;
        let party = |text: &str| party(parties, text);
        let component = package::package(&mut package, party, &mut self.context.losses);
        let place = || place(self.line, "packages", self.packages.len());
        let index = self.elements.add(id.clone().into_inner(), component, self.context.limits, place)?;
        self.packages.push(index);
        let (declared, concluded) = (package.license_declared, package.license_concluded);
        self.state(index, Whose::Declared, [declared], "packages[].licenseDeclared");
        self.state(index, Whose::Concluded, [concluded], "packages[].licenseConcluded");
        for annotation in &package.annotations {
            let remark = annotation::read(annotation, &mut self.context.losses);
            self.apply(index, remark);
        }
        let number = self.elements.number(id.into_inner());
        for file in package.has_files {
            let file = self.elements.number(file.into_inner());
            self.elements.relate(number, file, RelationshipKind::Contains, self.context.limits)?;
        }
        Ok(())
    }

    /// The line of the element that comes next, for errors.
    pub(super) fn at_line(&mut self, line: usize) {
        self.line = Some(line);
    }

    /// That a package holds a file.
    pub(super) fn holds(&mut self, package: Text<'a>, file: Text<'a>) -> Result<(), ReadError> {
        let package = self.elements.number(package.into_inner());
        let file = self.elements.number(file.into_inner());
        self.elements.relate(package, file, RelationshipKind::Contains, self.context.limits)
    }

    pub(super) fn file(&mut self, mut file: File<'a>) -> Result<(), ReadError> {
        let component = package::file(&mut file, &mut self.context.losses);
        let place = || place(self.line, "files", self.files);
        let index = self.elements.add(file.id.into_inner(), component, self.context.limits, place)?;
        self.files += 1;
        self.state(index, Whose::Declared, file.licenses_found, "files[].licenseInfoInFiles");
        self.state(index, Whose::Concluded, [file.license_concluded], "files[].licenseConcluded");
        for annotation in &file.annotations {
            let remark = annotation::read(annotation, &mut self.context.losses);
            self.apply(index, remark);
        }
        Ok(())
    }

    /// An annotation of the element called `subject`, or of the document.
    pub(super) fn annotation(&mut self, subject: Text<'a>, annotation: &Annotation<'a>) {
        let remark = annotation::read(annotation, &mut self.context.losses);
        if matches!(&*subject, "" | DOCUMENT) {
            if let Remark::Property(property) = remark {
                self.header.properties.push(property);
            }
        } else {
            let number = self.elements.number(subject.into_inner());
            self.remarks.push((number, remark));
        }
    }

    /// What the document says in its own field that it is about.
    pub(super) fn describes(&mut self, id: Text<'a>) {
        let number = self.elements.number(id.into_inner());
        self.described.push(number);
    }

    pub(super) fn relationship(&mut self, stated: Relationship<'a>) -> Result<(), ReadError> {
        lose(&mut self.context.losses, "relationships[].", &stated.unknown);
        let Relationship { from, kind, to, comment, .. } = stated;
        match (kind.trim(), from.trim(), to.trim()) {
            ("DESCRIBES", DOCUMENT, "NONE" | "NOASSERTION") => return Ok(()),
            ("DESCRIBES", DOCUMENT, _) => {
                self.describes(to);
                return Ok(());
            }
            ("DESCRIBED_BY", _, DOCUMENT) => {
                self.describes(from);
                return Ok(());
            }
            _ => {}
        }
        let meaning = relationship::meaning(kind.trim());
        let from = self.elements.number(from.into_inner());
        if matches!(to.trim(), "NONE" | "NOASSERTION") {
            if to.trim() == "NONE" && meaning.kind == RelationshipKind::DependsOn && !meaning.reversed {
                self.leaves.push(from);
            }
            return Ok(());
        }
        let to = self.elements.number(to.into_inner());
        let comment = comment.trim();
        let mut kind = meaning.kind;
        if let Some(refined) = RelationshipKind::from_name(comment) {
            kind = refined;
        } else if comment.starts_with("evident-by:") {
            self.evident.push((from, to));
            return Ok(());
        } else if comment.starts_with("ownership-by-file-overlap:") {
            kind = RelationshipKind::Contains;
        } else {
            if !meaning.exact {
                self.context.losses.add("relationships[].relationshipType");
            }
            if !comment.is_empty() {
                self.context.losses.add("relationships[].comment");
            }
        }
        let (from, to) = if meaning.reversed { (to, from) } else { (from, to) };
        self.elements.relate(from, to, kind, self.context.limits)
    }

    /// Counts something that the model has no place for.
    pub(super) fn lose(&mut self, place: &str) {
        self.context.losses.add(place);
    }

    /// Counts a field of the document itself that the model has no place for.
    pub(super) fn lose_field(&mut self, field: &Text<'a>) {
        lose(&mut self.context.losses, "", std::slice::from_ref(field));
    }

    /// The version that the document names, `SPDX-2.3`.
    pub(super) fn version(&mut self, named: &str) {
        named.strip_prefix("SPDX-").unwrap_or(named).clone_into(&mut self.context.version);
    }

    pub(super) fn finish(mut self) -> Result<Document, ReadError> {
        for (number, remark) in std::mem::take(&mut self.remarks) {
            match self.elements.index(number) {
                Some(index) => self.apply(index, remark),
                None => self.context.losses.add("annotations[]"),
            }
        }
        self.weigh_evidence()?;
        for &leaf in &self.leaves {
            let component = self.elements.index(leaf).and_then(|index| self.elements.component(index));
            if let Some(component) = component {
                component.completeness = Completeness::Complete;
            }
        }
        if self.header.tools.iter().any(|tool| tool.name == "syft") {
            self.elements.components().iter_mut().for_each(package::module_sums);
        }
        let root = self.root();
        self.licenses.resolve(self.elements.components(), self.context)?;
        let mut document = self.elements.resolve(self.context, "relationships[]");
        document.header = self.header;
        document.root = root;
        Ok(document)
    }

    /// The first of the elements that the document describes; of a document that names none and has a single
    /// package, that package.
    fn root(&mut self) -> Option<usize> {
        let mut known = Vec::new();
        for &number in &self.described {
            match self.elements.index(number) {
                Some(index) => known.push(index),
                None => self.context.losses.add("documentDescribes"),
            }
        }
        let first = known.first().copied();
        // The field and the relationship may both say so.
        known.sort_unstable();
        known.dedup();
        for _ in known.iter().skip(1) {
            self.context.losses.add("documentDescribes");
        }
        let only = match self.packages.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        first.or(only)
    }

    /// What shows that a package is there is where it was found.
    fn weigh_evidence(&mut self) -> Result<(), ReadError> {
        let copies = Copies::new(self.context.limits);
        for (package, file) in std::mem::take(&mut self.evident) {
            let file = self.elements.index(file).and_then(|index| self.elements.component(index));
            let location = match file.filter(|file| file.kind == ComponentKind::File) {
                Some(file) => {
                    copies.add(&file.name)?;
                    Some(file.name.clone())
                }
                None => None,
            };
            let package = self.elements.index(package).and_then(|index| self.elements.component(index));
            if let (Some(location), Some(package)) = (location, package) {
                let evidence =
                    Evidence { location, layer: None, technique: None, confidence: None, detail: None };
                package.evidence.push(evidence);
            } else {
                self.context.losses.add("relationships[]");
            }
        }
        Ok(())
    }

    fn state(
        &mut self,
        index: usize,
        whose: Whose,
        expressions: impl IntoIterator<Item = Text<'a>>,
        place: &str,
    ) {
        self.licenses.state(index, whose, expressions, self.context, place);
    }

    fn apply(&mut self, index: usize, remark: Remark) {
        match remark {
            Remark::Id(id) => self.elements.name(index, &id),
            Remark::Property(property) => {
                if let Some(component) = self.elements.component(index) {
                    component.properties.push(property);
                }
            }
        }
    }
}

/// Where an identifier stands, as errors name it.
fn place(line: Option<usize>, list: &str, index: usize) -> String {
    line.map_or_else(|| format!("{list}[{index}].SPDXID"), |line| format!("line {line}"))
}

fn party(parties: &mut HashMap<String, Option<Arc<Party>>>, text: &str) -> Option<Arc<Party>> {
    if text.is_empty() {
        return None;
    }
    if let Some(party) = parties.get(text) {
        return party.clone();
    }
    let party = vocabulary::party(text).map(Arc::new);
    parties.insert(text.to_owned(), party.clone());
    party
}

/// Takes in what creation information remarks: at which point of the lifecycle the document was made, in the words of
/// the SPDX specification, and anything else.
pub(super) fn creation_comment(header: &mut Header, comment: &str) {
    let mut rest = Vec::new();
    for line in comment.lines() {
        let sbom_type = line.strip_prefix("SBOM Type:");
        match sbom_type.and_then(vocabulary::lifecycle) {
            Some(phase) => header.lifecycles.push(phase),
            // Every writer says this of what it writes.
            None if line.starts_with("Completeness: ") => {}
            None => rest.push(line),
        }
    }
    append(&mut header.comment, &rest.join("\n"));
}

/// Adds a paragraph.
pub(super) fn append(text: &mut Option<String>, more: &str) {
    let more = more.trim();
    if more.is_empty() {
        return;
    }
    match text {
        Some(text) => {
            text.push('\n');
            text.push_str(more);
        }
        None => *text = Some(more.to_owned()),
    }
}
