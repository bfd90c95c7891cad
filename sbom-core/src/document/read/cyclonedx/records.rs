//! The objects of CycloneDX, member by member, as far as the model has a place for them. Source: the schemas of
//! CycloneDX 1.0 to 1.7.

use super::record::{Record, Source, records};

/// Marks where the component stands that a document is about; it is handed on as soon as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Root;

/// The document itself. Its lists are handed on item by item.
#[derive(Debug, Default)]
pub(super) struct Bom {
    pub(super) format: Option<String>,
    pub(super) spec_version: Option<String>,
    pub(super) serial_number: Option<String>,
    pub(super) version: Option<String>,
    pub(super) metadata: Option<Metadata>,
    pub(super) properties: Vec<Property>,
}

impl Record for Bom {
    fn member<S: Source>(&mut self, name: &str, from: &mut S) -> Result<bool, S::Error> {
        match name {
            "$schema" => from.skip("$schema", &mut ())?,
            "bomFormat" => from.text("bomFormat", &mut self.format)?,
            "specVersion" => from.text("specVersion", &mut self.spec_version)?,
            "serialNumber" => from.text("serialNumber", &mut self.serial_number)?,
            "version" => from.scalar("version", &mut self.version)?,
            "metadata" => from.record("metadata", &mut self.metadata)?,
            "properties" => from.list("properties", &mut self.properties)?,
            "components" => from.components("components", &mut None)?,
            "dependencies" => from.stream("dependencies", |scope, item| scope.dependency(&item))?,
            "compositions" => from.stream("compositions", |scope, item| {
                scope.composition(&item);
                Ok(())
            })?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

records! {
    /// `metadata`.
    Metadata {
        timestamp: Option<String> = text("timestamp"),
        lifecycles: Vec<Lifecycle> = list("lifecycles"),
        tools: Option<Tools> = record("tools"),
        authors: Vec<Contact> = list("authors"),
        component: Root = root("component"),
        manufacture: Option<Entity> = record("manufacture"),
        manufacturer: Option<Entity> = record("manufacturer"),
        supplier: Option<Entity> = record("supplier"),
        licenses: Vec<LicenseChoice> = list("licenses"),
        properties: Vec<Property> = list("properties"),
    }
    /// A phase of the specification, or one by a name of its own.
    Lifecycle {
        phase: Option<String> = text("phase"),
    }
    /// `metadata.tools`: in JSON before 1.5 a list, which counts as the member `tool`, as in XML.
    Tools [LIST = Some("tool")] {
        tool: Vec<Tool> = each("tool"),
        components: Vec<Tool> = list("components"),
        services: Vec<Tool> = list("services"),
    }
    /// A tool, whether as tool, component or service.
    Tool {
        id: () = skip("bom-ref"),
        kind: () = skip("type"),
        group: Option<String> = text("group"),
        name: Option<String> = text("name"),
        version: Option<String> = text("version"),
    }
    /// An organisation.
    Entity {
        id: () = skip("bom-ref"),
        name: Option<String> = text("name"),
        url: Vec<String> = texts("url"),
        contact: Vec<Contact> = each("contact"),
    }
    /// A person.
    Contact {
        id: () = skip("bom-ref"),
        name: Option<String> = text("name"),
        email: Option<String> = text("email"),
    }
    /// A component. `within` is its own index, for those within it.
    Component {
        id: Option<String> = text("bom-ref"),
        kind: Option<String> = text("type"),
        supplier: Option<Entity> = record("supplier"),
        manufacturer: Option<Entity> = record("manufacturer"),
        authors: Vec<Contact> = list("authors"),
        author: Option<String> = text("author"),
        publisher: Option<String> = text("publisher"),
        group: Option<String> = text("group"),
        name: Option<String> = text("name"),
        version: Option<String> = text("version"),
        description: Option<String> = text("description"),
        scope: Option<String> = text("scope"),
        hashes: Vec<Hash> = list("hashes"),
        licenses: Vec<LicenseChoice> = list("licenses"),
        copyright: Option<String> = text("copyright"),
        cpe: Option<String> = text("cpe"),
        purl: Option<String> = text("purl"),
        swid: Option<Swid> = record("swid"),
        modified: Option<String> = scalar("modified"),
        pedigree: Option<Pedigree> = record("pedigree"),
        references: Vec<Reference> = list("externalReferences"),
        properties: Vec<Property> = list("properties"),
        evidence: Option<Evidence> = record("evidence"),
        within: Option<usize> = components("components"),
    }
    /// A digest.
    Hash [BODY = Some("content")] {
        algorithm: Option<String> = text("alg"),
        content: Option<String> = text("content"),
    }
    /// A name and a value.
    Property [BODY = Some("value")] {
        name: Option<String> = text("name"),
        value: Option<String> = text("value"),
    }
    /// A licence or an expression.
    LicenseChoice [ITEMS_ARE_MEMBERS = true] {
        id: () = skip("bom-ref"),
        license: Option<License> = record("license"),
        expression: Option<Expression> = record("expression"),
        acknowledgement: Option<String> = text("acknowledgement"),
    }
    /// An expression; in JSON a bare text.
    Expression [BODY = Some("text")] {
        id: () = skip("bom-ref"),
        text: Option<String> = text("text"),
        acknowledgement: Option<String> = text("acknowledgement"),
    }
    /// A licence by its identifier or name.
    License {
        ref_: () = skip("bom-ref"),
        id: Option<String> = text("id"),
        name: Option<String> = text("name"),
        acknowledgement: Option<String> = text("acknowledgement"),
        text: Option<Attachment> = record("text"),
        url: Option<String> = text("url"),
        properties: Vec<Property> = list("properties"),
    }
    /// A text in whatever encoding.
    Attachment [BODY = Some("content")] {
        kind: () = skip("contentType" | "content-type"),
        encoding: Option<String> = text("encoding"),
        content: Option<String> = text("content"),
    }
    /// What a SWID tag says.
    Swid {
        tag: Option<String> = text("tagId"),
        name: Option<String> = text("name"),
        version: Option<String> = text("version"),
    }
    /// Where a component comes from.
    Pedigree {
        ancestors: Vec<Ancestor> = list("ancestors"),
    }
    /// A component that another was derived from.
    Ancestor {
        id: () = skip("bom-ref"),
        kind: () = skip("type"),
        group: Option<String> = text("group"),
        name: Option<String> = text("name"),
        version: Option<String> = text("version"),
        purl: Option<String> = text("purl"),
    }
    /// A link.
    Reference {
        kind: Option<String> = text("type"),
        url: Option<String> = text("url"),
        comment: Option<String> = text("comment"),
        hashes: Vec<Hash> = list("hashes"),
    }
    /// Where and how a component was found.
    Evidence {
        identity: Vec<Identity> = each("identity"),
        occurrences: Vec<Occurrence> = list("occurrences"),
        licenses: Vec<LicenseChoice> = list("licenses"),
        copyright: Vec<Copyright> = list("copyright"),
    }
    /// By what a component was told to be the one that it is.
    Identity {
        field: Option<String> = text("field"),
        confidence: Option<String> = scalar("confidence"),
        concluded: Option<String> = text("concludedValue"),
        methods: Vec<Method> = list("methods"),
    }
    /// A technique, and what it showed.
    Method {
        technique: Option<String> = text("technique"),
        confidence: Option<String> = scalar("confidence"),
        value: Option<String> = text("value"),
    }
    /// A place where a component was found.
    Occurrence {
        id: () = skip("bom-ref"),
        location: Option<String> = text("location"),
        line: Option<String> = scalar("line"),
        offset: Option<String> = scalar("offset"),
        symbol: Option<String> = text("symbol"),
        context: Option<String> = text("additionalContext"),
    }
    /// A statement of copyright.
    Copyright [BODY = Some("text")] {
        text: Option<String> = text("text"),
    }
    /// What a component needs, and what it provides.
    Dependency {
        from: Option<String> = text("ref"),
        depends_on: Vec<String> = refs("dependsOn" | "dependency"),
        provides: Vec<String> = refs("provides"),
    }
    /// How much is known of some components.
    Composition {
        id: () = skip("bom-ref"),
        aggregate: Option<String> = text("aggregate"),
        assemblies: Vec<String> = refs("assemblies"),
        dependencies: Vec<String> = refs("dependencies"),
    }
}
