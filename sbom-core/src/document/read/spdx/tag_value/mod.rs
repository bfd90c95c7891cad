//! SPDX 2.1 to 2.3 as tags and values: an element is all tags from the one that begins it to the next such.
//!
//! Tags become the same [statements](super::statements) that JSON has, so both forms of a document mean the same.

use super::{
    gather::Gather,
    statements::{Annotation, CreationInfo, File, License, Package, Relationship},
};
use crate::document::{
    model::Document,
    read::{Context, ReadError, records::Text, shortened},
};

mod fields;
mod tags;

use tags::{Tag, Tags, syntax};

const FORMAT: &str = "SPDX 2 tag-value";

/// Reads a document of SPDX 2.1, 2.2 or 2.3 in the form of tags and values.
pub(in crate::document) fn read_tag_value(
    text: &str,
    context: &mut Context<'_>,
) -> Result<Document, ReadError> {
    let mut sections = Sections::new(Gather::new(FORMAT, context));
    for tag in Tags::new(text) {
        sections.tag(tag?)?;
    }
    sections.end()
}

/// The element that tags speak of.
enum Element<'a> {
    Document,
    Package(Box<Package<'a>>),
    File(Box<File<'a>>),
    /// A part of a file, for which the model has no place.
    Snippet,
}

/// What has been begun and not yet ended. Licences, relationships and annotations stand within elements without
/// ending them.
struct Sections<'a, 'r, 'c> {
    gather: Gather<'a, 'r, 'c>,
    version: bool,
    creation: CreationInfo<'a>,
    element: Element<'a>,
    /// The package that the files after it belong to.
    package: Option<Text<'a>>,
    /// The line that the element begins in.
    line: usize,
    license: Option<License<'a>>,
    relationship: Option<Relationship<'a>>,
    annotation: Option<(Text<'a>, Annotation<'a>)>,
}

impl<'a, 'r, 'c> Sections<'a, 'r, 'c> {
    fn new(gather: Gather<'a, 'r, 'c>) -> Self {
        Self {
            gather,
            version: false,
            creation: CreationInfo::default(),
            element: Element::Document,
            package: None,
            line: 1,
            license: None,
            relationship: None,
            annotation: None,
        }
    }

    fn tag(&mut self, tag: Tag<'a>) -> Result<(), ReadError> {
        let Tag { line, name, value } = tag;
        let value = Text(value);
        match name {
            "SPDXVersion" => {
                self.version = true;
                check_version(value.trim())?;
                self.gather.version(value.trim());
            }
            "PackageName" => {
                let package = Package { name: value, ..Package::default() };
                self.begin(line, Element::Package(Box::new(package)))?;
            }
            "FileName" => {
                let file = File { name: value, ..File::default() };
                self.begin(line, Element::File(Box::new(file)))?;
            }
            "SnippetSPDXID" => {
                self.begin(line, Element::Snippet)?;
                self.gather.lose("snippets[]");
            }
            "Relationship" => {
                self.end_relationship()?;
                let [from, kind, to] = fields::words(value);
                if to.is_empty() {
                    return Err(syntax(line, "a relationship is ELEMENT TYPE ELEMENT".to_owned()));
                }
                self.relationship = Some(Relationship { from, kind, to, ..Relationship::default() });
            }
            "Annotator" => {
                self.end_annotation();
                self.annotation =
                    Some((Text::default(), Annotation { annotator: value, ..Annotation::default() }));
            }
            "LicenseID" => {
                self.end_license();
                self.license = Some(License { id: value, ..License::default() });
            }
            _ => {
                if !self.field(name, value) {
                    self.gather.lose_field(&Text::from(name));
                }
            }
        }
        Ok(())
    }

    /// Takes in a tag that begins nothing. Whether there is something that it belongs to.
    fn field(&mut self, name: &'a str, value: Text<'a>) -> bool {
        match name {
            "DataLicense" | "LicenseListVersion" | "AnnotationDate" | "AnnotationType" => true,
            "DocumentName" => {
                self.gather.name(&value);
                true
            }
            "DocumentNamespace" => {
                self.gather.namespace(value);
                true
            }
            "DocumentComment" => {
                self.gather.comment(&value);
                true
            }
            "Creator" => {
                self.creation.creators.push(value);
                true
            }
            "Created" => fields::set(&mut self.creation.created, value),
            "CreatorComment" => fields::set(&mut self.creation.comment, value),
            "RelationshipComment" => {
                self.relationship.as_mut().is_some_and(|stated| fields::set(&mut stated.comment, value))
            }
            "SPDXREF" => self.annotation.as_mut().is_some_and(|(subject, _)| fields::set(subject, value)),
            "AnnotationComment" => self
                .annotation
                .as_mut()
                .is_some_and(|(_, annotation)| fields::set(&mut annotation.comment, value)),
            "ExtractedText" | "LicenseName" | "LicenseCrossReference" | "LicenseComment" => {
                self.license.as_mut().is_some_and(|license| fields::of_license(license, name, value))
            }
            _ => match &mut self.element {
                Element::Document => name == "SPDXID",
                Element::Package(package) => fields::of_package(package, name, value),
                Element::File(file) => fields::of_file(file, name, value),
                // Counted once, as a whole.
                Element::Snippet => true,
            },
        }
    }

    fn begin(&mut self, line: usize, element: Element<'a>) -> Result<(), ReadError> {
        self.end_element()?;
        self.line = line;
        self.element = element;
        Ok(())
    }

    fn end_element(&mut self) -> Result<(), ReadError> {
        self.gather.at_line(self.line);
        match std::mem::replace(&mut self.element, Element::Document) {
            Element::Document | Element::Snippet => Ok(()),
            Element::Package(package) => {
                self.package = Some(package.id.clone());
                self.gather.package(*package)
            }
            Element::File(file) => {
                if let Some(package) = &self.package {
                    self.gather.holds(package.clone(), file.id.clone())?;
                }
                self.gather.file(*file)
            }
        }
    }

    fn end_relationship(&mut self) -> Result<(), ReadError> {
        self.relationship.take().map_or(Ok(()), |stated| self.gather.relationship(stated))
    }

    fn end_annotation(&mut self) {
        if let Some((subject, annotation)) = self.annotation.take() {
            self.gather.annotation(subject, &annotation);
        }
    }

    fn end_license(&mut self) {
        if let Some(license) = self.license.take() {
            self.gather.license(&license);
        }
    }

    fn end(mut self) -> Result<Document, ReadError> {
        if !self.version {
            check_version("")?;
        }
        self.end_element()?;
        self.end_relationship()?;
        self.end_annotation();
        self.end_license();
        self.gather.creation(&self.creation);
        self.gather.finish()
    }
}

fn check_version(version: &str) -> Result<(), ReadError> {
    if matches!(version, "SPDX-2.1" | "SPDX-2.2" | "SPDX-2.3") {
        return Ok(());
    }
    let version = shortened(version);
    Err(ReadError::Version { format: FORMAT, version, known: "SPDX-2.1, SPDX-2.2, SPDX-2.3" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::{
            model::RelationshipKind,
            read::{Losses, spdx::read_json},
        },
        limits::Limits,
    };

    fn read(text: &str) -> (Result<Document, ReadError>, Losses) {
        let limits = Limits::default();
        let mut context = Context::new(&limits);
        let read = read_tag_value(text, &mut context).map(|mut document| {
            document.normalise();
            document
        });
        (read, context.losses)
    }

    #[test]
    fn both_forms_of_a_document_mean_the_same() {
        let (document, losses) = read(include_str!("../tests/small.spdx"));
        let document = document.unwrap();
        assert_eq!(
            losses.to_string(),
            "BuiltDate (1), Invented (1), annotations[].annotator (2), snippets[] (1)"
        );
        let limits = Limits::default();
        let mut context = Context::new(&limits);
        let mut json = read_json(include_bytes!("../tests/small.spdx.json"), &mut context).unwrap();
        json.normalise();
        assert_eq!(document, json);
        let (crlf, _) = read(&include_str!("../tests/small.spdx").replace('\n', "\r\n"));
        assert_eq!(crlf.unwrap(), document);
    }

    #[test]
    fn files_after_a_package_are_its_files() {
        let (document, _) = read(
            "SPDXVersion: SPDX-2.2\nFileName: a\nSPDXID: SPDXRef-a\nPackageName: p\nSPDXID: SPDXRef-p\n\
             FileName: b\nSPDXID: SPDXRef-b\nRelationship: SPDXRef-p  DEPENDS_ON\tNONE\n",
        );
        let document = document.unwrap();
        let edges: Vec<_> =
            document.relationships.iter().map(|edge| (edge.from, edge.to, edge.kind)).collect();
        assert_eq!(edges, [(2, 1, RelationshipKind::Contains)]);
        assert_eq!(document.components[2].name, "p");
    }

    #[test]
    fn errors_name_the_line() {
        let message = |text: &str| read(text).0.unwrap_err().to_string();
        assert!(message("").contains("the versions are SPDX-2.1, SPDX-2.2, SPDX-2.3"));
        assert!(message("SPDXVersion: SPDX-2.0").contains("\"SPDX-2.0\" cannot be read"));
        assert_eq!(
            message("SPDXVersion: SPDX-2.3\nRelationship: a CONTAINS"),
            "SPDX 2 tag-value, line 2, column 1: a relationship is ELEMENT TYPE ELEMENT"
        );
        assert_eq!(
            message("SPDXVersion: SPDX-2.3\nPackageName: a\nSPDXID: x\n\nFileName: b\nSPDXID: x\n"),
            "SPDX 2 tag-value, line 5: \"x\" is the identifier of more than one element"
        );
    }
}
