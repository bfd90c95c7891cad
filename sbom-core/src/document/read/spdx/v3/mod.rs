//! SPDX 3.0 as JSON-LD: a graph of elements in any order, each under an identifier of its own.
//!
//! Every element is taken in as it is met; what refers to others is kept by identifier until all are known. An element
//! may stand inline where another refers to it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, MapAccess, Visitor},
};

use super::{
    licenses::{Licenses, Whose},
    vocabulary,
};
use crate::document::{
    model::{Completeness, Document, LifecyclePhase, Property, RelationshipKind},
    read::{
        Context, ReadError,
        elements::{Elements, Number},
        records::{self, Each, Text, lose},
        shortened,
        value::{Object, Value},
    },
};

mod artifact;
mod creation;
mod finish;
mod licenses;
mod sources;
#[cfg(test)]
mod tests;
mod words;

use artifact::lose_rest;
use creation::{Creation, Creations};
use licenses::{Parts, Terms};

const FORMAT: &str = "SPDX 3 JSON-LD";

/// Reads a document of SPDX 3.0 in the form of JSON-LD.
pub(in crate::document) fn read_3(bytes: &[u8], context: &mut Context<'_>) -> Result<Document, ReadError> {
    let mut gather = Gather::new(context);
    let mut failure = None;
    let read = records::parse(FORMAT, bytes, DocumentSeed { gather: &mut gather, failure: &mut failure });
    if let Some(failure) = failure {
        return Err(failure);
    }
    read?;
    gather.check_version()?;
    gather.finish()
}

/// A document or another collection of elements.
#[derive(Debug)]
struct Collection<'a> {
    id: Cow<'a, str>,
    is_document: bool,
    name: Text<'a>,
    comment: Text<'a>,
    roots: Vec<Cow<'a, str>>,
    creation: Option<Cow<'a, str>>,
    phases: Vec<LifecyclePhase>,
    properties: Vec<Property>,
}

/// Who supplies the component at an index, and who made it.
struct Made<'a> {
    index: usize,
    supplier: Option<Cow<'a, str>>,
    originators: Vec<Cow<'a, str>>,
}

/// What has been read so far.
struct Gather<'a, 'r, 'c> {
    context: &'r mut Context<'c>,
    elements: Elements<'a>,
    creations: Creations<'a>,
    terms: Terms<'a>,
    licenses: Licenses<'a>,
    collections: Vec<Collection<'a>>,
    /// The versions that the document names.
    versions: Vec<Cow<'a, str>>,
    made: Vec<Made<'a>>,
    licensed: Vec<(Number, Whose, Vec<Cow<'a, str>>)>,
    described: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    distributed: Vec<(Number, Number)>,
    completeness: Vec<(Number, Completeness)>,
    annotations: Vec<(Cow<'a, str>, Text<'a>)>,
    packages: Vec<usize>,
    /// Elements met so far, for places and for identifiers of those that have none.
    count: usize,
}

impl<'a, 'r, 'c> Gather<'a, 'r, 'c> {
    fn new(context: &'r mut Context<'c>) -> Self {
        Self {
            context,
            elements: Elements::new(FORMAT),
            creations: Creations::default(),
            terms: Terms::default(),
            licenses: Licenses::default(),
            collections: Vec::new(),
            versions: Vec::new(),
            made: Vec::new(),
            licensed: Vec::new(),
            described: Vec::new(),
            distributed: Vec::new(),
            completeness: Vec::new(),
            annotations: Vec::new(),
            packages: Vec::new(),
            count: 0,
        }
    }

    /// Takes in an element, and says under which identifier.
    fn element(&mut self, mut object: Object<'a>) -> Result<Cow<'a, str>, ReadError> {
        let kind = [object.text("type"), object.text("@type")];
        let kind = kind.iter().map(|kind| type_name(kind)).find(|kind| !kind.is_empty()).unwrap_or_default();
        let ids = [object.text("spdxId"), object.text("@id")];
        let id = ids.into_iter().find(|id| !id.is_empty()).map(Text::into_inner);
        let id = id.unwrap_or_else(|| Cow::Owned(format!("_:element-{}", self.count)));
        self.count += 1;
        let creation = object.take("creationInfo");
        let creation = match creation {
            Value::Object(_) if !self.creations.is_empty() => None,
            creation => self.link(creation)?,
        };
        match kind.as_str() {
            "CreationInfo" => self.creation(id.clone(), &mut object)?,
            "Agent" | "Person" | "Organization" | "SoftwareAgent" | "Tool" => {
                self.creations.add_party(id.clone(), &kind, &mut object);
            }
            "software_Package" | "software_File" | "ai_AIPackage" | "dataset_DatasetPackage" => {
                self.artifact(id.clone(), &kind, &mut object)?;
            }
            "SpdxDocument" | "Bundle" | "Bom" | "software_Sbom" => {
                self.collection(id.clone(), &kind, creation, &mut object)?;
            }
            "Relationship" | "LifecycleScopedRelationship" => self.relationship(&mut object)?,
            "Annotation" => {
                let subject = object.take("subject");
                if let Some(subject) = self.link(subject)? {
                    self.annotations.push((subject, object.text("statement")));
                }
                object.take("annotationType");
                object.take("contentType");
            }
            _ => {
                let parts = self.parts(&mut object)?;
                if !self.terms.add(id.clone(), &kind, &mut object, parts) {
                    lose(&mut self.context.losses, "", &[Text(kind.into())]);
                    return Ok(id);
                }
            }
        }
        lose_rest(object, &kind, &mut self.context.losses);
        Ok(id)
    }

    /// The identifier that a value is; that of the element, if one stands in its place.
    fn link(&mut self, value: Value<'a>) -> Result<Option<Cow<'a, str>>, ReadError> {
        match value {
            Value::Text(id) if !id.is_empty() => Ok(Some(id.into_inner())),
            Value::Object(mut object) => {
                if object.has("type") || object.has("@type") {
                    return self.element(object).map(Some);
                }
                Ok(Some(object.text("@id").into_inner()).filter(|id| !id.is_empty()))
            }
            _ => Ok(None),
        }
    }

    fn links(&mut self, value: Value<'a>) -> Result<Vec<Cow<'a, str>>, ReadError> {
        let mut links = Vec::new();
        for value in value.into_list() {
            links.extend(self.link(value)?);
        }
        Ok(links)
    }

    fn creation(&mut self, id: Cow<'a, str>, object: &mut Object<'a>) -> Result<(), ReadError> {
        let (by, using) = (object.take("createdBy"), object.take("createdUsing"));
        self.versions.push(object.text("specVersion").into_inner());
        let creation = Creation {
            created: object.text("created"),
            by: self.links(by)?,
            using: self.links(using)?,
            comment: object.text("comment"),
        };
        self.creations.add_info(id, creation);
        Ok(())
    }

    fn artifact(&mut self, id: Cow<'a, str>, kind: &str, object: &mut Object<'a>) -> Result<(), ReadError> {
        let mut component = artifact::component(object, kind, &mut self.context.losses);
        let named = component.properties.iter().position(|property| property.name == "sbomctl:id");
        let named = named.map(|at| component.properties.remove(at).value);
        let (supplier, originators) = (object.take("suppliedBy"), object.take("originatedBy"));
        let place = || format!("@graph[{}].spdxId", self.count.saturating_sub(1));
        let index = self.elements.add(id, component, self.context.limits, place)?;
        if let Some(named) = named {
            self.elements.name(index, &named);
        }
        if kind != "software_File" {
            self.packages.push(index);
        }
        let (supplier, originators) = (self.link(supplier)?, self.links(originators)?);
        if supplier.is_some() || !originators.is_empty() {
            self.made.push(Made { index, supplier, originators });
        }
        Ok(())
    }

    fn collection(
        &mut self,
        id: Cow<'a, str>,
        kind: &str,
        creation: Option<Cow<'a, str>>,
        object: &mut Object<'a>,
    ) -> Result<(), ReadError> {
        let (roots, elements) = (object.take("rootElement"), object.take("element"));
        let roots = self.links(roots)?;
        // A list of all elements says nothing; but they may stand in it.
        self.links(elements)?;
        for said in ["dataLicense", "profileConformance"] {
            object.take(said);
        }
        let types = object.texts("software_sbomType");
        let mut properties = Vec::new();
        artifact::extensions(&mut properties, object);
        self.collections.push(Collection {
            id,
            is_document: kind == "SpdxDocument",
            name: object.text("name"),
            comment: object.text("comment"),
            roots,
            creation,
            phases: types.iter().filter_map(|name| vocabulary::lifecycle(name)).collect(),
            properties,
        });
        Ok(())
    }

    /// The elements that a licence is made of.
    fn parts(&mut self, object: &mut Object<'a>) -> Result<Parts<'a>, ReadError> {
        let members = object.take("expandedlicensing_member");
        let subject = [
            object.take("expandedlicensing_subjectLicense"),
            object.take("expandedlicensing_subjectExtendableLicense"),
        ];
        let subject = subject.into_iter().find(|subject| *subject != Value::Nothing).unwrap_or_default();
        let addition = object.take("expandedlicensing_subjectAddition");
        Ok(Parts {
            members: self.links(members)?,
            subject: self.link(subject)?,
            addition: self.link(addition)?,
        })
    }

    fn relationship(&mut self, object: &mut Object<'a>) -> Result<(), ReadError> {
        let (from, to) = (object.take("from"), object.take("to"));
        let (Some(from), to) = (self.link(from)?, self.links(to)?) else {
            self.context.losses.add("Relationship");
            return Ok(());
        };
        let name = object.text("relationshipType");
        let whose = match &*name {
            "hasDeclaredLicense" => Some(Whose::Declared),
            "hasConcludedLicense" => Some(Whose::Concluded),
            _ => None,
        };
        if let Some(whose) = whose {
            let from = self.elements.number(from);
            object.take("completeness");
            self.licensed.push((from, whose, to));
            return Ok(());
        }
        if &*name == "describes" {
            object.take("completeness");
            self.described.extend(to.into_iter().map(|to| (from.clone(), to)));
            return Ok(());
        }
        let from = self.elements.number(from);
        if &*name == "hasDistributionArtifact" {
            object.take("completeness");
            for to in to {
                let to = self.elements.number(to);
                self.distributed.push((from, to));
            }
            return Ok(());
        }
        self.relate(from, to, &name, object)
    }

    fn relate(
        &mut self,
        from: Number,
        to: Vec<Cow<'a, str>>,
        name: &str,
        object: &mut Object<'a>,
    ) -> Result<(), ReadError> {
        let meaning = words::meaning(name, &object.text("scope"));
        let comment = object.text("comment");
        let refined = RelationshipKind::from_name(comment.trim());
        if refined.is_none() && !comment.is_empty() {
            self.context.losses.add("Relationship.comment");
        }
        if refined.is_none() && !meaning.exact {
            self.context.losses.add("Relationship.relationshipType");
        }
        let kind = refined.unwrap_or(meaning.kind);
        let proven = to.iter().any(|to| to.ends_with("NoneElement"));
        let completeness = match &*object.text("completeness") {
            "complete" => Some(Completeness::Complete),
            "incomplete" => Some(Completeness::Incomplete),
            "" if proven => Some(Completeness::Complete),
            _ => None,
        };
        if let Some(completeness) = completeness.filter(|_| kind.is_need() && !meaning.reversed) {
            self.completeness.push((from, completeness));
        }
        for to in to {
            if to.ends_with("NoneElement") || to.ends_with("NoAssertionElement") {
                continue;
            }
            let to = self.elements.number(to);
            let (from, to) = if meaning.reversed { (to, from) } else { (from, to) };
            self.elements.relate(from, to, kind, self.context.limits)?;
        }
        Ok(())
    }

    fn check_version(&mut self) -> Result<(), ReadError> {
        let known = |version: &str| version == "3.0" || version.starts_with("3.0.");
        let mut named = self.versions.iter().filter(|version| !version.is_empty());
        if let Some(version) = named.next() {
            self.context.version.push_str(version);
        }
        match self.versions.iter().find(|version| !version.is_empty() && !known(version)) {
            None if !self.context.version.is_empty() => Ok(()),
            unknown => {
                let version = unknown.map_or_else(String::new, |version| shortened(version));
                Err(ReadError::Version { format: FORMAT, version, known: "3.0.*" })
            }
        }
    }
}

/// The name of a type as the context of SPDX abbreviates it, from any form of it.
fn type_name(kind: &str) -> String {
    let Some((_, path)) = kind.split_once("/terms/") else {
        return kind.strip_prefix("spdx:").unwrap_or(kind).to_owned();
    };
    match path.split_once('/') {
        Some(("Core", name)) => name.to_owned(),
        Some((profile, name)) => format!("{}_{name}", profile.to_ascii_lowercase()),
        None => path.to_owned(),
    }
}

/// The version that the address of a context names.
fn context_version(context: &str) -> Option<&str> {
    let (_, rest) = context.split_once("spdx.org/rdf/")?;
    rest.split('/').next().map(|version| version.trim_start_matches('v'))
}

/// The top of a document: a graph, or a single element.
struct DocumentSeed<'s, 'a, 'r, 'c> {
    gather: &'s mut Gather<'a, 'r, 'c>,
    failure: &'s mut Option<ReadError>,
}

impl<'de> DeserializeSeed<'de> for DocumentSeed<'_, 'de, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for DocumentSeed<'_, 'de, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document of SPDX 3")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { gather, failure } = self;
        let mut single = Object::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match &*key {
                "@context" => {
                    for context in map.next_value::<Value<'de>>()?.into_list() {
                        if let Value::Text(context) = context {
                            let version = context_version(&context).map(|version| version.to_owned().into());
                            gather.versions.extend(version);
                        }
                    }
                }
                "@graph" => map.next_value_seed(Each::new(failure, |element: Object<'de>| {
                    gather.element(element).map(drop)
                }))?,
                _ => single.push(key, map.next_value()?),
            }
        }
        if !single.is_empty() {
            records::stop_at(gather.element(single).map(drop), failure)?;
        }
        Ok(())
    }
}
