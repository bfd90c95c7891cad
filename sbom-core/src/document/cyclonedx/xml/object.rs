//! The objects of CycloneDX as elements of XML.
//!
//! Objects are taken apart field by field, so that none is forgotten.

use std::io;

use super::markup::{Markup, reference};
use crate::document::cyclonedx::record::{
    Ancestor, Component, Contact, Entity, Evidence, Expression, Hash, Identity, License, LicenseChoice,
    Occurrence, Property, Reference, Swid,
};

pub(super) fn component(out: &mut Markup<'_>, component: &Component<'_>) -> io::Result<()> {
    let Component {
        id,
        kind,
        supplier,
        manufacturer,
        authors,
        author,
        publisher,
        group,
        name,
        version,
        description,
        scope,
        hashes,
        licenses,
        copyright,
        cpe,
        purl,
        swid,
        pedigree,
        external_references,
        evidence,
        properties,
    } = component;
    out.element("component", &[("type", kind), ("bom-ref", &reference(id))], |out| {
        supplier.iter().try_for_each(|supplier| entity(out, "supplier", supplier))?;
        manufacturer.iter().try_for_each(|manufacturer| entity(out, "manufacturer", manufacturer))?;
        let authors = authors.as_ref().map_or(&[][..], |authors| authors);
        out.list("authors", authors, |out, author| contact(out, "author", author))?;
        out.optional("author", author.as_deref())?;
        out.optional("publisher", publisher.as_deref())?;
        out.optional("group", *group)?;
        out.text("name", &[], name)?;
        out.optional("version", *version)?;
        out.optional("description", *description)?;
        out.optional("scope", *scope)?;
        out.list("hashes", hashes, hash)?;
        self::licenses(out, licenses)?;
        out.optional("copyright", *copyright)?;
        out.optional("cpe", *cpe)?;
        out.optional("purl", *purl)?;
        swid.iter().try_for_each(|tag| self::swid(out, tag))?;
        pedigree.iter().try_for_each(|pedigree| {
            out.element("pedigree", &[], |out| out.list("ancestors", &pedigree.ancestors, ancestor))
        })?;
        out.list("externalReferences", external_references, link)?;
        self::properties(out, properties)?;
        evidence.iter().try_for_each(|evidence| self::evidence(out, evidence))
    })
}

pub(super) fn entity(out: &mut Markup<'_>, element: &'static str, entity: &Entity<'_>) -> io::Result<()> {
    let Entity { name, url, contact } = entity;
    out.element(element, &[], |out| {
        out.text("name", &[], name)?;
        url.iter().flatten().try_for_each(|url| out.text("url", &[], url))?;
        contact.iter().flatten().try_for_each(|contact| self::contact(out, "contact", contact))
    })
}

pub(super) fn contact(out: &mut Markup<'_>, element: &'static str, contact: &Contact<'_>) -> io::Result<()> {
    let Contact { name, email } = contact;
    out.element(element, &[], |out| {
        out.optional("name", *name)?;
        out.optional("email", *email)
    })
}

pub(super) fn licenses(out: &mut Markup<'_>, licenses: &[LicenseChoice<'_>]) -> io::Result<()> {
    out.list("licenses", licenses, |out, choice| match choice {
        LicenseChoice::License { license } => self::license(out, license),
        LicenseChoice::Expression(Expression { expression, acknowledgement }) => {
            let acknowledgement = acknowledgement.map(|word| ("acknowledgement", word));
            out.text("expression", acknowledgement.as_slice(), expression)
        }
    })
}

pub(super) fn properties(out: &mut Markup<'_>, properties: &[Property<'_>]) -> io::Result<()> {
    out.list("properties", properties, |out, Property { name, value }| {
        // These name other components.
        if name.starts_with("sbomctl:edge:") {
            return out.text("property", &[("name", name)], &reference(value));
        }
        out.text("property", &[("name", name)], value)
    })
}

fn license(out: &mut Markup<'_>, license: &License<'_>) -> io::Result<()> {
    let License { id, name, acknowledgement, text, properties } = license;
    let acknowledgement = acknowledgement.map(|word| ("acknowledgement", word));
    out.element("license", acknowledgement.as_slice(), |out| {
        out.optional("id", *id)?;
        out.optional("name", *name)?;
        out.optional("text", text.as_ref().map(|text| text.content))?;
        self::properties(out, properties)
    })
}

fn hash(out: &mut Markup<'_>, Hash { alg, content }: &Hash<'_>) -> io::Result<()> {
    out.text("hash", &[("alg", alg)], content)
}

fn swid(out: &mut Markup<'_>, Swid { tag_id, name, version }: &Swid<'_>) -> io::Result<()> {
    let required = [("tagId", *tag_id), ("name", *name)];
    match version {
        Some(version) => out.empty("swid", &[required[0], required[1], ("version", version)]),
        None => out.empty("swid", &required),
    }
}

fn ancestor(out: &mut Markup<'_>, ancestor: &Ancestor<'_>) -> io::Result<()> {
    let Ancestor { kind, name, version, purl } = ancestor;
    out.element("component", &[("type", kind)], |out| {
        out.text("name", &[], name)?;
        out.optional("version", *version)?;
        out.optional("purl", purl.as_deref())
    })
}

fn link(out: &mut Markup<'_>, link: &Reference<'_>) -> io::Result<()> {
    let Reference { kind, url, comment, hashes } = link;
    out.element("reference", &[("type", kind)], |out| {
        out.text("url", &[], url)?;
        out.optional("comment", *comment)?;
        out.list("hashes", hashes, hash)
    })
}

fn evidence(out: &mut Markup<'_>, evidence: &Evidence<'_>) -> io::Result<()> {
    let Evidence { identity, occurrences, licenses, copyright } = evidence;
    out.element("evidence", &[], |out| {
        identity.iter().try_for_each(|identity| self::identity(out, identity))?;
        out.list("occurrences", occurrences, |out, Occurrence { location, additional_context }| {
            out.element("occurrence", &[], |out| {
                out.text("location", &[], location)?;
                out.optional("additionalContext", additional_context.as_deref())
            })
        })?;
        self::licenses(out, licenses)?;
        out.list("copyright", copyright, |out, copyright| out.text("text", &[], copyright.text))
    })
}

fn identity(out: &mut Markup<'_>, identity: &Identity<'_>) -> io::Result<()> {
    let Identity { field, confidence, methods } = identity;
    out.element("identity", &[], |out| {
        out.text("field", &[], field)?;
        out.text("confidence", &[], &confidence.to_string())?;
        out.list("methods", methods, |out, method| {
            out.element("method", &[], |out| {
                out.text("technique", &[], method.technique)?;
                out.text("confidence", &[], &method.confidence.to_string())?;
                out.optional("value", method.value)
            })
        })
    })
}
