//! Syft's own JSON, schema 16 → the model.
//!
//! It says more than Syft's documents of other formats: which file in which layer shows each package, and what the
//! package's database says of it. The latter is kept under the names that Syft gives it in CycloneDX.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};

use super::{
    Context, ReadError,
    elements::{Copies, Elements, Number},
    records::{self, Each, Text, lose, records, stop_at},
    shortened,
    spdx::Licenses,
    value::Object,
};
use crate::document::model::{
    ComponentKind, Document, Evidence, Header, Relationship, RelationshipKind, Tool,
};

mod artifact;
mod subject;

use artifact::{Artifact, File, Location};

const FORMAT: &str = "syft-json";

/// Reads a document of Syft's own format.
pub(in crate::document) fn read(bytes: &[u8], context: &mut Context<'_>) -> Result<Document, ReadError> {
    let mut gather = Gather {
        context,
        elements: Elements::new(FORMAT),
        licenses: Licenses::default(),
        located: Vec::new(),
        evident: Vec::new(),
        header: Header::default(),
        source: Object::default(),
        distro: Object::default(),
        artifacts: 0,
        files: 0,
    };
    let mut failure = None;
    let seed = DocumentSeed { gather: &mut gather, failure: &mut failure };
    let read = records::parse(FORMAT, bytes, seed);
    if let Some(failure) = failure {
        return Err(failure);
    }
    if !read? {
        return Err(unknown_version(""));
    }
    gather.finish()
}

fn unknown_version(version: &str) -> ReadError {
    let version = shortened(version);
    ReadError::Version { format: FORMAT, version, known: "16.*" }
}

records! {
    /// What one artifact, file or source has to do with another.
    Edge<'a> {
        parent: Text<'a> = "parent",
        child: Text<'a> = "child",
        kind: Text<'a> = "type",
        metadata: Object<'a> = "metadata",
    }
}

/// What has been read so far.
struct Gather<'a, 'r, 'c> {
    context: &'r mut Context<'c>,
    elements: Elements<'a>,
    licenses: Licenses<'a>,
    /// Where components were found, while the layers may not be known yet.
    located: Vec<(usize, Location<'a>)>,
    /// Artifacts, and the files that show that they are there.
    evident: Vec<(Number, Number)>,
    header: Header,
    source: Object<'a>,
    distro: Object<'a>,
    artifacts: usize,
    files: usize,
}

impl<'a> Gather<'a, '_, '_> {
    fn artifact(&mut self, mut artifact: Artifact<'a>) -> Result<(), ReadError> {
        let component = artifact::component(&mut artifact, &mut self.context.losses);
        let place = || format!("artifacts[{}].id", self.artifacts);
        let index = self.elements.add(artifact.id.into_inner(), component, self.context.limits, place)?;
        self.artifacts += 1;
        artifact::licenses(artifact.licenses, index, &mut self.licenses, self.context);
        self.located.extend(artifact.locations.into_iter().map(|location| (index, location)));
        Ok(())
    }

    fn file(&mut self, file: File<'a>) -> Result<(), ReadError> {
        let (component, id, location) = artifact::file(file, &mut self.context.losses);
        let place = || format!("files[{}].id", self.files);
        let index = self.elements.add(id.into_inner(), component, self.context.limits, place)?;
        self.files += 1;
        self.located.push((index, location));
        Ok(())
    }

    fn edge(&mut self, edge: Edge<'a>) -> Result<(), ReadError> {
        lose(&mut self.context.losses, "artifactRelationships[].", &edge.unknown);
        // Of a file that shows that an artifact is there, whether it does so alone.
        if edge.kind != Text::from("evident-by") && edge.metadata.rest().next().is_some() {
            self.context.losses.add("artifactRelationships[].metadata");
        }
        let parent = self.elements.number(edge.parent.into_inner());
        let child = self.elements.number(edge.child.into_inner());
        let (from, to, kind) = match &*edge.kind {
            "contains" | "ownership-by-file-overlap" => (parent, child, RelationshipKind::Contains),
            // The parent is what the child depends on.
            "dependency-of" => (child, parent, RelationshipKind::DependsOn),
            "evident-by" => {
                self.evident.push((parent, child));
                return Ok(());
            }
            _ => {
                self.context.losses.add("artifactRelationships[].type");
                (parent, child, RelationshipKind::Other)
            }
        };
        self.elements.relate(from, to, kind, self.context.limits)
    }

    fn descriptor(&mut self, mut descriptor: Object<'a>) {
        let (name, version) = (descriptor.text("name"), descriptor.text("version"));
        if let Some(name) = name.into_known() {
            let version = version.known().filter(|version| *version != "[not provided]").unwrap_or_default();
            self.header.tools.push(Tool { name, version: version.to_owned() });
        }
        if let Ok(time) = descriptor.text("timestamp").parse() {
            self.header.timestamp = Some(time);
        }
        self.lose_rest(descriptor, "descriptor.");
    }

    fn lose_rest(&mut self, object: Object<'a>, place: &str) {
        let fields: Vec<Text<'a>> = object.rest().map(|(key, _)| key).collect();
        lose(&mut self.context.losses, place, &fields);
    }

    fn finish(mut self) -> Result<Document, ReadError> {
        let mut source = std::mem::take(&mut self.source);
        let (layers, root) = subject::subject(&mut source);
        self.lose_rest(source, "source.");
        let root = match root {
            Some((id, component)) => {
                self.header.name.clone_from(&component.name);
                let place = || "source.id".to_owned();
                Some(self.elements.add(id.into_inner(), component, self.context.limits, place)?)
            }
            None => None,
        };
        let mut distro = std::mem::take(&mut self.distro);
        let system = subject::system(&mut distro);
        self.lose_rest(distro, "distro.");
        let distribution = match system {
            Some((component, mut distribution)) => {
                let index = self.elements.add("".into(), component, self.context.limits, String::new)?;
                distribution.component = index;
                Some(distribution)
            }
            None => None,
        };
        self.weigh_evidence()?;
        self.licenses.resolve(self.elements.components(), self.context)?;
        let mut document = self.elements.resolve(self.context, "artifactRelationships[]");
        let by_digest: HashMap<String, usize> = layers
            .iter()
            .filter_map(|layer| Some((layer.diff_id.as_ref()?.to_string(), layer.index)))
            .collect();
        for (index, location) in self.located {
            let found = artifact::evidence(&location, &by_digest);
            if let Some(component) = document.components.get_mut(index) {
                component.evidence.push(found);
            }
        }
        if let (Some(from), Some(system)) = (root, &distribution) {
            let kind = RelationshipKind::Contains;
            document.relationships.push(Relationship { from, to: system.component, kind });
        }
        document.header = self.header;
        document.layers = layers;
        document.root = root;
        document.distribution = distribution;
        Ok(document)
    }

    /// A file that shows that an artifact is there is where it was found. Mostly, its locations say so, too.
    fn weigh_evidence(&mut self) -> Result<(), ReadError> {
        let copies = Copies::new(self.context.limits);
        let mut said: HashSet<(usize, String)> = HashSet::new();
        for (index, location) in &self.located {
            said.insert((*index, (*location.path).to_owned()));
        }
        for (artifact, file) in std::mem::take(&mut self.evident) {
            let (artifact, file) = (self.elements.index(artifact), self.elements.index(file));
            let file = file.and_then(|index| self.elements.component(index));
            let (Some(artifact), Some(file)) =
                (artifact, file.filter(|file| file.kind == ComponentKind::File))
            else {
                self.context.losses.add("artifactRelationships[]");
                continue;
            };
            copies.add(&file.name)?;
            let location = file.name.clone();
            if said.insert((artifact, location.clone())) {
                let evidence =
                    Evidence { location, layer: None, technique: None, confidence: None, detail: None };
                if let Some(component) = self.elements.component(artifact) {
                    component.evidence.push(evidence);
                }
            }
        }
        Ok(())
    }
}

/// The top of a document. Its value: whether it has named a version.
struct DocumentSeed<'s, 'a, 'r, 'c> {
    gather: &'s mut Gather<'a, 'r, 'c>,
    failure: &'s mut Option<ReadError>,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, 'de, '_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, 'de, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document of Syft")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Self { gather, failure } = self;
        let mut versioned = false;
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                "schema" => {
                    let mut schema = map.next_value::<Option<Object<'de>>>()?.unwrap_or_default();
                    let version = schema.text("version");
                    let known = version.split('.').next() == Some("16");
                    stop_at(if known { Ok(()) } else { Err(unknown_version(&version)) }, failure)?;
                    (*version).clone_into(&mut gather.context.version);
                    versioned = true;
                }
                "artifacts" => {
                    map.next_value_seed(Each::new(failure, |artifact: Artifact<'de>| {
                        gather.artifact(artifact)
                    }))?;
                }
                "files" => map.next_value_seed(Each::new(failure, |file: File<'de>| gather.file(file)))?,
                "artifactRelationships" => {
                    map.next_value_seed(Each::new(failure, |edge: Edge<'de>| gather.edge(edge)))?;
                }
                "source" => gather.source = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "distro" => gather.distro = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "descriptor" => gather.descriptor(map.next_value::<Option<_>>()?.unwrap_or_default()),
                _ => {
                    records::skip(&mut map)?;
                    lose(&mut gather.context.losses, "", std::slice::from_ref(&key));
                }
            }
        }
        Ok(versioned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::{model::Distribution, read::Losses},
        limits::Limits,
    };

    const SMALL: &str = include_str!("tests/small.syft.json");

    fn read_text(text: &str) -> (Result<Document, ReadError>, Losses) {
        let limits = Limits::default();
        let mut context = Context::new(&limits);
        let read = read(text.as_bytes(), &mut context).map(|mut document| {
            document.normalise();
            document
        });
        (read, context.losses)
    }

    #[test]
    fn a_small_document_is_read_whole() {
        let (document, losses) = read_text(SMALL);
        let document = document.unwrap();
        assert_eq!(
            losses.to_string(),
            "artifactRelationships[].type (1), artifacts[].invented (1), artifacts[].metadata.files (1), \
             descriptor.configuration (1)"
        );
        assert_eq!(document.header.tools, [Tool { name: "syft".to_owned(), version: "1.18.1".to_owned() }]);
        let ids: Vec<&str> = document.components.iter().map(|component| component.id.as_str()).collect();
        let deb = "pkg:deb/debian/libx@1.0-1?arch=amd64&distro=debian-12";
        let rpm = "pkg:rpm/fedora/bind-libs@9-1?arch=x86_64&epoch=32";
        assert_eq!(ids, ["a2", "f1", "os:debian@12", deb, rpm, "s1"]);
        let root = document.root().unwrap();
        assert_eq!((root.kind, root.name.as_str()), (ComponentKind::Container, "docker.io/library/demo:1"));
        assert_eq!(root.property("sbomctl:oci:label:maintainer"), Some("nobody"));
        assert_eq!(root.hashes[0].hex, "b".repeat(64));
        assert_eq!(document.layers.len(), 1);

        let lib = &document.components[3];
        assert_eq!(lib.cpes, ["cpe:2.3:a:x:libx:1.0:*:*:*:*:*:*:*", "cpe:2.3:a:x:x:1.0:*:*:*:*:*:*:*"]);
        assert_eq!(
            lib.declared.expression.as_deref(),
            Some("GPL-2.0-only AND LicenseRef-our-own-36cec8084ec5")
        );
        assert_eq!(&*lib.declared.custom[0].text, "do what you like");
        assert_eq!(lib.concluded.expression.as_deref(), Some("MIT"));
        let source = lib.source.as_ref().unwrap();
        assert_eq!((source.name.as_str(), source.version.as_str()), ("x", "1.0-1"));
        assert_eq!(lib.originator.as_ref().unwrap().email.as_deref(), Some("jane@example.org"));
        assert_eq!(lib.property("syft:metadata:installedSize"), Some("12"));
        let found: Vec<_> = lib.evidence.iter().map(|found| (found.location.as_str(), found.layer)).collect();
        assert_eq!(found, [("/usr/lib/libx.so", None), ("/var/lib/dpkg/status", Some(0))]);

        let source = document.components[4].source.as_ref().unwrap();
        assert_eq!((source.name.as_str(), source.version.as_str()), ("bind", "9.16.23-14.fc40"));
        let module = &document.components[0];
        assert_eq!(module.property("sbomctl:go:h1"), Some("h1:abc="));

        let system = document.distribution.clone().unwrap();
        let expected = Distribution {
            component: 2,
            id: "debian".to_owned(),
            version_id: Some("12".to_owned()),
            codename: Some("bookworm".to_owned()),
            pretty_name: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
            ..Distribution::default()
        };
        assert_eq!(system, expected);
        let edges: Vec<_> =
            document.relationships.iter().map(|edge| (edge.from, edge.to, edge.kind.name())).collect();
        assert_eq!(
            edges,
            [
                (0, 3, "other"),
                (3, 0, "contains"),
                (4, 3, "dependsOn"),
                (5, 2, "contains"),
                (5, 3, "contains")
            ]
        );
    }

    #[test]
    fn other_schemas_and_what_is_no_document_are_refused() {
        let message = |text: &str| read_text(text).0.unwrap_err().to_string();
        assert_eq!(message("{}"), "syft-json \"\" cannot be read; the versions are 16.*");
        assert!(message(r#"{"schema":{"version":"3.1.0"}}"#).contains("\"3.1.0\" cannot be read"));
        assert!(message(r#"{"artifacts":{}}"#).contains("expected a list"));
        assert!(
            message(r#"{"schema":{"version":"16.0.0"},"artifacts":[{"id":"a"},{"id":"a"}]}"#)
                .contains("artifacts[1].id: \"a\" is the identifier of more than one element")
        );
    }
}
